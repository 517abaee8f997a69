// The threads that run plain `def` handlers. One is hot: it takes jobs as they come and keeps the GIL through a batch.
// Further ones are made and woken only when a job has waited about a millisecond (up to four, the first time), and take
// only such: fast handlers cost one thread without contention for the GIL, slow ones run side by side.
#pragma once

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "job.hpp"

namespace roost::bridge {

int64_t monotonic_ns();

class JobPool {
 public:
  // Without the GIL; in the worker. threads: at most so many.
  // False, and logged, when not even one thread can be had; may be tried again.
  bool start(uint32_t threads);
  // Any thread, with or without the GIL. Sets queued_ns of each.
  void submit(Job* const* jobs, size_t count);
  // Without the GIL. Jobs that are queued, which clean up after clients that were cut, still run; waits a second.
  void stop();

 private:
  void run_hot();
  // One more of run_extra(), where the system gives one. Under mutex_.
  void add_extra();
  void run_extra();
  void watch();
  // Runs jobs as long as there are some; for a further thread: old ones, `one` alone where it had to wait for the GIL.
  // GIL held, `mutex_` not.
  void run_jobs(bool old_only, bool one);
  // Takes the GIL. False when it took long: others compute, and a further thread would be one too many.
  bool take_turn(PyThreadState* state);
  // The same for a thread that holds `mutex_` and not the GIL, before and after; its state to save, in and out.
  PyThreadState* run_unlocked(std::unique_lock<std::mutex>& lock, PyThreadState* saved, bool old_only);
  // A thread's last words.
  void leave(std::unique_lock<std::mutex>& lock, PyThreadState* saved, PyGILState_STATE state);

  std::mutex mutex_;
  std::condition_variable hot_wanted_;
  std::condition_variable extra_wanted_;
  std::condition_variable watcher_wanted_;
  std::condition_variable ended_;
  std::deque<Job*> queue_;
  bool hot_idle_ = false;
  bool watcher_asleep_ = true;
  bool stopping_ = false;
  uint32_t limit_ = 0;
  uint32_t extra_made_ = 0;
  uint32_t extra_idle_ = 0;
  uint32_t extra_woken_ = 0;  // tickets: who is woken takes one
  uint32_t running_ = 0;      // threads that have not ended
  std::vector<std::thread> threads_;
  // Until then a further thread would only wait for the GIL: one has, just now. Of monotonic_ns().
  std::atomic<int64_t> crowded_until_{0};
};

}  // namespace roost::bridge
