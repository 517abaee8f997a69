#include "net/redis_link.hpp"

#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/log.hpp"

namespace roost::net {
namespace {

// Commands handed to the socket at once: what a broken connection can lose.
constexpr size_t kUnderWay = 256 * 1024;

int64_t milliseconds_now() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

}  // namespace

RedisLink::RedisLink(const config::Redis& settings, Receiver& receiver)
    : settings_(settings),
      receiver_(receiver),
      listener_(settings, "hear", true, [this](const RespReply& reply) { on_message(reply); }),
      speaker_(settings, "speak", false, [this](const RespReply& reply) { on_reply(reply); }),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {}

RedisLink::~RedisLink() {
  stop();
}

void RedisLink::stop() noexcept {
  if (!thread_.joinable()) return;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
  thread_.join();
}

void RedisLink::start() {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the main thread's
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  std::unique_lock lock(mutex_);
  attempted_.wait_for(lock, kFirstAttempt, [this] { return first_over_; });
}

void RedisLink::publish(std::string payload) noexcept {
  size_t dropped = 0;
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return;
    queued_bytes_ += payload.size();
    queue_.push_back(std::move(payload));
    while (queued_bytes_ > settings_.queue && queue_.size() > 1) {
      queued_bytes_ -= queue_.front().size();
      queue_.pop_front();
      ++dropped;
    }
    dropped_.fetch_add(dropped, std::memory_order_relaxed);
    if (woken_) return;
    woken_ = true;
  }
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = ::write(wake_.get(), &one, sizeof one);
}

void RedisLink::take_queue() {
  const uint64_t dropped = dropped_.load(std::memory_order_relaxed);
  if (dropped >= std::max<uint64_t>(1, 2 * dropped_said_)) {
    dropped_said_ = dropped;
    base::log(ROOST_LOG_WARNING, "redis",
              "more waits than `redis: { queue }` holds: " + std::to_string(dropped) + " messages dropped");
  }
  if (!speaker_.ready()) {
    if (under_way_ == 0) return;
    base::log(ROOST_LOG_WARNING, "redis",
              std::to_string(under_way_) + " messages were under way when the connection broke, and are not repeated");
    dropped_.fetch_add(std::exchange(under_way_, 0), std::memory_order_relaxed);
    return;
  }
  while (speaker_.unsent() < kUnderWay) {
    std::string payload;
    {
      const std::lock_guard lock(mutex_);
      if (queue_.empty()) return;
      payload = std::move(queue_.front());
      queue_.pop_front();
      queued_bytes_ -= payload.size();
    }
    speaker_.send({"PUBLISH", settings_.channel, payload});
    ++under_way_;
  }
}

bool RedisLink::idle() {
  const std::lock_guard lock(mutex_);
  return queue_.empty() && under_way_ == 0;
}

void RedisLink::on_reply(const RespReply& reply) {
  if (under_way_ > 0) --under_way_;
  if (reply.type != RespReply::Type::error) return;
  base::log(ROOST_LOG_WARNING, "redis", "a message was refused: " + std::string(reply.text));
}

void RedisLink::on_message(const RespReply& reply) {
  if (reply.type != RespReply::Type::array || reply.items.size() != 3 || reply.items[0].text != "message") return;
  receiver_.on_redis(reply.items[2].text);
}

void RedisLink::run() noexcept {
  pthread_setname_np(pthread_self(), "redis");
  int64_t last_words = 0;
  for (;;) {
    int64_t now = milliseconds_now();
    listener_.on_time(now);
    speaker_.on_time(now);
    {
      const std::lock_guard lock(mutex_);
      if (!first_over_ && listener_.attempts() > 0 && speaker_.attempts() > 0) {
        first_over_ = true;
        attempted_.notify_all();
      }
      if (stopping_ && last_words == 0) last_words = now + kFarewell.count();
    }
    take_queue();
    speaker_.write(now);
    if (last_words != 0 && (now >= last_words || !speaker_.ready() || idle())) return;

    pollfd fds[] = {{wake_.get(), POLLIN, 0}, listener_.interest(), speaker_.interest()};
    int64_t patience = std::min(listener_.until_due(now), speaker_.until_due(now));
    if (last_words != 0) patience = std::min(patience, last_words - now);
    if (::poll(fds, 3, static_cast<int>(patience) + 1) < 0) continue;
    now = milliseconds_now();
    if (fds[0].revents != 0) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t got = ::read(wake_.get(), &count, sizeof count);
      const std::lock_guard lock(mutex_);
      woken_ = false;
    }
    if (fds[1].revents != 0) listener_.on_events(fds[1].revents, now);
    if (fds[2].revents != 0) speaker_.on_events(fds[2].revents, now);
  }
}

}  // namespace roost::net
