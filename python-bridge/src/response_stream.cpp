#include "response_stream.hpp"

#include "background.hpp"
#include "borrowed_bytes.hpp"
#include "bridge.hpp"
#include "host.hpp"
#include "imported.hpp"
#include "request_type.hpp"
#include "stream_writer.hpp"

namespace roost::bridge {

namespace {

// Pieces in a row, before other handlers of the pool have their turn.
constexpr int kInARow = 16;

bool is_async_iterator(PyObject* object) {
  const PyAsyncMethods* async = Py_TYPE(object)->tp_as_async;
  return async != nullptr && (async->am_anext != nullptr || async->am_aiter != nullptr);
}

}  // namespace

ResponseStream::ResponseStream(const Target& target, const roost_request* raw, roost_responder* responder, Ref request,
                               Ref context, const Answer& answer)
    : target_(target),
      raw_(raw),
      responder_(responder),
      request_(std::move(request)),
      context_(std::move(context)),
      iterator_(Ref::borrow(answer.source())),
      background_(Ref::borrow(answer.background())),
      on_loop_(is_async_iterator(answer.source())),
      ends_on_drain_(answer.ends_on_drain()) {}

void ResponseStream::begin(const roost_response& head) {
  const bool none = view(raw_->method) == "HEAD" || head.status == 204 || head.status == 304;
  if (!(on_loop_ ? bridge().ensure_loop() : bridge().ensure_pool())) {
    PyErr_SetString(PyExc_RuntimeError, "the event loop cannot be started");
    raised();
    return release();
  }
  const roost_status begun = host->start(responder_, &head);
  if (begun == ROOST_OK) {
    over_ = complete_ = none;
    retain();
    host->on_release(responder_, on_release, this);
    host->on_writable(responder_, on_writable, this);
    host->on_cancel(responder_, on_cancel, this);
    if (ends_on_drain_ && !none) bridge().streams().add(*this);
  } else {
    over_ = true;
    consumed_ = begun != ROOST_INVALID;
    if (!consumed_) {
      log(ROOST_LOG_ERROR, target_.name + ": the handler's response has a header that HTTP does not allow");
    }
  }
  queue();
  release();
}

void ResponseStream::queue() {
  retain();
  Job* self = this;
  if (on_loop_)
    bridge().loop().post(&self, 1);
  else
    bridge().pool().submit(&self, 1);
}

// I/O thread, or whoever calls host->on_cancel().
void ResponseStream::on_writable(void* self) {
  auto* stream = static_cast<ResponseStream*>(self);
  {
    const std::lock_guard lock(stream->mutex_);
    stream->writable_ = true;
    if (!std::exchange(stream->waiting_, false)) return;
  }
  stream->queue();
}

void ResponseStream::on_cancel(void* self) {
  auto* stream = static_cast<ResponseStream*>(self);
  {
    const std::lock_guard lock(stream->mutex_);
    stream->gone_ = true;
    if (!std::exchange(stream->waiting_, false) && !stream->on_loop_) return;  // it will see it
  }
  stream->queue();
}

// The worker's main thread. Before end(), so that this still lives.
void ResponseStream::drain() {
  draining_.store(true, std::memory_order_release);
  if (!on_loop_) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(waiting_, false)) return;  // it will see it
  }
  queue();
}

// The last count needs the GIL, which the I/O thread does not take.
void ResponseStream::on_release(void* self) {
  auto* stream = static_cast<ResponseStream*>(self);
  int count = stream->count_.load(std::memory_order_acquire);
  while (count > 1) {
    if (stream->count_.compare_exchange_weak(count, count - 1, std::memory_order_acq_rel)) return;
  }
  Job* job = stream;  // with the server's count
  if (stream->on_loop_)
    bridge().loop().post(&job, 1);
  else
    bridge().pool().submit(&job, 1);
}

bool ResponseStream::enter() {
  return !context_ || PyContext_Enter(context_.get()) == 0;
}

void ResponseStream::leave() {
  if (context_) PyContext_Exit(context_.get());
}

void ResponseStream::run() {
  if (!iterator_) {
    // Over already; queued by a callback that came late.
  } else if (on_loop_) {
    start_task();
  } else {
    run_pieces();
  }
  release();
}

// On the loop: begins, and passes on what the server's callbacks said.
void ResponseStream::start_task() {
  bool gone = false, writable = false;
  {
    const std::lock_guard lock(mutex_);
    gone = gone_;
    if (future_) writable = std::exchange(writable_, false);
  }
  if (draining_.exchange(false, std::memory_order_acq_rel)) {
    drained_ = true;
    if (!started_) {
      over_ = true;
    } else if (task != nullptr && !over_) {
      // The generator may still send something in answer to it, and ends the response by ending.
      if (!Ref::steal(PyObject_CallMethod(task, "cancel", nullptr))) PyErr_WriteUnraisable(task);
    }
  }
  if (!started_) {
    started_ = true;
    static constinit Imported imported{"roost._streaming", "drive"};
    PyObject* const drive = imported.get();
    const Ref writer = Ref::steal(new_stream_writer(*this));
    if (!context_) context_ = Ref::steal(PyContext_New());
    const Ref coroutine =
        Ref::steal(drive != nullptr && writer ? PyObject_CallFunctionObjArgs(drive, writer.get(), iterator_.get(),
                                                                             over_ ? Py_False : Py_True, nullptr)
                                              : nullptr);
    if (!coroutine || !context_ || !bridge().loop().tasks().spawn(coroutine.get(), context_.get(), *this)) {
      iterator_ = Ref();
      return raised();
    }
    retain();  // for done()
  }
  if (gone && task != nullptr && !over_) {
    over_ = true;
    if (!Ref::steal(PyObject_CallMethod(task, "cancel", nullptr))) PyErr_WriteUnraisable(task);
  }
  if (writable) {
    const Ref future = std::move(future_);
    future_ = Ref();
    const Ref is_done = Ref::steal(PyObject_CallMethod(future.get(), "done", nullptr));
    if (is_done.get() == Py_False) Ref::steal(PyObject_CallMethod(future.get(), "set_result", "O", Py_None));
    if (PyErr_Occurred()) PyErr_WriteUnraisable(future.get());
  }
}

void ResponseStream::done(Ref result) {
  if (result) {
    complete_ = complete_ || !over_;
    end({});
  } else if ((over_ || drained_) && is_cancellation()) {
    PyErr_Clear();
    end({});
  } else {
    raised();
  }
  release();
}

// In the pool: as many pieces as the client takes.
void ResponseStream::run_pieces() {
  if (!enter()) return raised();
  for (int i = 0; !over_ && i < kInARow; ++i) {
    if (host->cancelled(responder_) != 0 || draining_.load(std::memory_order_acquire)) {
      over_ = true;
      break;
    }
    const Ref piece = Ref::steal(PyIter_Next(iterator_.get()));
    if (!piece) {
      leave();
      if (PyErr_Occurred()) return raised();
      complete_ = true;
      return end({});
    }
    const int written = write(piece.get());
    if (written < 0) {
      PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
      PyErr_Fetch(&type, &value, &traceback);
      close_iterator();
      leave();
      PyErr_Restore(type, value, traceback);
      return raised();
    }
    if (written == kGone) {
      over_ = true;
    } else if (written == kWait) {
      const std::lock_guard lock(mutex_);
      if (!gone_ && !draining_.load(std::memory_order_acquire) && !std::exchange(writable_, false)) {
        waiting_ = true;
        return leave();
      }
    }
  }
  if (!over_) {
    leave();
    return queue();
  }
  close_iterator();
  leave();
  end({});
}

void ResponseStream::close_iterator() {
  static PyObject* name = PyUnicode_InternFromString("close");
  const Ref iterator = std::move(iterator_);
  iterator_ = Ref();
  const Ref method = Ref::steal(PyObject_GetAttr(iterator.get(), name));
  if (!method) {
    PyErr_Clear();
  } else if (!Ref::steal(PyObject_CallNoArgs(method.get()))) {
    log(ROOST_LOG_ERROR, target_.name + " raised when its stream was closed\n" + take_traceback());
  }
}

int ResponseStream::write(PyObject* piece) {
  if (over_) return kGone;
  if (!PyUnicode_Check(piece) && !PyObject_CheckBuffer(piece)) {
    PyErr_Format(PyExc_TypeError, "a streamed response is made of str and bytes, not %.200s", Py_TYPE(piece)->tp_name);
    return -1;
  }
  const BorrowedBytes bytes(piece);
  if (!bytes) return -1;
  const roost_status status = bytes.view().empty() ? ROOST_OK : host->write(responder_, str(bytes.view()));
  if (status == ROOST_INVALID) {
    PyErr_SetString(PyExc_ValueError, "the streamed response is longer than its Content-Length");
    return -1;
  }
  return status == ROOST_OK ? kOk : status == ROOST_WOULD_BLOCK ? kWait : kGone;
}

// A future of the loop, resolved when the client has read.
PyObject* ResponseStream::writable() {
  Ref future = Ref::steal(PyObject_CallMethod(bridge().loop().object(), "create_future", nullptr));
  if (!future) return nullptr;
  bool now = false;
  {
    const std::lock_guard lock(mutex_);
    now = std::exchange(writable_, false);
    waiting_ = !now;
  }
  if (now) {
    if (!Ref::steal(PyObject_CallMethod(future.get(), "set_result", "O", Py_None))) return nullptr;
  } else {
    future_ = Ref::borrow(future.get());
  }
  return future.release();
}

void ResponseStream::raised() {
  if (client_went(request_.get()) && PyErr_ExceptionMatches(PyExc_ConnectionError)) {
    PyErr_Clear();
    complete_ = false;
    return end({});
  }
  const std::string why = target_.name + " raised\n" + take_traceback();
  complete_ = false;
  end(why);
}

void ResponseStream::end(std::string_view failure) {
  if (ends_on_drain_) bridge().streams().remove(*this);
  iterator_ = Ref();
  if (request_) release_request(request_.release());
  const bool failed = !failure.empty();
  if (std::exchange(consumed_, true)) {
    if (failed) log(ROOST_LOG_ERROR, failure);
  } else if (failed) {
    host->fail(responder_, str(failure));
  } else if (!complete_) {
    host->drop(responder_);
  } else if (host->finish(responder_, nullptr, 0) == ROOST_INVALID) {
    host->fail(responder_, str(target_.name + ": the streamed response is shorter than its Content-Length"));
  }
  over_ = true;
  if (background_) run_background(std::move(background_), std::move(context_), target_);
}

void send_stream(const Target& target, const roost_request* raw, roost_responder* responder, Ref request, Ref context,
                 const Answer& answer) {
  auto* stream = new ResponseStream(target, raw, responder, std::move(request), std::move(context), answer);
  stream->begin(answer.head());
}

}  // namespace roost::bridge
