// Who reads a request's memory and file in the server although the GIL is let go: a thread that a handler left behind
// may still read when the request ends, which waits for it.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "python.hpp"

namespace roost::bridge {

// A part of a Request, and of it alone: plain, as the memory of those is kept and used again.
class Readers {
 public:
  // Until nobody reads. GIL held, and let go meanwhile where there is something to wait for.
  void wait() {
    // Looked at again with the GIL: until that is back, another may have begun. Then nobody can any more.
    while (any()) {
      const WithoutGil released;
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return count_ == 0; });
    }
  }

 private:
  friend class Reading;
  bool any() const {
    const std::lock_guard lock(mutex);
    return count_ != 0;
  }

  inline static std::mutex mutex;  // guards every request's count
  inline static std::condition_variable changed;
  uint32_t count_ = 0;
};

// One that reads, for a scope. Made with the GIL held.
class Reading {
 public:
  explicit Reading(Readers& readers) : readers_(readers) {
    const std::lock_guard lock(Readers::mutex);
    ++readers_.count_;
  }
  ~Reading() {
    const std::lock_guard lock(Readers::mutex);
    if (--readers_.count_ == 0) Readers::changed.notify_all();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  Readers& readers_;
};

}  // namespace roost::bridge
