#include "net/thread_pool.hpp"

#include <exception>

#include "base/log.hpp"

namespace roost::net {

bool ThreadPool::submit(void (*fn)(void*), void* arg) noexcept {
  try {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= max_waiting_) return false;
    jobs_.push_back({fn, arg});
    if (idle_ < jobs_.size() && threads_.size() < max_threads_) {
      try {
        threads_.emplace_back([this] { run(); });
      } catch (const std::exception& error) {
        base::log(ROOST_LOG_WARNING, "pool", error.what());
        if (threads_.empty()) {
          jobs_.pop_back();
          return false;
        }
      }
    }
  } catch (const std::exception&) {  // out of memory
    return false;
  }
  changed_.notify_one();
  return true;
}

void ThreadPool::run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    ++idle_;
    changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
    --idle_;
    if (jobs_.empty()) return;
    const Job job = jobs_.front();
    jobs_.pop_front();
    lock.unlock();
    job.fn(job.arg);
    lock.lock();
  }
}

void ThreadPool::stop() noexcept {
  std::vector<std::thread> threads;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    threads.swap(threads_);
  }
  changed_.notify_all();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace roost::net
