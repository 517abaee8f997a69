// The worker process that a plugin's handlers run in: which one it is, its I/O threads, its pool. Part of
// <roost/plugin.hpp>.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

#include "text.hpp"

namespace roost ROOST_SDK {

namespace detail {

template <class F>
void run_once(void* arg) noexcept {
  const std::unique_ptr<F> kept(static_cast<F*>(arg));
  guarded([&] { (*kept)(); }, [](std::string_view why) { log_failure("a posted function", why); });
}

// queue(run, arg): what it does not take is freed.
template <class F, class Queue>
bool queue_once(F&& work, Queue queue) {
  using Kept = std::decay_t<F>;
  auto kept = std::make_unique<Kept>(std::forward<F>(work));
  if (worker == nullptr || queue(&run_once<Kept>, static_cast<void*>(kept.get())) != ROOST_OK) return false;
  (void)kept.release();
  return true;
}

}  // namespace detail

// Runs void() on that I/O thread of this worker, soon. False outside of a worker. Any thread.
template <class F>
bool post(uint32_t thread, F&& work) {
  return detail::queue_once(std::forward<F>(work), [thread](void (*run)(void*), void* arg) {
    return detail::host->post(detail::worker, thread, run, arg);
  });
}

// Runs void() on this worker's pool, where it may block. False when its queue is full: nothing was queued. Any thread.
template <class F>
bool submit(F&& work) {
  return detail::queue_once(std::forward<F>(work), [](void (*run)(void*), void* arg) {
    return detail::host->submit(detail::worker, run, arg);
  });
}

class Worker {
 public:
  explicit Worker(roost_worker* worker) noexcept : worker_(worker) {
    info_.struct_size = sizeof info_;
    detail::host->worker_info(worker, &info_);
  }

  uint32_t index() const noexcept { return info_.index; }  // 0 .. processes() - 1
  uint32_t processes() const noexcept { return info_.processes; }
  uint32_t threads() const noexcept { return info_.threads; }        // I/O threads
  uint32_t generation() const noexcept { return info_.generation; }  // counts reloads
  bool development() const noexcept { return info_.development != 0; }
  // Asks for this worker to be drained and replaced: for a plugin that cannot go on.
  void retire(std::string_view why) const noexcept { detail::host->retire(worker_, str(why)); }
  roost_worker* raw() const noexcept { return worker_; }

 private:
  roost_worker* worker_;
  roost_worker_info info_{};
};

}  // namespace ROOST_SDK
