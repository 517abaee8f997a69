#include "net/websocket_connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>

#include "net/websocket_hub.hpp"
#include "net/websocket_loop.hpp"
#include "websocket/close_code.hpp"

namespace roost::net {
namespace {

constexpr std::string_view kPing("\x89\x00", 2);

}  // namespace

WebSocketConnection* WebSocketConnection::create(WebSocketLoop& loop, const roost_ws_accept& accept,
                                                 std::string_view group, websocket::DeflateParameters deflate) {
  const std::string_view asked(accept.group.data, accept.group.size);
  return new WebSocketConnection(loop, accept, asked.empty() ? group : asked, deflate);
}

WebSocketConnection::WebSocketConnection(WebSocketLoop& loop, const roost_ws_accept& accept, std::string_view group,
                                         websocket::DeflateParameters deflate)
    : loop_(loop),
      callbacks_(accept.callbacks),
      arg_(accept.arg),
      number_(loop.hub().next_number()),
      deflate_bits_(deflate.agreed ? deflate.server_bits : 0),
      deflate_(deflate.server_takeover || deflate.client_takeover
                   ? std::make_unique<websocket::DeflateContext>(deflate, loop.deflater())
                   : nullptr),
      session_(loop.settings().message_bytes, !deflate.agreed       ? nullptr
                                              : deflate_ != nullptr ? &deflate_->inflater()
                                                                    : &loop.inflater()),
      id_(loop.hub().id_of(number_)),
      group_(group) {}

void WebSocketConnection::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

void WebSocketConnection::start(base::UniqueFd socket, std::string_view head, std::string leftover,
                                WebSocketOwner* owner) noexcept {
  if (loop_.stopped_) {
    socket.reset();
    abandon();
    if (owner != nullptr) owner->on_websocket_end();
    return;
  }
  EventLoop& events = loop_.event_loop();
  socket_ = std::move(socket);
  owner_ = owner;
  phase_ = Phase::running;
  last_received_ = events.now();
  loop_.opened(*this);
  loop_.hub().join(*this, group_);
  join(loop_.channel(WebSocketChannel::Kind::group, group_));
  interest_ = EPOLLIN;
  if (!events.add(socket_.get(), interest_, *this)) return cut(websocket::kAbnormal);
  if (output_ != nullptr) {
    // Another thread was faster: what it sent follows the head.
    output_->push_front(SharedBuffer::copy_of(head));
    buffered_.fetch_add(head.size(), std::memory_order_relaxed);
  }
  WebSocketConnection* const outer = loop_.corked_;
  // Within another connection's input its cork holds frames already: this one then goes the way of the queue.
  if (outer == nullptr) loop_.corked_ = this;
  if (output_ == nullptr) {
    if (outer == nullptr) {
      write_corked({}, head);
    } else {
      buffered_.fetch_add(head.size(), std::memory_order_relaxed);
      enqueue(SharedBuffer::copy_of(head), FrameQueue::Kind::other);
    }
  }
  if (callbacks_->on_open != nullptr) {
    loop_.called_ = true;
    callbacks_->on_open(arg_, this);
  }
  if (loop_.draining_) close_here(websocket::kGoingAway, {});
  if (outer == nullptr) {
    write_corked({}, {});
    loop_.corked_ = nullptr;
  }
  if (output_ != nullptr) loop_.mark_dirty(*this);
  if (!leftover.empty()) {
    leftover_ = std::make_unique<std::string>(std::move(leftover));
    loop_.defer(*this);
  }
  const auto ping = loop_.settings().ping;
  if (session_.state() != websocket::Session::State::open) {
    events.timers().set(*this, events.now() + loop_.settings().close_timeout.count());
  } else if (ping.count() > 0) {
    events.timers().set(*this, events.now() + ping.count());
  }
}

void WebSocketConnection::abandon() noexcept {
  phase_ = Phase::ended;
  conclude(websocket::kAbnormal, {});
  drop_output();
  loop_.ended_.push_back(this);
}

void WebSocketConnection::on_events(uint32_t events) noexcept {
  if (phase_ == Phase::ended) return;
  if (events & EPOLLOUT) flush();
  if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)) || phase_ == Phase::ended) return;
  if (phase_ != Phase::running || !paused()) return read();
  if (events & (EPOLLHUP | EPOLLERR)) cut(websocket::kAbnormal);
}

void WebSocketConnection::read() noexcept {
  if (leftover_ != nullptr) run_deferred();
  if (phase_ == Phase::ended) return;
  if (leftover_ != nullptr) return;  // paused
  char* const buffer = loop_.read_buffer_.get();
  const ssize_t n = ::recv(socket_.get(), buffer, WebSocketLoop::kReadBuffer, MSG_DONTWAIT);
  if (n <= 0) {
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    return cut(websocket::kAbnormal);
  }
  loop_.bytes_in_ += static_cast<size_t>(n);
  if (phase_ == Phase::running) feed(buffer, static_cast<size_t>(n));
}

void WebSocketConnection::feed(char* data, size_t size) noexcept {
  heard();
  loop_.corked_ = this;
  const size_t taken = session_.feed(data, size, *this);
  if (loop_.cork_size_ > 0) write_corked({}, {});
  loop_.corked_ = nullptr;
  if (taken < size) leftover_ = std::make_unique<std::string>(data + taken, size - taken);
  after_feed();
}

void WebSocketConnection::after_feed() noexcept {
  const auto state = session_.state();
  if (state != websocket::Session::State::closed && state != websocket::Session::State::failed) return;
  const std::string reason(session_.close_reason());
  conclude(session_.close_code(), reason);
  shut_when_flushed();
}

void WebSocketConnection::on_message(websocket::Opcode opcode, std::string_view data) {
  if (callbacks_->on_message == nullptr || concluded_) return;
  loop_.called_ = true;
  callbacks_->on_message(arg_, this, static_cast<roost_ws_kind>(opcode), data.data(), data.size());
}

void WebSocketConnection::pause_changed() noexcept {
  if (phase_ != Phase::running) return;
  // The answer to a close frame has to be read.
  if (session_.state() != websocket::Session::State::open) paused_.store(false, std::memory_order_release);
  if (!paused()) {
    heard();
    if (leftover_ != nullptr) loop_.defer(*this);
  }
  update_interest();
}

void WebSocketConnection::conclude(uint16_t code, std::string_view reason) noexcept {
  if (concluded_) return;
  concluded_ = true;
  gone_.store(true, std::memory_order_release);
  loop_.hub().leave(*this, group_);
  while (!memberships_.empty()) leave(memberships_.size() - 1);
  if (callbacks_->on_close == nullptr) return;
  loop_.called_ = true;
  callbacks_->on_close(arg_, this, code, {reason.data(), reason.size()});
}

void WebSocketConnection::shut_when_flushed() noexcept {
  phase_ = Phase::flushing;
  EventLoop& events = loop_.event_loop();
  if (output_ != nullptr) {
    events.timers().set(*this, events.now() + loop_.settings().close_timeout.count());
    loop_.mark_dirty(*this);
    return;
  }
  // RFC 6455 section 7.1.1: the server closes first; the rest of its input is read, else the kernel would answer it
  // with a reset, which may overtake the close frame.
  phase_ = Phase::lingering;
  ::shutdown(socket_.get(), SHUT_WR);
  events.timers().set(*this, events.now() + kLinger.count());
}

void WebSocketConnection::cut(uint16_t code) noexcept {
  conclude(code, {});
  if (phase_ != Phase::ended) close_socket();
}

void WebSocketConnection::close_socket() noexcept {
  phase_ = Phase::ended;
  EventLoop& events = loop_.event_loop();
  events.timers().remove(*this);
  events.remove(socket_.get());
  socket_.reset();
  drop_output();
  loop_.ended(*this);
  if (owner_ != nullptr) owner_->on_websocket_end();
}

void WebSocketConnection::on_timer() noexcept {
  if (phase_ == Phase::ended) return;
  if (phase_ != Phase::running || session_.state() != websocket::Session::State::open) return cut(websocket::kAbnormal);
  EventLoop& events = loop_.event_loop();
  const int64_t ping = loop_.settings().ping.count();
  if (!ping_sent_) {
    if (events.now() - last_received_ < ping) return events.timers().set(*this, last_received_ + ping);
    ping_sent_ = true;
    // With a full socket the ping would wait behind the rest: that nothing comes back is judged all the same.
    if (output_ == nullptr) {
      buffered_.fetch_add(kPing.size(), std::memory_order_relaxed);
      enqueue(loop_.ping_frame_, FrameQueue::Kind::other);
    }
    return events.timers().set(*this, events.now() + loop_.settings().ping_timeout.count());
  }
  // Nothing is read of one that is paused, its answers neither; that it is gone the kernel notices by the pings.
  if (!paused()) return cut(websocket::kAbnormal);
  heard();
}

void WebSocketConnection::heard() noexcept {
  EventLoop& events = loop_.event_loop();
  last_received_ = events.now();
  if (!ping_sent_) return;
  ping_sent_ = false;
  // The timer was set for the answer. Once closing has begun it is the close handshake's.
  if (session_.state() == websocket::Session::State::open)
    events.timers().set(*this, last_received_ + loop_.settings().ping.count());
}

void WebSocketConnection::run_deferred() noexcept {
  if (leftover_ != nullptr && !paused()) {
    const std::unique_ptr<std::string> bytes = std::move(leftover_);
    if (phase_ == Phase::running) feed(bytes->data(), bytes->size());
  }
  if (deferred_writable_) {
    deferred_writable_ = false;
    if (!concluded_ && callbacks_->on_writable != nullptr) {
      loop_.called_ = true;
      callbacks_->on_writable(arg_, this);
    }
  }
}

}  // namespace roost::net
