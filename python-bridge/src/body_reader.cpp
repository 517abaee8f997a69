#include "body_reader.hpp"

#include "bridge.hpp"
#include "host.hpp"
#include "imported.hpp"

namespace roost::bridge {

namespace {

// What may wait for the handler before the client is held up.
constexpr size_t kMaxWaiting = 256 * 1024;

struct StreamObject {
  PyObject_HEAD BodyReader* reader;  // counted
};
PyTypeObject* stream_type = nullptr;

BodyReader& reader_of(PyObject* object) {
  return *reinterpret_cast<StreamObject*>(object)->reader;
}

}  // namespace

BodyReader* BodyReader::begin(roost_responder* responder) {
  static constexpr roost_body_callbacks kCallbacks = {sizeof(roost_body_callbacks), on_data, on_end, on_error};
  auto* reader = new BodyReader(responder);
  reader->retain();
  host->on_release(responder, on_release, reader);
  const roost_status begun = host->read_body(responder, &kCallbacks, reader);
  if (begun != ROOST_OK) reader->finish(State::failed, 499, "the client went away");
  return reader;
}

BodyReader* BodyReader::of(std::string_view whole) {
  auto* reader = new BodyReader(nullptr);
  reader->buffer_ = whole;
  reader->state_ = State::ended;
  return reader;
}

// ------------------------------------------------------------------------------------------------ on the I/O thread

void BodyReader::on_data(void* arg, const char* data, size_t size) {
  auto* reader = static_cast<BodyReader*>(arg);
  bool wake = false;
  {
    const std::lock_guard lock(reader->mutex_);
    reader->buffer_.append(data, size);
    if (reader->buffer_.size() >= kMaxWaiting && !reader->paused_ && reader->responder_ != nullptr) {
      reader->paused_ = true;
      host->pause_body(reader->responder_);
    }
    wake = std::exchange(reader->waiting_, false);
  }
  reader->arrived_.notify_all();
  if (!wake) return;
  reader->retain();
  Job* job = reader;
  bridge().loop().post(&job, 1);
}

void BodyReader::on_end(void* arg, const roost_field*, size_t) {
  static_cast<BodyReader*>(arg)->finish(State::ended, 0, {});
}

void BodyReader::on_error(void* arg, int status, roost_str why) {
  static_cast<BodyReader*>(arg)->finish(State::failed, status, view(why));
}

void BodyReader::finish(State state, int status, std::string_view why) {
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    if (state_ != State::reading) return;
    state_ = state;
    status_ = status;
    why_ = why;
    wake = std::exchange(waiting_, false);
  }
  arrived_.notify_all();
  if (!wake) return;
  retain();
  Job* job = this;
  bridge().loop().post(&job, 1);
}

// Without the GIL: an object of Python's that is left in it is given back where that is held.
void BodyReader::on_release(void* arg) {
  auto* reader = static_cast<BodyReader*>(arg);
  int count = reader->count_.load(std::memory_order_acquire);
  while (count > 1) {
    if (reader->count_.compare_exchange_weak(count, count - 1, std::memory_order_acq_rel)) return;
  }
  if (!reader->future_) {
    delete reader;
    return;
  }
  Job* job = reader;  // with the server's count
  bridge().loop().post(&job, 1);
}

// ---------------------------------------------------------------------------------------------------- for the handler

void BodyReader::set_error() {
  if (status_ == 499) {
    PyErr_SetString(PyExc_ConnectionResetError, why_.c_str());
    return;
  }
  const Ref module = Ref::steal(PyImport_ImportModule("roost.exceptions"));
  const Ref made = module ? Ref::steal(PyObject_CallMethod(module.get(), "HTTPException", "is#", status_, why_.data(),
                                                           static_cast<Py_ssize_t>(why_.size())))
                          : Ref();
  if (made) PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(made.get())), made.get());
}

PyObject* BodyReader::take(bool& ready) {
  std::string piece;
  bool failed = false;
  {
    const std::lock_guard lock(mutex_);
    ready = !buffer_.empty() || state_ != State::reading;
    if (!ready) return nullptr;
    failed = state_ == State::failed;
    piece.swap(buffer_);
    if (std::exchange(paused_, false) && responder_ != nullptr) host->resume_body(responder_);
  }
  if (!piece.empty()) return PyBytes_FromStringAndSize(piece.data(), static_cast<Py_ssize_t>(piece.size()));
  if (failed) set_error();
  return nullptr;
}

PyObject* BodyReader::next() {
  bool ready = false;
  PyObject* piece = take(ready);
  if (ready) return piece;
  if (is_on_loop()) {
    PyErr_SetString(PyExc_RuntimeError,
                    "the body is still on its way, and this is the event loop: `async for` over request.stream(), or "
                    "`await request.read()` before");
    return nullptr;
  }
  while (!ready) {
    {
      const WithoutGil released;
      std::unique_lock lock(mutex_);
      arrived_.wait(lock, [this] { return !buffer_.empty() || state_ != State::reading; });
    }
    piece = take(ready);
  }
  return piece;
}

PyObject* BodyReader::read_all() {
  Ref all = Ref::steal(PyBytes_FromStringAndSize(nullptr, 0));
  while (all) {
    Ref piece = Ref::steal(next());
    if (!piece) break;
    PyObject* joined = all.release();
    PyBytes_ConcatAndDel(&joined, piece.release());
    all = Ref::steal(joined);
  }
  return PyErr_Occurred() ? nullptr : all.release();
}

bool BodyReader::is_on_loop() {
  return in_worker() && bridge().loop().is_current();
}

PyObject* BodyReader::next_future() {
  if (responder_ != nullptr && !is_on_loop()) {
    PyErr_SetString(PyExc_RuntimeError, "`async for` over request.stream() runs on the worker's event loop alone");
    return nullptr;
  }
  if (future_) {
    const Ref is_done = Ref::steal(PyObject_CallMethod(future_.get(), "done", nullptr));
    if (is_done.get() == Py_False) {
      PyErr_SetString(PyExc_RuntimeError, "the body is being read already");
      return nullptr;
    }
  }
  static constinit Imported running{"asyncio", "get_running_loop"};
  PyObject* const function = running.get();
  const Ref loop = Ref::steal(function != nullptr ? PyObject_CallNoArgs(function) : nullptr);
  Ref future = Ref::steal(loop ? PyObject_CallMethod(loop.get(), "create_future", nullptr) : nullptr);
  if (!future) return nullptr;
  future_ = Ref::borrow(future.get());
  settle();
  return future.release();
}

void BodyReader::settle() {
  const Ref future = Ref::borrow(future_.get());
  if (!future) return;
  const Ref is_done = Ref::steal(PyObject_CallMethod(future.get(), "done", nullptr));
  if (is_done.get() == Py_True) {
    future_ = Ref();
    return;
  }
  bool ready = false;
  Ref piece = Ref::steal(take(ready));
  if (!ready) {
    const std::lock_guard lock(mutex_);
    if (buffer_.empty() && state_ == State::reading) {
      waiting_ = true;
      return;
    }
    // It came in between.
  }
  if (!ready) piece = Ref::steal(take(ready));
  future_ = Ref();
  Ref settled;
  if (piece) {
    settled = Ref::steal(PyObject_CallMethod(future.get(), "set_result", "O", piece.get()));
  } else {
    Ref error;
    if (PyErr_Occurred()) {
      PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
      PyErr_Fetch(&type, &value, &traceback);
      PyErr_NormalizeException(&type, &value, &traceback);
      Py_XDECREF(type);
      Py_XDECREF(traceback);
      error = Ref::steal(value);
    } else {
      error = Ref::steal(PyObject_CallNoArgs(PyExc_StopAsyncIteration));
    }
    if (error) settled = Ref::steal(PyObject_CallMethod(future.get(), "set_exception", "O", error.get()));
  }
  if (!settled) PyErr_WriteUnraisable(future.get());
}

void BodyReader::detach() {
  {
    const std::lock_guard lock(mutex_);
    responder_ = nullptr;
  }
  finish(State::failed, 499, "the request is over");
}

// ------------------------------------------------------------------------------------------------- the Python object

namespace {

PyObject* stream_self(PyObject* self) {
  return Py_NewRef(self);
}

PyObject* stream_next(PyObject* self) {
  return reader_of(self).next();
}

PyObject* stream_anext(PyObject* self) {
  return reader_of(self).next_future();
}

void stream_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reader_of(self).release();
  PyObject_Free(self);
  Py_DECREF(type);
}

PyType_Slot stream_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(stream_dealloc)}, {Py_tp_iter, reinterpret_cast<void*>(stream_self)},
    {Py_tp_iternext, reinterpret_cast<void*>(stream_next)},   {Py_am_aiter, reinterpret_cast<void*>(stream_self)},
    {Py_am_anext, reinterpret_cast<void*>(stream_anext)},     {0, nullptr}};
PyType_Spec stream_spec = {"roost._native.BodyStream", sizeof(StreamObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, stream_slots};

}  // namespace

PyObject* BodyReader::stream() {
  auto* made = PyObject_New(StreamObject, stream_type);
  if (made == nullptr) return nullptr;
  made->reader = this;
  retain();
  return reinterpret_cast<PyObject*>(made);
}

bool ready_body_stream(PyObject* module) {
  if (stream_type == nullptr) stream_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&stream_spec));
  return stream_type != nullptr &&
         PyModule_AddObjectRef(module, "BodyStream", reinterpret_cast<PyObject*>(stream_type)) == 0;
}

}  // namespace roost::bridge
