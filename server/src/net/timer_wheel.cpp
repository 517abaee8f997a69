#include "net/timer_wheel.hpp"

#include <algorithm>

namespace roost::net {

void TimerWheel::insert(Timer& timer, int64_t tick) noexcept {
  const size_t slot = static_cast<size_t>(tick) % kSlots;
  timer.queued_ = tick;
  timer.previous_ = nullptr;
  timer.next_ = slots_[slot];
  if (timer.next_ != nullptr) timer.next_->previous_ = &timer;
  slots_[slot] = &timer;
  occupied_[slot / 64] |= uint64_t{1} << (slot % 64);
}

void TimerWheel::unlink(Timer& timer) noexcept {
  const size_t slot = static_cast<size_t>(timer.queued_) % kSlots;
  if (timer.next_ != nullptr) timer.next_->previous_ = timer.previous_;
  if (timer.previous_ != nullptr) {
    timer.previous_->next_ = timer.next_;
  } else {
    slots_[slot] = timer.next_;
    if (timer.next_ == nullptr) occupied_[slot / 64] &= ~(uint64_t{1} << (slot % 64));
  }
  timer.next_ = timer.previous_ = nullptr;
  timer.queued_ = 0;
}

void TimerWheel::set(Timer& timer, int64_t deadline) noexcept {
  // Rounded up: never early.
  const int64_t tick = std::max(tick_ + 1, (deadline + kTickMilliseconds - 1) / kTickMilliseconds);
  timer.deadline_ = deadline;
  if (timer.queued_ != 0) {
    if (timer.queued_ <= tick) return;
    unlink(timer);
  }
  insert(timer, tick);
}

void TimerWheel::remove(Timer& timer) noexcept {
  timer.deadline_ = 0;
  if (timer.queued_ != 0) unlink(timer);
}

void TimerWheel::advance(int64_t now) noexcept {
  const int64_t last = now / kTickMilliseconds;
  // After a long sleep one turn of the wheel visits every slot; each node's own tick decides.
  int64_t tick = std::max(tick_ + 1, last - static_cast<int64_t>(kSlots) + 1);
  for (; tick <= last; ++tick) {
    tick_ = tick;
    const size_t slot = static_cast<size_t>(tick) % kSlots;
    // A callback may arm, cancel or destroy any timer: start again from the slot's head after each one. What is put
    // back in goes to a later tick, so this ends.
    for (Timer* timer = slots_[slot]; timer != nullptr;) {
      if (timer->queued_ > last) {
        timer = timer->next_;
        continue;
      }
      Timer& due = *timer;
      Timer* const next = timer->next_;
      unlink(due);
      if (due.deadline_ == 0) {
        timer = next;
        continue;
      }
      if (due.deadline_ > now) {
        set(due, due.deadline_);
        timer = next;
        continue;
      }
      due.deadline_ = 0;
      due.on_timer();
      timer = slots_[slot];
    }
  }
  tick_ = std::max(tick_, last);
}

int64_t TimerWheel::until_next(int64_t now) const noexcept {
  constexpr size_t kWords = kSlots / 64;
  const size_t start = static_cast<size_t>(tick_ + 1) % kSlots;
  for (size_t i = 0; i <= kWords; ++i) {
    const size_t word = (start / 64 + i) % kWords;
    uint64_t bits = occupied_[word];
    if (i == 0) bits &= ~uint64_t{0} << (start % 64);
    if (i == kWords) bits &= (uint64_t{1} << (start % 64)) - 1;
    if (bits == 0) continue;
    const size_t slot = word * 64 + static_cast<size_t>(__builtin_ctzll(bits));
    const auto distance = static_cast<int64_t>((slot + kSlots - start) % kSlots);
    return std::max<int64_t>(0, (tick_ + 1 + distance) * kTickMilliseconds - now);
  }
  return -1;
}

}  // namespace roost::net
