// What a handler left to be done after its response: `BackgroundTask`, plain ones in the pool, asynchronous ones on the
// loop. Its errors are logged. A worker that drains waits for what was begun.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>

#include "python.hpp"

namespace roost::bridge {

struct Target;

// How many are under way in this worker. Any thread.
class BackgroundCount {
 public:
  void begin() {
    const std::lock_guard lock(mutex_);
    ++count_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    if (--count_ == 0) none_.notify_all();
  }
  // Without the GIL. How many are left.
  size_t wait(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    none_.wait_for(lock, patience, [this] { return count_ == 0; });
    return count_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  size_t count_ = 0;  // guarded by mutex_
};

// task: has `asynchronous`, and gives a coroutine when called, or is done by its run(). context: the handler's
// contextvars; empty: none. GIL held, any thread.
void run_background(Ref task, Ref context, const Target& target);

}  // namespace roost::bridge
