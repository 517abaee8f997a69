// The asyncio loop of a worker, on a thread of its own: uvloop where it is installed. Coroutines come to it in batches,
// through one eventfd.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "job.hpp"
#include "task_runner.hpp"

namespace roost::bridge {

class Call;

class EventLoop {
 public:
  // Imports what the loop needs, so that workers share it. In the prototype, with the GIL. False with a Python error.
  static bool preload();

  // In the worker, without the GIL. Runs the startup handlers (borrowed) on the loop before it returns; false with
  // `why` when one failed.
  bool start(std::vector<PyObject*> startup, std::vector<PyObject*> shutdown, std::string& why);
  // Without the GIL. Runs the shutdown handlers, ends what still runs, and the thread.
  void stop();

  // Any thread, with or without the GIL.
  void post(Job* const* jobs, size_t count);
  // Cancels the call if it is still the one that had that generation. Any thread.
  void cancel(Call* call, uint32_t generation);

  // On the loop thread, with the GIL.
  TaskRunner& tasks() { return tasks_; }
  PyObject* object() const { return loop_; }
  // Whether this is its thread. Any thread, also before it was started.
  bool is_current() const { return std::this_thread::get_id() == owner_.load(std::memory_order_relaxed); }
  // Called by the loop when something was posted.
  void drain();

 private:
  struct Cancel {
    Call* call;
    uint32_t generation;
  };
  void run();
  bool open();
  bool await(PyObject* function);
  bool is_closed() const;
  void close();
  void wake();

  std::thread thread_;
  std::atomic<std::thread::id> owner_{};  // of a thread that runs
  TaskRunner tasks_;
  PyObject* loop_ = nullptr;
  std::vector<PyObject*> startup_;
  std::vector<PyObject*> shutdown_;

  int event_fd_ = -1;
  std::atomic<bool> signalled_{false};
  std::mutex mutex_;  // guards what follows
  std::vector<Job*> jobs_;
  std::vector<Cancel> cancels_;
  bool stopping_ = false;
  enum class State { none, starting, running, failed, ended } state_ = State::none;
  std::string why_;
  std::condition_variable changed_;
  std::vector<Job*> taken_;  // drain()'s own
};

}  // namespace roost::bridge
