#include "event_loop.hpp"

#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <system_error>
#include <utility>

#include "answer.hpp"
#include "call.hpp"
#include "host.hpp"

namespace roost::bridge {

namespace {

PyObject* drain_call(PyObject* self, PyObject*) {
  static_cast<EventLoop*>(PyCapsule_GetPointer(self, nullptr))->drain();
  Py_RETURN_NONE;
}
PyMethodDef drain_method = {"drain", drain_call, METH_NOARGS, nullptr};

}  // namespace

bool EventLoop::preload() {
  if (!Ref::steal(PyImport_ImportModule("roost._loop"))) return false;
  if (!Ref::steal(PyImport_ImportModule("uvloop"))) {
    if (!PyErr_ExceptionMatches(PyExc_ImportError)) return false;
    PyErr_Clear();
  }
  return true;
}

bool EventLoop::start(std::vector<PyObject*> startup, std::vector<PyObject*> shutdown, std::string& why) {
  startup_ = std::move(startup);
  shutdown_ = std::move(shutdown);
  event_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (event_fd_ < 0) {
    why = std::string("eventfd: ") + std::strerror(errno);
    return false;
  }
  std::unique_lock lock(mutex_);
  state_ = State::starting;
  try {
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "roost-asyncio");
    changed_.wait(lock, [this] { return state_ != State::starting; });
    if (state_ == State::running) return true;
    why = why_;
  } catch (const std::system_error& error) {
    why = std::string("no thread for asyncio can be had: ") + error.what();
  }
  lock.unlock();
  if (thread_.joinable()) thread_.join();
  ::close(std::exchange(event_fd_, -1));
  return false;
}

bool EventLoop::open() {
  const Ref asyncio = Ref::steal(PyImport_ImportModule("asyncio"));
  if (!asyncio) return false;
  Ref maker = Ref::steal(PyImport_ImportModule("uvloop"));
  if (!maker) {
    if (!PyErr_ExceptionMatches(PyExc_ImportError)) return false;
    PyErr_Clear();
  }
  loop_ = PyObject_CallMethod(maker ? maker.get() : asyncio.get(), "new_event_loop", nullptr);
  if (loop_ == nullptr) return false;
  if (!Ref::steal(PyObject_CallMethod(asyncio.get(), "set_event_loop", "O", loop_))) return false;
  const Ref capsule = Ref::steal(PyCapsule_New(this, nullptr, nullptr));
  const Ref callback = capsule ? Ref::steal(PyCFunction_New(&drain_method, capsule.get())) : Ref();
  if (!callback || !Ref::steal(PyObject_CallMethod(loop_, "add_reader", "iO", event_fd_, callback.get()))) return false;
  const Ref own = Ref::steal(PyImport_ImportModule("roost._loop"));
  if (!own || !Ref::steal(PyObject_CallMethod(own.get(), "keep_tasks", "O", loop_))) return false;
  return tasks_.init(loop_);
}

// Calls the function, and waits for what it returned where that can be awaited.
bool EventLoop::await(PyObject* function) {
  const Ref result = Ref::steal(PyObject_CallNoArgs(function));
  if (!result) return false;
  if (!PyCoro_CheckExact(result.get()) && !PyObject_HasAttrString(result.get(), "__await__")) return true;
  return Ref::steal(PyObject_CallMethod(loop_, "run_until_complete", "O", result.get())).get() != nullptr;
}

bool EventLoop::is_closed() const {
  const Ref closed = Ref::steal(PyObject_CallMethod(loop_, "is_closed", nullptr));
  const bool is = closed && PyObject_IsTrue(closed.get()) == 1;
  PyErr_Clear();
  return is;
}

void EventLoop::run() {
  owner_.store(std::this_thread::get_id(), std::memory_order_relaxed);
  const PyGILState_STATE gil = PyGILState_Ensure();
  bool ok = open();
  for (size_t i = 0; ok && i < startup_.size(); ++i) {
    ok = await(startup_[i]);
    if (!ok || !is_closed()) continue;
    PyErr_SetString(PyExc_RuntimeError, "a startup handler closed the event loop, which is the server's");
    ok = false;
  }
  const std::string problem = ok ? std::string() : take_traceback();
  {
    std::lock_guard lock(mutex_);
    state_ = ok ? State::running : State::failed;
    why_ = problem;
  }
  changed_.notify_all();
  if (ok) {
    while (true) {
      if (!Ref::steal(PyObject_CallMethod(loop_, "run_forever", nullptr)))
        log(ROOST_LOG_ERROR, "the event loop ended: " + take_traceback());
      if (is_closed()) {
        // No coroutine could go on: those that wait would do so until the end of their time. The master has another
        // worker at once.
        log(ROOST_LOG_ERROR, "the application closed the event loop, which is the server's: this worker ends");
        ::_exit(EXIT_FAILURE);
      }
      std::lock_guard lock(mutex_);
      // An application that calls loop.stop() stops its own part of the server, not all of it.
      if (stopping_) break;
    }
    close();
  }
  PyGILState_Release(gil);
  owner_.store({}, std::memory_order_relaxed);
  std::lock_guard lock(mutex_);
  if (ok) state_ = State::ended;
}

void EventLoop::close() {
  tasks_.discard();
  for (PyObject* function : shutdown_) {
    if (!await(function)) log(ROOST_LOG_ERROR, "a shutdown handler raised\n" + take_traceback());
  }
  const Ref own = Ref::steal(PyImport_ImportModule("roost._loop"));
  if (!own || !Ref::steal(PyObject_CallMethod(own.get(), "end", "O", loop_)))
    log(ROOST_LOG_ERROR, "the event loop's tasks cannot be ended\n" + take_traceback());
}

void EventLoop::stop() {
  if (!thread_.joinable()) return;
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake();
  thread_.join();
}

void EventLoop::wake() {
  if (signalled_.exchange(true, std::memory_order_acq_rel)) return;
  const uint64_t one = 1;
  // Full is as good as written: a wake-up is on its way.
  [[maybe_unused]] const ssize_t written = write(event_fd_, &one, sizeof one);
}

void EventLoop::post(Job* const* jobs, size_t count) {
  {
    std::lock_guard lock(mutex_);
    jobs_.insert(jobs_.end(), jobs, jobs + count);
  }
  wake();
}

void EventLoop::cancel(Call* call, uint32_t generation) {
  {
    std::lock_guard lock(mutex_);
    cancels_.push_back({call, generation});
  }
  wake();
}

void EventLoop::drain() {
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t got = read(event_fd_, &count, sizeof count);
  signalled_.store(false, std::memory_order_release);
  std::vector<Cancel> cancels;
  bool stopping = false;
  taken_.clear();
  {
    std::lock_guard lock(mutex_);
    taken_.swap(jobs_);
    cancels.swap(cancels_);
    stopping = stopping_;
  }
  for (Job* job : taken_) job->run();
  for (const Cancel& cancel : cancels) cancel.call->cancel(cancel.generation);
  if (stopping) {
    Ref::steal(PyObject_CallMethod(loop_, "stop", nullptr));
    PyErr_Clear();
  }
}

}  // namespace roost::bridge
