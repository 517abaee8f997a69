#include "call.hpp"

#include "answer.hpp"
#include "bridge.hpp"
#include "carried.hpp"
#include "error_page.hpp"
#include "event_loop.hpp"
#include "host.hpp"
#include "job_pool.hpp"
#include "request_type.hpp"

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

bool is_cancellation() {
  static PyObject* cancelled = [] {
    PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
    PyErr_Fetch(&type, &value, &traceback);
    const Ref module = Ref::steal(PyImport_ImportModule("asyncio.exceptions"));
    PyObject* found = module ? PyObject_GetAttrString(module.get(), "CancelledError") : nullptr;
    PyErr_Clear();
    PyErr_Restore(type, value, traceback);
    return found;
  }();
  return cancelled != nullptr && PyErr_ExceptionMatches(cancelled);
}

}  // namespace

void Call::run() {
  if (coroutine_ != nullptr) {
    on_loop_ = true;
    batch_->loop_.tasks().run(Ref::steal(std::exchange(coroutine_, nullptr)), *this);
    if (task != nullptr) host->on_cancel(responder_, gone, this);
    return;
  }
  on_loop_ = target_->is_async;
  if (host->cancelled(responder_) != 0) {
    host->drop(responder_);
    return finish();
  }
  request_object_ = new_request(request_);
  if (request_object_ == nullptr) return raised();
  PyObject* args[] = {nullptr, request_object_};
  Ref result = Ref::steal(PyObject_Vectorcall(
      target_->function, args + 1, (target_->takes_request ? 1 : 0) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  if (!result) return raised();
  if (on_loop_) {
    batch_->loop_.tasks().run(std::move(result), *this);
    // Suspended: the client may go before it ends.
    if (task != nullptr) host->on_cancel(responder_, gone, this);
  } else if (PyCoro_CheckExact(result.get())) {
    coroutine_ = result.release();
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
    release_request(std::exchange(request_object_, nullptr));
    host->resume(responder_);
    return finish();
  }
  Answer& answer = answer_of_thread();
  if (!answer.prepare(result.get())) {
    result = Ref();
    return raised();
  }
  release_request(std::exchange(request_object_, nullptr));
  answer.send(responder_);
  finish();
}

// The exception that is set is the answer.
void Call::raised() {
  if (on_loop_ && is_cancellation() && host->cancelled(responder_) != 0) {
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
  else if (Answer& answer = answer_of_thread(); carried && answer.prepare(carried.get())) {
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
