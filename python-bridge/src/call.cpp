#include "call.hpp"

#include "answer.hpp"
#include "background.hpp"
#include "bridge.hpp"
#include "carried.hpp"
#include "event_loop.hpp"
#include "file_response.hpp"
#include "host.hpp"
#include "imported.hpp"
#include "job_pool.hpp"
#include "parked_request.hpp"
#include "request_type.hpp"
#include "response_stream.hpp"
#include "traceback_response.hpp"

namespace roost::bridge {

namespace {

// Answers are prepared and sent under the GIL, without letting it go in between but for a value's own __str__ and
// the like: hence one for each thread.
Answer& answer_of_thread() {
  thread_local Answer answer;
  return answer;
}

void log_raised(const roost_request* request, const std::string& why) {
  const std::string id(view(host->text(request, ROOST_TEXT_REQUEST_ID)));
  log(ROOST_LOG_ERROR, "request " + id + ": " + why);
}

}  // namespace

bool is_cancellation() {
  static constinit Imported imported{"asyncio.exceptions", "CancelledError"};
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyObject* const cancelled = imported.get();
  PyErr_Clear();
  PyErr_Restore(type, value, traceback);
  return cancelled != nullptr && PyErr_ExceptionMatches(cancelled);
}

// A plain function's contextvars are those of its request, too: one empty context for each thread, which is left
// behind when something was set in it.
class HandlerContext {
 public:
  // GIL held. False with a Python error.
  bool enter() {
    if (context_ == nullptr && (context_ = PyContext_New()) == nullptr) return false;
    return PyContext_Enter(context_) == 0;
  }
  PyObject* get() const { return context_; }
  // What is set stays set, be it an exception.
  void leave() {
    PyContext_Exit(context_);
    if (PyObject_Size(context_) != 0) Py_CLEAR(context_);
  }

 private:
  PyObject* context_ = nullptr;  // of the thread, held until the process ends
};

HandlerContext& context_of_thread() {
  thread_local HandlerContext context;
  return context;
}

void Call::run() {
  context = nullptr;  // of the request before
  if (coroutine_ != nullptr) {
    on_loop_ = true;
    const Ref carried = std::move(carried_);
    carried_ = Ref();
    Ref coroutine = Ref::steal(std::exchange(coroutine_, nullptr));
    if (!carried)
      batch_->loop_.tasks().run(std::move(coroutine), *this);
    else if (!batch_->loop_.tasks().spawn(coroutine.get(), carried.get(), *this))
      return raised();
    if (task != nullptr) host->on_cancel(responder_, gone, this);
    return;
  }
  on_loop_ = target_->is_async;
  if (host->cancelled(responder_) != 0) {
    host->drop(responder_);
    return finish();
  }
  ParkedRequest parked = take_parked_request(request_);
  roost_responder* const streamed = target_->streams_body ? responder_ : nullptr;
  if (parked.request) {
    request_object_ = parked.request.release();
    attach_request(request_object_, request_, streamed);
  } else {
    request_object_ = new_request(request_, streamed);
  }
  if (request_object_ == nullptr) return raised();
  PyObject* args[] = {nullptr, request_object_};
  const size_t count = (target_->takes_request ? 1 : 0) | PY_VECTORCALL_ARGUMENTS_OFFSET;
  if (on_loop_) {
    Ref coroutine = Ref::steal(PyObject_Vectorcall(target_->function, args + 1, count, nullptr));
    if (!coroutine) return raised();
    if (!parked.context)
      batch_->loop_.tasks().run(std::move(coroutine), *this);
    else if (!batch_->loop_.tasks().spawn(coroutine.get(), parked.context.get(), *this))
      return raised();
    // Suspended: the client may go before it ends.
    if (task != nullptr) host->on_cancel(responder_, gone, this);
    return;
  }
  if (parked.context) {
    if (PyContext_Enter(parked.context.get()) < 0) return raised();
    context = parked.context.get();
    plain(Ref::steal(PyObject_Vectorcall(target_->function, args + 1, count, nullptr)));
    PyContext_Exit(parked.context.get());
    return;
  }
  HandlerContext& own = context_of_thread();
  if (!own.enter()) return raised();
  context = own.get();
  plain(Ref::steal(PyObject_Vectorcall(target_->function, args + 1, count, nullptr)));
  own.leave();
}

// In the pool; this may be another request's afterwards.
void Call::plain(Ref result) {
  if (!result) return raised();
  if (PyCoro_CheckExact(result.get())) {
    coroutine_ = result.release();
    if (PyObject_Size(context) != 0) carried_ = handler_context();
    if (!bridge().ensure_loop()) {
      Py_CLEAR(coroutine_);
      PyErr_SetString(PyExc_RuntimeError, "the event loop cannot be started");
      return raised();
    }
    Job* self = this;
    batch_->loop_.post(&self, 1);
  } else {
    done(std::move(result));
  }
}

void Call::done(Ref result) {
  if (!result) return raised();
  if (target_->is_middleware && (result.get() == Py_None || result.get() == request_object_)) {
    result = Ref();
    detach_request(request_object_);
    Ref set = context != nullptr && PyObject_Size(context) != 0 ? handler_context() : Ref();
    park_request(request_, {Ref::steal(std::exchange(request_object_, nullptr)), std::move(set)});
    // The responder lives on, and this is another request's soon: its client's end is no longer ours to hear of.
    if (on_loop_)
      host->on_cancel(
          responder_, [](void*) {}, nullptr);
    host->resume(responder_);
    return finish();
  }
  Answer& answer = answer_of_thread();
  if (!answer.prepare(result.get())) {
    result = Ref();
    return raised();
  }
  if (answer.kind() == Answer::Kind::stream) {
    stream(answer);
    return finish();
  }
  release_request(std::exchange(request_object_, nullptr));
  if (answer.kind() == Answer::Kind::file)
    send_file(*target_, responder_, answer);
  else
    answer.send(responder_);
  if (answer.background() != nullptr) run_background(Ref::borrow(answer.background()), handler_context(), *target_);
  finish();
}

// What the handler's contextvars hold goes on to what it left to be done: nothing else sees them after it. Empty where
// there are none.
Ref Call::handler_context() {
  return context == nullptr ? Ref() : Ref::steal(PyContext_Copy(context));
}

void Call::stream(Answer& answer) {
  send_stream(*target_, request_, responder_, Ref::steal(std::exchange(request_object_, nullptr)), handler_context(),
              answer);
  answer.discard();
}

// The exception that is set is the answer.
void Call::raised() {
  if (on_loop_ && is_cancellation() && host->cancelled(responder_) != 0) {
    PyErr_Clear();
    if (request_object_ != nullptr) release_request(std::exchange(request_object_, nullptr));
    host->drop(responder_);
    return finish();
  }
  if ((host->cancelled(responder_) != 0 || client_went(request_object_)) &&
      PyErr_ExceptionMatches(PyExc_ConnectionError)) {
    // The client went while its body was read.
    PyErr_Clear();
    if (request_object_ != nullptr) release_request(std::exchange(request_object_, nullptr));
    host->drop(responder_);
    return finish();
  }
  Ref carried = take_carried_response();
  if (carried && !PyErr_Occurred()) return done(std::move(carried));
  const std::string traceback = take_traceback();
  if (request_object_ != nullptr) release_request(std::exchange(request_object_, nullptr));
  const std::string why = target_->name + " raised\n" + traceback;
  if (bridge().development())
    respond_with_traceback(request_, responder_, target_->name, traceback);
  else if (Answer& answer = answer_of_thread();
           carried && answer.prepare(carried.get()) && answer.kind() == Answer::Kind::whole) {
    log_raised(request_, why);
    answer.send(responder_);
  } else {
    PyErr_Clear();
    host->fail(responder_, str(why));
  }
  finish();
}

// Gives this back to its I/O thread. What goes from here is the next request's.
void Call::finish() {
  generation_.fetch_add(1, std::memory_order_relaxed);
  request_ = nullptr;
  responder_ = nullptr;
  CallBatch* batch = batch_;
  next_ = batch->returned_.load(std::memory_order_relaxed);
  while (!batch->returned_.compare_exchange_weak(next_, this, std::memory_order_release, std::memory_order_relaxed)) {
  }
}

// On the I/O thread, which alone hands this out again, or on the loop thread during on_cancel(): so the generation read
// here is that of the request that was cancelled, or of none.
void Call::gone(void* self) {
  Call* call = static_cast<Call*>(self);
  call->batch_->loop_.cancel(call, call->generation_.load(std::memory_order_relaxed));
}

void Call::cancel(uint32_t generation) {
  if (task == nullptr || generation_.load(std::memory_order_relaxed) != generation) return;
  if (!Ref::steal(PyObject_CallMethod(task, "cancel", nullptr))) PyErr_WriteUnraisable(task);
}

Call* CallBatch::allocate() {
  if (free_ == nullptr) free_ = returned_.exchange(nullptr, std::memory_order_acquire);
  if (free_ == nullptr) {
    Call* made = new Call;  // never freed: as many as were under way at once
    made->batch_ = this;
    return made;
  }
  Call* call = free_;
  free_ = call->next_;
  // Again, after finish(): gone() may have read the number in between, and means neither request then.
  call->generation_.fetch_add(1, std::memory_order_relaxed);
  return call;
}

void CallBatch::add(const Target& target, const roost_request* request, roost_responder* responder) {
  Call* call = allocate();
  call->target_ = &target;
  call->request_ = request;
  call->responder_ = responder;
  (target.is_async ? for_loop_ : for_pool_).push_back(call);
}

void CallBatch::flush() {
  if (!for_loop_.empty()) loop_.post(for_loop_.data(), for_loop_.size());
  if (!for_pool_.empty()) pool_.submit(for_pool_.data(), for_pool_.size());
  for_loop_.clear();
  for_pool_.clear();
}

}  // namespace roost::bridge
