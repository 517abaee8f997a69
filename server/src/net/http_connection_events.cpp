// The connection's part that is not about bytes: deadlines, the end of input, draining, closing.
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>

#include "net/http_connection.hpp"
#include "net/http_exchange.hpp"
#include "net/io_thread.hpp"

namespace roost::net {
namespace {

constexpr size_t kMaxAhead = 64 * 1024;
// After an error: until the client has been silent for so long, or closes; many send the whole of a body that is
// refused before they read the answer.
constexpr int64_t kLingerMilliseconds = 2000;
constexpr int64_t kLongestLingerMilliseconds = 30'000;
// A drained worker lets a client that is between two requests send one more, which is answered with
// "Connection: close", rather than close under it.
constexpr int64_t kDrainIdleMilliseconds = 1000;

}  // namespace

void HttpConnection::exchange_changed() noexcept {
  if (phase_ >= Phase::upgraded) return;
  after_step();
  process_input();
}

// Once for everything that happened: what is waited for now, and until when.
void HttpConnection::after_events() noexcept {
  if (phase_ >= Phase::upgraded) return;
  if (broken_) {
    close();
    return;
  }
  if (phase_ == Phase::closing && queue_ == nullptr) {
    begin_close();
    return;
  }
  if (eof_) {
    // What the client had sent has been worked through, and it sends no more.
    if ((phase_ == Phase::head && queue_ == nullptr) || phase_ == Phase::body) {
      close();
      return;
    }
    if (phase_ == Phase::running && input_.empty() && exchange_->streams_body() && !exchange_->body().complete() &&
        !exchange_->body_failed()) {
      exchange_->fail_body(499, "the client went away");
      exchange_changed();
      return;
    }
    if (phase_ == Phase::running && thread_.worker().settings.half_close_cancels && !exchange_->cancelled()) {
      exchange_->cancel();
      exchange_changed();
      return;
    }
  }
  set_deadline();
  watch((input_wanted() ? EPOLLIN : 0u) | (queue_ != nullptr ? EPOLLOUT : 0u));
}

bool HttpConnection::input_wanted() const noexcept {
  if (eof_ || phase_ == Phase::closing) return false;
  if (phase_ == Phase::head && queue_ == nullptr) return true;
  return phase_ == Phase::body || input_.size() < kMaxAhead;
}

void HttpConnection::set_deadline() noexcept {
  if (phase_ == Phase::head) {
    if (!progressed_ || seen_ != 0 || queue_ != nullptr) return;
    progressed_ = false;
    const int64_t now = thread_.loop().now();
    const int64_t idle = thread_.worker().settings.timeouts.keep_alive.count();
    arm(now +
        (thread_.worker().draining.load(std::memory_order_relaxed) ? std::min(idle, kDrainIdleMilliseconds) : idle));
  } else if (phase_ == Phase::running && queue_ == nullptr && !exchange_->wants_body()) {
    arm(0);  // the handler's deadline alone
  }
}

void HttpConnection::watch(uint32_t events) noexcept {
  if (events == watched_) return;
  watched_ = events;
  if (!thread_.loop().modify(fd_.get(), events, *this)) close();
}

void HttpConnection::arm(int64_t deadline) noexcept {
  deadline_ = deadline;
  int64_t next = deadline;
  if (exchange_ != nullptr) {
    const int64_t handler = exchange_->handler_deadline();
    if (handler != 0 && (next == 0 || handler < next)) next = handler;
  }
  if (next != 0) {
    thread_.loop().timers().set(*this, next);
  } else {
    thread_.loop().timers().cancel(*this);
  }
}

void HttpConnection::on_timer() noexcept {
  const int64_t now = thread_.loop().now();
  const int64_t handler = exchange_ == nullptr ? 0 : exchange_->handler_deadline();
  if (handler != 0 && now >= handler) {
    thread_.cork(this);
    if (!exchange_->expire()) exchange_->set_handler_deadline(now + 100);  // an answer is being built
    after_step();
    flush();
    thread_.cork(nullptr);
    process_input();
    if (phase_ == Phase::closed) return;
  }
  if (deadline_ == 0 || now < deadline_) {
    arm(deadline_);
    return;
  }
  switch (phase_) {
    case Phase::head:
      if (queue_ != nullptr) {
        cut_reader();
      } else if (seen_ != 0) {
        thread_.cork(this);
        refuse(408);
        flush();
        thread_.cork(nullptr);
        after_events();
      } else {
        // What came at the last moment is still answered.
        deadline_ = 0;
        read();
        if (phase_ == Phase::head && deadline_ == 0) close();
      }
      return;
    case Phase::body:
      thread_.cork(this);
      phase_ = Phase::running;
      exchange_->answer_instead(408);
      after_step();
      flush();
      thread_.cork(nullptr);
      process_input();
      return;
    case Phase::running:
      if (queue_ == nullptr && exchange_->wants_body()) {
        arm(0);
        exchange_->fail_body(408, "the client sent no more of the body in time");
        exchange_changed();
        return;
      }
      if (queue_ == nullptr) return;
      cut_reader();
      return;
    case Phase::writing:
    case Phase::closing:
      cut_reader();
      return;
    case Phase::lingering:
      close();
      return;
    case Phase::upgraded:
    case Phase::closed:
      return;
  }
}

// The client sends no more. It may still read (shutdown(2)), or be gone altogether: nobody can tell before something is
// written. What runs for it is cancelled, unless `half_close: answer`; a response that is finished is written.
void HttpConnection::end_of_input() noexcept {
  eof_ = true;
  switch (phase_) {
    case Phase::head:
      if (queue_ == nullptr) {
        close();
        return;
      }
      break;
    case Phase::body:
    case Phase::lingering:
      close();
      return;
    case Phase::running:
      exchange_changed();
      return;
    case Phase::writing:
    case Phase::closing:
    case Phase::upgraded:
    case Phase::closed:
      break;
  }
  after_events();
}

void HttpConnection::begin_drain() noexcept {
  if (phase_ != Phase::head || queue_ != nullptr || seen_ != 0) return;
  const int64_t last = thread_.loop().now() + kDrainIdleMilliseconds;
  if (deadline_ == 0 || deadline_ > last) arm(last);
}

bool HttpConnection::input_waits() const noexcept {
  char byte = 0;
  return ::recv(fd_.get(), &byte, 1, MSG_PEEK) > 0;
}

void HttpConnection::cut() noexcept {
  close();
}

void HttpConnection::reset_on_close() noexcept {
  const linger now{1, 0};
  ::setsockopt(fd_.get(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

// Whoever does not read would leave what the kernel has of the response waiting in its memory after an orderly end.
void HttpConnection::cut_reader() noexcept {
  reset_on_close();
  close();
}

void HttpConnection::begin_close() noexcept {
  if (abort_) reset_on_close();
  if (abort_ || !linger_ || eof_ || ::shutdown(fd_.get(), SHUT_WR) != 0) {
    close();
    return;
  }
  phase_ = Phase::lingering;
  input_.reset();
  linger_end_ = thread_.loop().now() + kLongestLingerMilliseconds;
  keep_lingering();
  watch(EPOLLIN);
}

void HttpConnection::keep_lingering() noexcept {
  arm(std::min(thread_.loop().now() + kLingerMilliseconds, linger_end_));
}

void HttpConnection::upgrade(WebSocketConnection& websocket, std::string_view head) {
  const bool corked = thread_.corked() == this;
  std::string leftover(corked ? behind_head_ : input_.view());
  flush();
  input_.reset();
  HttpExchange* const exchange = std::exchange(exchange_, nullptr);
  exchange->let_go();
  thread_.loop().timers().remove(*this);
  thread_.loop().remove(fd_.get());
  phase_ = Phase::upgraded;
  const LiveConnection* const outer = thread_.corked();
  thread_.cork(nullptr);
  // Pipelined in front of a handshake, and not taken by the socket yet: nobody does that and waits for neither.
  if (queue_ != nullptr || broken_) {
    fd_.reset();
    queue_.reset();
    websocket.abandon();
    on_websocket_end();
  } else {
    websocket.start(std::move(fd_), head, std::move(leftover), this);
  }
  thread_.cork(outer);
}

void HttpConnection::on_websocket_end() noexcept {
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  thread_.release_address(peer_);
  thread_.remove(*this);
  thread_.loop().retire(*this);
}

void HttpConnection::close() noexcept {
  if (phase_ == Phase::upgraded) {
    on_websocket_end();
    return;
  }
  if (phase_ == Phase::closed) return;
  phase_ = Phase::closed;
  broken_ = true;
  HttpExchange* const exchange = std::exchange(exchange_, nullptr);
  if (fd_) thread_.loop().remove(fd_.get());
  fd_.reset();
  queue_.reset();
  input_.reset();
  thread_.loop().timers().remove(*this);
  if (exchange != nullptr) exchange->orphan();
  thread_.release_address(peer_);
  thread_.remove(*this);
  thread_.loop().retire(*this);
}

}  // namespace roost::net
