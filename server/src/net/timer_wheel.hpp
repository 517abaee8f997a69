// Deadlines of one I/O thread's connections: a hashed wheel of intrusive nodes. Arming, cancelling and firing cost a
// few instructions each and allocate nothing. A timer fires at most one tick late, never early. Meant for deadlines
// that move with every request: set() of a later deadline only stores it, and the node is put in its new slot when
// its old one comes round. One thread's.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace roost::net {

class TimerWheel;

class Timer {
 public:
  Timer() = default;
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  // Called by TimerWheel::advance() when the deadline has passed; the timer is then unarmed. May destroy *this.
  virtual void on_timer() noexcept = 0;

  bool armed() const { return deadline_ != 0; }

 protected:
  ~Timer() = default;

 private:
  friend class TimerWheel;
  Timer* previous_ = nullptr;  // in its slot's list
  Timer* next_ = nullptr;
  int64_t deadline_ = 0;  // milliseconds of the loop's clock; 0: unarmed
  int64_t queued_ = 0;    // the tick whose slot holds the node; 0: in none
};

class TimerWheel {
 public:
  static constexpr int64_t kTickMilliseconds = 8;

  // now: milliseconds of a monotonic clock, greater than 0.
  explicit TimerWheel(int64_t now) : tick_(now / kTickMilliseconds) {}
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // Arms the timer for that time, or moves its deadline.
  void set(Timer& timer, int64_t deadline) noexcept;
  // Nothing happens any more; the node stays queued until its slot comes round. Before its timer's end: remove().
  void cancel(Timer& timer) noexcept { timer.deadline_ = 0; }
  // Takes the node out. REQUIRES: called before a timer that was ever set is destroyed.
  void remove(Timer& timer) noexcept;

  // Fires what is due.
  void advance(int64_t now) noexcept;

  // Milliseconds until advance() is worth calling; -1 when no timer is queued.
  int64_t until_next(int64_t now) const noexcept;

 private:
  static constexpr size_t kSlots = 2048;  // a power of two; 16 seconds a turn

  void insert(Timer& timer, int64_t tick) noexcept;
  void unlink(Timer& timer) noexcept;

  std::array<Timer*, kSlots> slots_{};
  std::array<uint64_t, kSlots / 64> occupied_{};  // a bit for each slot that holds something
  int64_t tick_;                                  // the last one that advance() has worked through
};

}  // namespace roost::net
