#include "net/listener.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <new>
#include <string>
#include <string_view>

#include "base/log.hpp"
#include "net/http_connection.hpp"
#include "net/io_thread.hpp"
#include "net/peer_address.hpp"

namespace roost::net {
namespace {

constexpr int kAcceptsAtOnce = 4;
constexpr int64_t kAsideMilliseconds = 16;
constexpr int64_t kNoDescriptorsMilliseconds = 100;
constexpr int64_t kComplainMilliseconds = 10'000;
// More than the share by a few is not worth stepping aside.
constexpr int64_t kSlack = 2;

}  // namespace

Listener::Listener(IoThread& thread, int fd) : thread_(thread), fd_(fd) {}

Listener::~Listener() = default;

void Listener::start() noexcept {
  if (watching_ || stopped_ || full_) return;
  watching_ = thread_.loop().add(fd_, EPOLLIN | EPOLLEXCLUSIVE, *this);
  if (!watching_) pause(kNoDescriptorsMilliseconds);
}

void Listener::stop() noexcept {
  stopped_ = true;
  if (watching_) thread_.loop().remove(fd_);
  watching_ = false;
  thread_.loop().timers().remove(*this);
}

void Listener::pause(int64_t milliseconds) noexcept {
  if (watching_) thread_.loop().remove(fd_);
  watching_ = false;
  thread_.loop().timers().set(*this, thread_.loop().now() + milliseconds);
}

void Listener::pause_full() noexcept {
  if (watching_) thread_.loop().remove(fd_);
  watching_ = false;
  full_ = true;
  // Another thread of the worker may be the one that makes room: looked at from time to time.
  thread_.loop().timers().set(*this, thread_.loop().now() + kAsideMilliseconds * 4);
}

void Listener::room_again() noexcept {
  if (!full_ && !starved_) return;
  full_ = starved_ = false;
  thread_.loop().timers().cancel(*this);
  start();
}

void Listener::on_timer() noexcept {
  const WorkerContext& worker = thread_.worker();
  if (full_ &&
      worker.connections.load(std::memory_order_relaxed) >= static_cast<int64_t>(worker.settings.limits.connections)) {
    pause_full();
    return;
  }
  full_ = starved_ = false;
  start();
}

// The share: of all connections of the host's serving workers, for each of their threads.
bool Listener::above_share() const noexcept {
  const WorkerContext& worker = thread_.worker();
  int64_t workers = 0, total = 0;
  for (const base::WorkerSlot& slot : worker.slots) {
    if (slot.state.load(std::memory_order_relaxed) != base::WorkerState::serving) continue;
    ++workers;
    total += slot.connections.load(std::memory_order_relaxed);
  }
  if (workers == 0) workers = 1;
  const int64_t threads = workers * worker.thread_count;
  return threads > 1 && thread_.connections() > total / threads + total / (threads * 8) + kSlack;
}

void Listener::on_events(uint32_t) noexcept {
  const auto limit = static_cast<int64_t>(thread_.worker().settings.limits.connections);
  for (int i = 0; i < kAcceptsAtOnce; ++i) {
    if (!watching_) return;
    if (thread_.worker().connections.load(std::memory_order_relaxed) >= limit) {
      pause_full();
      return;
    }
    if (!accept_one()) return;
    // What woke this thread has been taken; the next one may wake another.
    if (above_share()) {
      pause(kAsideMilliseconds);
      return;
    }
  }
}

bool Listener::accept_one() noexcept {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&address), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
  if (fd < 0) {
    switch (errno) {
      case EMFILE:
      case ENFILE:
      case ENOBUFS:
      case ENOMEM:
        out_of_descriptors();
        return false;
      case EAGAIN:
        return false;
      default:
        return true;  // ECONNABORTED, EINTR, network errors of the new socket (accept(2)): the next one
    }
  }
  const PeerAddress peer(address);
  if (peer.is_ip()) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  if (!admit(peer)) {
    refuse(fd, peer);
    return true;
  }
  auto* const connection = new (std::nothrow) HttpConnection(thread_, base::UniqueFd(fd), peer);
  if (connection == nullptr) {
    thread_.release_address(peer);
    ::close(fd);
    return false;
  }
  connection->open();
  return true;
}

bool Listener::admit(const PeerAddress& peer) noexcept {
  WorkerContext& worker = thread_.worker();
  if (worker.settings.limits.per_address != 0 && peer.is_ip() && !peer.within(worker.settings.trusted_proxies)) {
    const std::lock_guard lock(worker.addresses_mutex);
    size_t& count = worker.addresses[std::string(reinterpret_cast<const char*>(peer.bytes().data()), 16)];
    if (count >= worker.settings.limits.per_address) return false;
    ++count;
  }
  return true;
}

// The answer does not wait for the question: whoever has too many connections gets neither a descriptor nor a moment
// more. Its request may meet a closed socket, and a reset; what was sent before that is read first.
void Listener::refuse(int fd, const PeerAddress& peer) noexcept {
  constexpr std::string_view answer =
      "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 5\r\n"
      "Content-Length: 40\r\nConnection: close\r\n\r\nToo many connections from this address.\n";
  ::send(fd, answer.data(), answer.size(), MSG_NOSIGNAL);
  ::shutdown(fd, SHUT_WR);
  // What lies unread at close() makes the kernel reset the connection.
  ::recv(fd, thread_.read_buffer(), IoThread::kReadBuffer, 0);
  ::close(fd);
  const int64_t now = thread_.loop().now();
  if (told_ != 0 && now - told_ < kComplainMilliseconds) return;
  told_ = now;
  char address[PeerAddress::kMaxText];
  base::log(ROOST_LOG_WARNING, "listener",
            std::string(address, peer.write_ip(address)) + " has limits.per_address connections: no more are taken");
}

void Listener::out_of_descriptors() noexcept {
  const int error = errno;
  // Left alone until one of this thread's connections goes, or for a moment: a listening socket that is readable and
  // cannot be accepted from would keep the loop spinning.
  starved_ = true;
  pause(kNoDescriptorsMilliseconds);
  const int64_t now = thread_.loop().now();
  if (now - complained_ < kComplainMilliseconds) return;
  complained_ = now;
  base::log(ROOST_LOG_WARNING, "listener", std::string("no connection can be taken: ") + std::strerror(error));
}

}  // namespace roost::net
