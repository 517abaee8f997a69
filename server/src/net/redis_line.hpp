// One connection to a Redis server: connected, authenticated, kept alive, and made again after a pause when it breaks.
// Belongs to the thread of its RedisLink, which polls it; only the look-up of the host's name blocks.
#pragma once

#include <poll.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"
#include "config/config.hpp"
#include "net/resp.hpp"

namespace roost::net {

class RedisLine {
 public:
  enum class State : uint8_t { down, connecting, greeting, ready };

  // on_reply: each reply once the line is ready, but for those to its own pings. name: for the log.
  RedisLine(const config::Redis& settings, const char* name, bool subscribes,
            std::function<void(const RespReply&)> on_reply);
  RedisLine(const RedisLine&) = delete;
  RedisLine& operator=(const RedisLine&) = delete;

  State state() const { return state_; }
  bool ready() const { return state_ == State::ready; }
  // Attempts to connect that have ended, either way.
  uint64_t attempts() const { return attempts_; }

  // What to poll for; fd is -1 while there is nothing.
  pollfd interest() const;
  // Milliseconds until on_time() has something to do.
  int64_t until_due(int64_t now) const;
  void on_time(int64_t now);
  void on_events(short events, int64_t now);

  // REQUIRES: ready().
  void send(std::initializer_list<std::string_view> command);
  size_t unsent() const { return out_.size() - sent_; }
  void write(int64_t now);

 private:
  void connect(int64_t now);
  void greet(int64_t now);
  void read(int64_t now);
  bool take(const RespReply& reply, int64_t now);
  void fail(int64_t now, const std::string& why);

  const config::Redis& settings_;
  const char* const name_;
  const bool subscribes_;
  const std::function<void(const RespReply&)> on_reply_;
  base::UniqueFd socket_;
  State state_ = State::down;
  std::string in_, out_;
  size_t sent_ = 0;
  int greetings_ = 0;  // replies of the greeting still to come
  bool pinged_ = false;
  int64_t due_ = 0;    // when to connect, to give up, or to ping
  int64_t pause_ = 0;  // before the next attempt
  uint64_t attempts_ = 0;
  bool said_ = false;  // that it is away
};

}  // namespace roost::net
