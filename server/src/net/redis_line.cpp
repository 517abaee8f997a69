#include "net/redis_line.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <memory>
#include <system_error>

#include "base/log.hpp"

namespace roost::net {
namespace {

constexpr int64_t kConnectTime = 5'000;
constexpr int64_t kPingEvery = 15'000;
constexpr int64_t kFirstPause = 100, kLongestPause = 5'000;

std::string message_of(int error) {
  return std::generic_category().message(error);
}

int64_t about(int64_t pause) {
  uint32_t chance = 0;
  if (getrandom(&chance, sizeof chance, GRND_NONBLOCK) != sizeof chance) chance = static_cast<uint32_t>(getpid());
  return pause * (75 + chance % 51) / 100;
}

base::UniqueFd connect_to(const sockaddr* address, socklen_t size, int family, int& error) {
  base::UniqueFd fd(::socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd || (::connect(fd.get(), address, size) != 0 && errno != EINPROGRESS)) {
    error = errno;
    return {};
  }
  return fd;
}

}  // namespace

RedisLine::RedisLine(const config::Redis& settings, const char* name, bool subscribes,
                     std::function<void(const RespReply&)> on_reply)
    : settings_(settings), name_(name), subscribes_(subscribes), on_reply_(std::move(on_reply)) {}

pollfd RedisLine::interest() const {
  if (!socket_) return {-1, 0, 0};
  const bool writes = state_ == State::connecting || unsent() > 0;
  return {socket_.get(), static_cast<short>(POLLIN | (writes ? POLLOUT : 0)), 0};
}

int64_t RedisLine::until_due(int64_t now) const {
  return std::max<int64_t>(0, due_ - now);
}

void RedisLine::on_time(int64_t now) {
  if (now < due_) return;
  if (state_ == State::down) return connect(now);
  if (state_ != State::ready) return fail(now, "no answer");
  if (pinged_) return fail(now, "no answer to a ping");
  pinged_ = true;
  write_command(out_, {"PING"});
  due_ = now + kPingEvery;
  write(now);
}

void RedisLine::connect(int64_t now) {
  int error = 0;
  if (!settings_.unix_path.empty()) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, settings_.unix_path.data(),
                std::min(settings_.unix_path.size(), sizeof address.sun_path - 1));
    socket_ = connect_to(reinterpret_cast<sockaddr*>(&address), sizeof address, AF_UNIX, error);
  } else {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo* found = nullptr;
    const std::string port = std::to_string(settings_.port);
    if (const int problem = getaddrinfo(settings_.host.c_str(), port.c_str(), &hints, &found); problem != 0) {
      return fail(now, gai_strerror(problem));
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(found, freeaddrinfo);
    // Which of several addresses answers is tried in turn, one at each attempt.
    size_t count = 0;
    for (const addrinfo* one = found; one != nullptr; one = one->ai_next) ++count;
    const addrinfo* chosen = found;
    for (size_t i = attempts_ % count; i > 0; --i) chosen = chosen->ai_next;
    socket_ = connect_to(chosen->ai_addr, chosen->ai_addrlen, chosen->ai_family, error);
    const int on = 1;
    if (socket_) setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (!socket_) return fail(now, message_of(error));
  state_ = State::connecting;
  due_ = now + kConnectTime;
}

void RedisLine::greet(int64_t now) {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return fail(now, message_of(error));
  state_ = State::greeting;
  greetings_ = 0;
  if (!settings_.user.empty()) {
    write_command(out_, {"AUTH", settings_.user, settings_.password});
    ++greetings_;
  } else if (!settings_.password.empty()) {
    write_command(out_, {"AUTH", settings_.password});
    ++greetings_;
  }
  if (settings_.database != 0) {
    write_command(out_, {"SELECT", std::to_string(settings_.database)});
    ++greetings_;
  }
  if (subscribes_) {
    write_command(out_, {"SUBSCRIBE", settings_.channel});
  } else {
    write_command(out_, {"PING"});
  }
  ++greetings_;
  write(now);
}

void RedisLine::on_events(short events, int64_t now) {
  if (!socket_) return;
  if (state_ == State::connecting) {
    if (events & (POLLOUT | POLLERR | POLLHUP)) greet(now);
    return;
  }
  if (events & POLLOUT) write(now);
  if (socket_ && (events & (POLLIN | POLLERR | POLLHUP))) read(now);
}

void RedisLine::send(std::initializer_list<std::string_view> command) {
  write_command(out_, command);
}

void RedisLine::write(int64_t now) {
  while (socket_ && unsent() > 0) {
    const ssize_t n = ::send(socket_.get(), out_.data() + sent_, unsent(), MSG_NOSIGNAL);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN) fail(now, message_of(errno));
      return;
    }
    sent_ += static_cast<size_t>(n);
  }
  out_.clear();
  sent_ = 0;
  if (out_.capacity() > 1 << 20) out_ = std::string();
}

void RedisLine::read(int64_t now) {
  char buffer[64 * 1024];
  const ssize_t n = ::recv(socket_.get(), buffer, sizeof buffer, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n <= 0) return fail(now, n == 0 ? "the server closed the connection" : message_of(errno));
  in_.append(buffer, static_cast<size_t>(n));
  size_t begin = 0;
  while (socket_ && begin < in_.size()) {
    RespReply reply;
    size_t taken = 0;
    const RespStatus status = read_reply(std::string_view(in_).substr(begin), reply, taken);
    if (status == RespStatus::incomplete) break;
    if (status == RespStatus::invalid) return fail(now, "this is no Redis server");
    begin += taken;
    if (!take(reply, now)) return;
  }
  in_.erase(0, begin);
  if (in_.empty() && in_.capacity() > 1 << 20) in_ = std::string();
  if (state_ == State::ready) {
    due_ = now + kPingEvery;
  }
}

bool RedisLine::take(const RespReply& reply, int64_t now) {
  if (state_ == State::greeting) {
    if (reply.type == RespReply::Type::error) {
      fail(now, std::string(reply.text));
      return false;
    }
    if (--greetings_ > 0) return true;
    state_ = State::ready;
    ++attempts_;
    pause_ = 0;
    pinged_ = false;
    due_ = now + kPingEvery;
    if (said_) base::log(ROOST_LOG_INFO, "redis", std::string("connected again, to ") + name_);
    said_ = false;
    return true;
  }
  // A ping is answered +PONG, by a line that subscribes ["pong", ""].
  const bool pong = (reply.type == RespReply::Type::text && reply.text == "PONG") ||
                    (reply.type == RespReply::Type::array && !reply.items.empty() && reply.items[0].text == "pong");
  if (pong) {
    pinged_ = false;
  } else {
    on_reply_(reply);
  }
  return true;
}

void RedisLine::fail(int64_t now, const std::string& why) {
  socket_.reset();
  state_ = State::down;
  ++attempts_;
  in_.clear();
  out_.clear();
  sent_ = 0;
  pinged_ = false;
  if (!said_) {
    said_ = true;
    base::log(ROOST_LOG_WARNING, "redis",
              std::string("not connected, to ") + name_ + ": " + why + "; trying again until it is");
  }
  pause_ = pause_ == 0 ? kFirstPause : std::min(2 * pause_, kLongestPause);
  due_ = now + about(pause_);
}

}  // namespace roost::net
