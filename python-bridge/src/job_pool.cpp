#include "job_pool.hpp"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <system_error>

#include "host.hpp"

namespace roost::bridge {

namespace {

constexpr int64_t kTooOld = 1'000'000;       // ns that a job waits before another thread is woken for it
constexpr int64_t kOldEnough = 500'000;      // ns after which a further thread may take it
constexpr int64_t kCrowdedWait = 2'000'000;  // ns for the GIL, after which it is taken to be contended,
constexpr int64_t kCrowdedFor = 10'000'000;  // and for how long
constexpr int kQuietTicks = 100;             // of 1 ms, before the watcher sleeps until the next job
constexpr int kCalmTicks = 50;               // of 1 ms without such an old job, before it looks less often:
constexpr int kCalmPause = 4;                // ms

int64_t process_cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

}  // namespace

int64_t monotonic_ns() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

bool JobPool::start(uint32_t threads) {
  std::lock_guard lock(mutex_);
  limit_ = threads;
  try {
    threads_.emplace_back([this] { run_hot(); });
    pthread_setname_np(threads_.back().native_handle(), "roost-python");
    ++running_;
    threads_.emplace_back([this] { watch(); });
    pthread_setname_np(threads_.back().native_handle(), "roost-watch");
    ++running_;
  } catch (const std::system_error& error) {
    log(ROOST_LOG_WARNING, std::string("no thread for Python's handlers can be had: ") + error.what() +
                               (threads_.empty() ? "" : "; they run one after another"));
  }
  return !threads_.empty();
}

void JobPool::submit(Job* const* jobs, size_t count) {
  const int64_t now = monotonic_ns();
  bool wake_hot = false;
  bool wake_watcher = false;
  {
    std::lock_guard lock(mutex_);
    for (size_t i = 0; i < count; ++i) {
      jobs[i]->queued_ns = now;
      queue_.push_back(jobs[i]);
    }
    wake_hot = std::exchange(hot_idle_, false);
    wake_watcher = std::exchange(watcher_asleep_, false);
  }
  if (wake_hot) hot_wanted_.notify_one();
  if (wake_watcher) watcher_wanted_.notify_one();
}

void JobPool::run_jobs(bool old_only, bool one) {
  while (true) {
    Job* job = nullptr;
    {
      std::lock_guard lock(mutex_);
      if (queue_.empty()) return;
      if (old_only && monotonic_ns() - queue_.front()->queued_ns < kOldEnough) return;
      job = queue_.front();
      queue_.pop_front();
    }
    job->run();
    // Among many that compute, each is stopped in the middle of a job, which then waits for all the others' turns.
    if (one || (old_only && !take_turn(PyEval_SaveThread()))) return;
  }
}

bool JobPool::take_turn(PyThreadState* state) {
  const int64_t asked = monotonic_ns();
  PyEval_RestoreThread(state);
  const int64_t got = monotonic_ns();
  if (got - asked < kCrowdedWait) return true;
  crowded_until_.store(got + kCrowdedFor, std::memory_order_relaxed);
  return false;
}

PyThreadState* JobPool::run_unlocked(std::unique_lock<std::mutex>& lock, PyThreadState* saved, bool old_only) {
  lock.unlock();
  const bool free = take_turn(saved);
  run_jobs(old_only, old_only && !free);
  saved = PyEval_SaveThread();
  lock.lock();
  return saved;
}

void JobPool::leave(std::unique_lock<std::mutex>& lock, PyThreadState* saved, PyGILState_STATE state) {
  lock.unlock();
  PyEval_RestoreThread(saved);
  PyGILState_Release(state);
  lock.lock();
  --running_;
  ended_.notify_all();
}

void JobPool::run_hot() {
  const PyGILState_STATE state = PyGILState_Ensure();
  PyThreadState* saved = PyEval_SaveThread();
  std::unique_lock lock(mutex_);
  while (!stopping_ || !queue_.empty()) {
    if (queue_.empty()) {
      hot_idle_ = true;
      hot_wanted_.wait(lock);
      continue;
    }
    hot_idle_ = false;
    saved = run_unlocked(lock, saved, false);
  }
  leave(lock, saved, state);
}

void JobPool::run_extra() {
  const PyGILState_STATE state = PyGILState_Ensure();
  PyThreadState* saved = PyEval_SaveThread();
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    extra_wanted_.wait(lock, [this] { return extra_woken_ > 0 || stopping_; });
    if (stopping_) break;
    --extra_idle_;
    --extra_woken_;
    saved = run_unlocked(lock, saved, true);
    ++extra_idle_;
  }
  leave(lock, saved, state);
}

// While there is work, looks at how long the oldest job has waited: each millisecond as long as there are slow ones,
// else each fourth, as a look costs some 20 us. Where the process hardly computed in that time, its threads wait for
// something else than the GIL, and all old jobs get a thread at once; where it did, one more thread is tried: more
// would only queue for the GIL.
void JobPool::watch() {
  std::unique_lock lock(mutex_);
  int quiet = 0;  // milliseconds without a job
  int calm = 0;   // and without an old one
  int64_t looked = monotonic_ns();
  int64_t cpu = process_cpu_ns();
  while (!stopping_) {
    if (quiet >= kQuietTicks) {
      watcher_asleep_ = true;
      watcher_wanted_.wait(lock, [this] { return !watcher_asleep_ || stopping_; });
      quiet = 0;
    }
    const int pause = calm >= kCalmTicks ? kCalmPause : 1;
    watcher_wanted_.wait_for(lock, std::chrono::milliseconds(pause));
    if (stopping_) break;
    calm = std::min(calm + pause, kCalmTicks);
    if (queue_.empty()) {
      quiet = hot_idle_ ? quiet + pause : 0;
      continue;
    }
    quiet = 0;
    const int64_t now = monotonic_ns();
    if (now - queue_.front()->queued_ns < kTooOld) continue;
    // What was computed since the last look at an old job, if that was just now; else of the next millisecond.
    const int64_t before = std::exchange(cpu, process_cpu_ns());
    const int64_t since = now - std::exchange(looked, now);
    const bool waiting = since < 4 * kTooOld && (cpu - before) * 2 < since;
    calm = 0;
    if (now < crowded_until_.load(std::memory_order_relaxed)) continue;
    size_t wanted = 1;
    if (waiting) {
      wanted = 0;
      while (wanted < queue_.size() && now - queue_[wanted]->queued_ns >= kOldEnough) ++wanted;
    }
    while (extra_made_ + 1 < limit_ && extra_idle_ < wanted) add_extra();
    extra_woken_ = static_cast<uint32_t>(std::min<size_t>(wanted, extra_idle_));
    for (uint32_t i = 0; i < extra_woken_; ++i) extra_wanted_.notify_one();
  }
  --running_;
  ended_.notify_all();
}

void JobPool::add_extra() {
  try {
    threads_.emplace_back([this] { run_extra(); });
  } catch (const std::system_error& error) {
    limit_ = extra_made_ + 1;  // those that there are have to do
    return log(ROOST_LOG_WARNING, std::string("no further thread for Python's handlers can be had: ") + error.what());
  }
  pthread_setname_np(threads_.back().native_handle(), "roost-python+");
  ++extra_made_;
  ++extra_idle_;  // until it asks for work itself
  ++running_;
}

void JobPool::stop() {
  std::unique_lock lock(mutex_);
  if (threads_.empty()) return;
  stopping_ = true;
  hot_wanted_.notify_all();
  extra_wanted_.notify_all();
  watcher_wanted_.notify_all();
  const bool all = ended_.wait_for(lock, std::chrono::seconds(1), [this] { return running_ == 0; });
  lock.unlock();
  for (std::thread& thread : threads_) {
    if (all)
      thread.join();
    else
      thread.detach();
  }
  threads_.clear();
}

}  // namespace roost::bridge
