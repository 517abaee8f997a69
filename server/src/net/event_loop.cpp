#include "net/event_loop.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "http/date.hpp"

namespace roost::net {
namespace {

constexpr int kEventsAtOnce = 256;

int64_t monotonic_milliseconds() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
}

}  // namespace

thread_local EventLoop* EventLoop::current_ __attribute__((tls_model("initial-exec"))) = nullptr;

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      now_(monotonic_milliseconds()),
      timers_(now_) {
  if (!epoll_ || !wake_) throw std::system_error(errno, std::generic_category(), "event loop");
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = nullptr;
  if (epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    throw std::system_error(errno, std::generic_category(), "event loop");
  }
  read_clock();
}

EventLoop::~EventLoop() {
  destroy_retired();
}

void EventLoop::bind() noexcept {
  current_ = this;
  read_clock();
}

void EventLoop::unbind() noexcept {
  run_tasks();
  destroy_retired();
  current_ = nullptr;
}

void EventLoop::stop() noexcept {
  stopping_.store(true, std::memory_order_release);
  eventfd_write(wake_.get(), 1);
}

void EventLoop::post(PostedTask& task) noexcept {
  PostedTask* head = posted_.load(std::memory_order_relaxed);
  do {
    task.next_posted_ = head;
  } while (!posted_.compare_exchange_weak(head, &task, std::memory_order_release, std::memory_order_relaxed));
  // Whoever finds the queue empty wakes the loop; the loop empties it whole.
  if (head == nullptr) eventfd_write(wake_.get(), 1);
}

bool EventLoop::add(int fd, uint32_t events, EventSource& source) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &source;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, fd, &event) == 0;
}

bool EventLoop::modify(int fd, uint32_t events, EventSource& source) noexcept {
  epoll_event event{};
  event.events = events;
  event.data.ptr = &source;
  return epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, fd, &event) == 0;
}

void EventLoop::remove(int fd) noexcept {
  epoll_ctl(epoll_.get(), EPOLL_CTL_DEL, fd, nullptr);
}

void EventLoop::retire(Retired& object) noexcept {
  object.next_retired_ = retired_;
  retired_ = &object;
}

void EventLoop::destroy_retired() noexcept {
  while (retired_ != nullptr) {
    Retired* const object = retired_;
    retired_ = object->next_retired_;
    delete object;
  }
}

void EventLoop::read_clock() noexcept {
  now_ = monotonic_milliseconds();
  timespec wall{};
  clock_gettime(CLOCK_REALTIME_COARSE, &wall);
  if (wall.tv_sec != unix_seconds_) {
    unix_seconds_ = wall.tv_sec;
    http::format_date(unix_seconds_, date_);
  }
}

void EventLoop::dispatch() noexcept {
  std::array<epoll_event, kEventsAtOnce> events;
  const int64_t wait = posted_.load(std::memory_order_acquire) != nullptr ? 0 : timers_.until_next(now_);
  const int count = epoll_wait(epoll_.get(), events.data(), kEventsAtOnce, static_cast<int>(wait));
  read_clock();
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = events[static_cast<size_t>(i)];
    if (event.data.ptr != nullptr) {
      static_cast<EventSource*>(event.data.ptr)->on_events(event.events);
    } else {
      eventfd_t ignored = 0;
      eventfd_read(wake_.get(), &ignored);
    }
  }
  run_tasks();
  timers_.advance(now_);
}

void EventLoop::run_tasks() noexcept {
  PostedTask* newest = posted_.exchange(nullptr, std::memory_order_acquire);
  PostedTask* oldest = nullptr;
  while (newest != nullptr) {
    PostedTask* const next = newest->next_posted_;
    newest->next_posted_ = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest != nullptr) {
    PostedTask* const next = oldest->next_posted_;
    oldest->run_posted();
    oldest = next;
  }
}

}  // namespace roost::net
