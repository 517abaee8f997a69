// The worker's threads for handlers that block and for what plugins submit: a bounded queue, threads made when a job
// finds none idle. Any thread may submit.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace roost::net {

class ThreadPool {
 public:
  // queue: jobs that may wait.
  ThreadPool(size_t threads, size_t queue) : max_threads_(threads), max_waiting_(queue) {}
  ~ThreadPool() { stop(); }
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  // False when the queue is full or the pool has stopped: nothing was queued.
  bool submit(void (*fn)(void*), void* arg) noexcept;
  // Runs what is queued, then joins. Again is nothing.
  void stop() noexcept;

 private:
  struct Job {
    void (*fn)(void*);
    void* arg;
  };
  void run();

  const size_t max_threads_, max_waiting_;
  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::deque<Job> jobs_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stopping_ = false;
};

}  // namespace roost::net
