// One epoll loop, one thread's: descriptors, deadlines and work posted from other threads (epoll(7), eventfd(2)).
// Everything but post(), wake() and stop() belongs to the thread that runs it.
#pragma once

#include <atomic>
#include <cstdint>
#include <vector>

#include "base/unique_fd.hpp"
#include "net/timer_wheel.hpp"

namespace roost::net {

// A descriptor's owner. It may close its descriptor and retire itself in on_events(), never delete itself.
class EventSource {
 public:
  // events: EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLHUP, EPOLLERR.
  virtual void on_events(uint32_t events) noexcept = 0;

 protected:
  ~EventSource() = default;
};

// Work for the loop's thread. Intrusive: nothing is allocated to post it. Belongs to the loop until run_posted().
class PostedTask {
 public:
  virtual void run_posted() noexcept = 0;

 protected:
  ~PostedTask() = default;

 private:
  friend class EventLoop;
  PostedTask* next_posted_ = nullptr;
};

// What is destroyed only when the events at hand have been worked through, as some may still name it.
class Retired {
 public:
  virtual ~Retired() = default;

 private:
  friend class EventLoop;
  Retired* next_retired_ = nullptr;
};

class EventLoop {
 public:
  // Throws std::system_error when descriptors are short.
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // Runs until stop(). after_batch is called after the events of each epoll_wait() and before the next one.
  template <typename AfterBatch>
  void run(AfterBatch&& after_batch) {
    bind();
    while (!stopping_.load(std::memory_order_acquire)) {
      dispatch();
      after_batch();
      destroy_retired();
    }
    unbind();
  }

  // Any thread.
  void stop() noexcept;
  // Runs task.run_posted() on the loop's thread, in the order of one caller's calls. One wake-up for all that come
  // before the loop looks. Any thread.
  void post(PostedTask& task) noexcept;

  // False when epoll refuses (ENOSPC, ENOMEM). events: with EPOLLET or EPOLLEXCLUSIVE where wanted.
  bool add(int fd, uint32_t events, EventSource& source) noexcept;
  bool modify(int fd, uint32_t events, EventSource& source) noexcept;
  void remove(int fd) noexcept;

  // Destroys it with delete after the current batch.
  void retire(Retired& object) noexcept;

  TimerWheel& timers() noexcept { return timers_; }
  // Milliseconds of CLOCK_MONOTONIC, read once for each batch.
  int64_t now() const noexcept { return now_; }
  // The Date field's value (RFC 9110 section 6.6.1), kDateSize bytes, refreshed every second.
  const char* date() const noexcept { return date_; }
  int64_t unix_seconds() const noexcept { return unix_seconds_; }

  // The loop that this thread runs, or nullptr.
  static EventLoop* current() noexcept { return current_; }
  bool is_current() const noexcept { return current_ == this; }

 private:
  void bind() noexcept;
  void unbind() noexcept;
  void dispatch() noexcept;
  void read_clock() noexcept;
  void run_tasks() noexcept;
  void destroy_retired() noexcept;

  static thread_local EventLoop* current_;

  base::UniqueFd epoll_;
  base::UniqueFd wake_;
  std::atomic<PostedTask*> posted_{nullptr};  // newest first
  std::atomic<bool> stopping_{false};
  Retired* retired_ = nullptr;
  int64_t now_;
  int64_t unix_seconds_ = 0;
  char date_[32] = {};
  TimerWheel timers_;
};

}  // namespace roost::net
