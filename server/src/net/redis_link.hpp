// What one worker says to the workers of other machines, and hears from them, through a channel of a Redis server. A
// thread of its own holds two connections, as one that subscribes can do nothing else (Redis documentation, "Pub/Sub").
// Nobody ever waits for it: publish() puts into a queue.
//
// Order: what one thread publishes leaves and arrives in that order. At most once: Redis keeps nothing for those that
// are not connected, and what was under way when a connection broke is not sent again, as nobody knows whether it
// arrived. While Redis is away messages wait, at most `queue` bytes of them; past that the oldest is dropped, counted,
// and said in the log. It is asked again after 0.1 s, 0.2 s ... 5 s, with up to a quarter more or less by chance, so
// that not all workers of all machines come at once.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "base/unique_fd.hpp"
#include "config/config.hpp"
#include "net/redis_line.hpp"

namespace roost::net {

class RedisLink {
 public:
  class Receiver {
   public:
    // What somebody published, own messages too. On the link's thread; valid for the call.
    virtual void on_redis(std::string_view payload) noexcept = 0;

   protected:
    ~Receiver() = default;
  };

  // settings, receiver outlive this.
  RedisLink(const config::Redis& settings, Receiver& receiver);
  ~RedisLink();  // stops
  RedisLink(const RedisLink&) = delete;
  RedisLink& operator=(const RedisLink&) = delete;

  // Begins the thread; in the worker. Returns when the first attempt to connect has ended, so that a worker that serves
  // hears everything, or after kFirstAttempt.
  void start();
  // Ends the thread; what is queued and can leave within kFarewell does. What is published later goes nowhere.
  void stop() noexcept;
  // Any thread; never blocks.
  void publish(std::string payload) noexcept;

  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::chrono::milliseconds kFirstAttempt{2'000};
  static constexpr std::chrono::milliseconds kFarewell{500};

  void run() noexcept;
  void take_queue();
  bool idle();
  void on_message(const RespReply& reply);
  void on_reply(const RespReply& reply);

  const config::Redis& settings_;
  Receiver& receiver_;
  RedisLine listener_, speaker_;
  base::UniqueFd wake_;
  std::thread thread_;
  std::atomic<uint64_t> dropped_{0};
  uint64_t dropped_said_ = 0;
  size_t under_way_ = 0;  // messages that left and were not acknowledged

  std::mutex mutex_;  // guards what follows
  std::condition_variable attempted_;
  std::deque<std::string> queue_;
  size_t queued_bytes_ = 0;
  bool woken_ = false, stopping_ = false, first_over_ = false;
};

}  // namespace roost::net
