// What a WebSocketConnection sends: through the loop's cork while its input is worked through, else through a queue of
// its own, whose length is limited.
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/websocket_connection.hpp"
#include "net/websocket_hub.hpp"
#include "net/websocket_loop.hpp"
#include "websocket/close_code.hpp"

namespace roost::net {
namespace {

constexpr size_t kVectorsAtOnce = 64;

// Bytes taken by the kernel; 0 when it takes none now, -1 when the socket is dead.
ssize_t write_some(int fd, iovec* vectors, size_t count) noexcept {
  for (;;) {
    ssize_t n;
    if (count == 1) {  // cheaper than sendmsg() by a tenth of a small message's whole way
      n = ::send(fd, vectors->iov_base, vectors->iov_len, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
      msghdr message{};
      message.msg_iov = vectors;
      message.msg_iovlen = count;
      n = ::sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    if (n >= 0) return n;
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? 0 : -1;
  }
}

iovec vector_of(std::string_view bytes) noexcept {
  return {const_cast<char*>(bytes.data()), bytes.size()};
}

}  // namespace

std::string_view WebSocketConnection::compressed(std::string_view data) noexcept {
  if (deflate_bits_ == 0 || data.size() < loop_.settings().compress.minimum) return {};
  return deflate_ != nullptr ? deflate_->deflate(data) : loop_.deflater_.deflate(data, deflate_bits_);
}

roost_status WebSocketConnection::send_here(roost_ws_kind kind, std::string_view data) noexcept {
  const std::string_view shorter = compressed(data);
  if (!shorter.empty()) data = shorter;
  if (loop_.corked_ == this && output_ == nullptr) {
    char header[websocket::kMaxServerHeader];
    const size_t size = websocket::write_header(header, static_cast<websocket::Opcode>(kind), data.size());
    if (!shorter.empty()) header[0] = static_cast<char>(header[0] | SharedBuffer::kCompressed);
    write_corked({header, size}, data);
    return pressure(buffered());
  }
  const size_t size = data.size() + (data.size() < 126 ? 2 : data.size() < 65536 ? 4 : 10);
  const size_t before = reserve(size);
  if (before == kNoRoom) return ROOST_GONE;
  enqueue(SharedBuffer::frame(kind, data, !shorter.empty()), FrameQueue::Kind::message);
  return pressure(before + size);
}

void WebSocketConnection::send_frame(SharedBuffer frame) noexcept {
  const std::string_view shorter = compressed(frame.payload());
  if (!shorter.empty()) {
    const size_t size = frame.size();
    frame = SharedBuffer::frame(frame.kind(), shorter, true);
    buffered_.fetch_sub(size - frame.size(), std::memory_order_relaxed);
  }
  enqueue(std::move(frame), FrameQueue::Kind::message);
  make_room(loop_.settings().send_buffer);
}

void WebSocketConnection::deliver(SharedMessage& message) noexcept {
  if (gone_.load(std::memory_order_relaxed)) return;
  const SharedBuffer& frame = message.of(deflate_bits_, loop_.deflater_);
  if (deflate_ != nullptr && (frame.view()[0] & SharedBuffer::kCompressed) != 0) deflate_->forget();
  if (loop_.corked_ == this && output_ == nullptr) return write_corked({}, frame.view());
  if (reserve(frame.size()) != kNoRoom) enqueue(frame, FrameQueue::Kind::message);
}

// Counts what is about to be enqueued, and returns what was there before. kNoRoom: the connection is being closed.
size_t WebSocketConnection::reserve(size_t size) noexcept {
  if (exceeds(buffered(), size) && !watching_output_ && socket_) flush();
  if (exceeds(buffered(), size)) {
    if (loop_.settings().slow_client == config::SlowClient::close) {
      refuse_more();
      return kNoRoom;
    }
    const size_t limit = loop_.settings().send_buffer;
    make_room(limit > size ? limit - size : 0);
  }
  return buffered_.fetch_add(size, std::memory_order_relaxed);
}

// Drops the oldest messages of which nothing has left, until no more than limit bytes wait.
void WebSocketConnection::make_room(size_t limit) noexcept {
  if (output_ == nullptr || loop_.settings().slow_client != config::SlowClient::drop) return;
  size_t dropped = 0;
  for (size_t size = 1; buffered() > limit && (size = output_->drop_oldest()) > 0; ++dropped) {
    buffered_.fetch_sub(size, std::memory_order_relaxed);
  }
  if (dropped > 0) loop_.hub().count_dropped(dropped);
}

void WebSocketConnection::refuse_more() noexcept {
  close_here(websocket::kTryAgainLater, "too slow");
}

void WebSocketConnection::close_here(uint16_t code, std::string_view reason) noexcept {
  gone_.store(true, std::memory_order_release);
  if (concluded_ || session_.state() != websocket::Session::State::open) return;
  session_.close(code, reason, *this);
  if (paused()) pause_changed();
  if (phase_ != Phase::running) return;  // start() sets the deadline
  EventLoop& events = loop_.event_loop();
  events.timers().set(*this, events.now() + loop_.settings().close_timeout.count());
}

// A pong or close frame.
void WebSocketConnection::on_output(std::string_view frame) {
  if (loop_.corked_ == this && output_ == nullptr) return write_corked({}, frame);
  const bool pong = (frame[0] & 15) == static_cast<int>(websocket::Opcode::pong);
  if (pong && watching_output_ && output_ != nullptr) {
    const size_t before = output_->bytes();
    output_->hold_pong(SharedBuffer::copy_of(frame));
    buffered_.fetch_add(output_->bytes() - before, std::memory_order_relaxed);
    return;
  }
  buffered_.fetch_add(frame.size(), std::memory_order_relaxed);
  enqueue(SharedBuffer::copy_of(frame), FrameQueue::Kind::other);
}

// Both empty: what the cork holds leaves.
void WebSocketConnection::write_corked(std::string_view header, std::string_view data) noexcept {
  const size_t size = header.size() + data.size();
  char* const cork = loop_.cork_.get();
  if (size > 0 && loop_.cork_size_ + size <= WebSocketLoop::kCork) {
    if (!header.empty()) std::memcpy(cork + loop_.cork_size_, header.data(), header.size());
    if (!data.empty()) std::memcpy(cork + loop_.cork_size_ + header.size(), data.data(), data.size());
    loop_.cork_size_ += size;
    return;
  }
  const std::string_view pieces[] = {{cork, loop_.cork_size_}, header, data};
  loop_.cork_size_ = 0;
  const size_t total = pieces[0].size() + size;
  if (total == 0 || !socket_) return;
  iovec vectors[] = {vector_of(pieces[0]), vector_of(pieces[1]), vector_of(pieces[2])};
  const ssize_t n = write_some(socket_.get(), vectors, size == 0 ? 1 : 3);
  if (n < 0) return;  // epoll reports the same soon
  loop_.bytes_out_ += static_cast<size_t>(n);
  if (static_cast<size_t>(n) == total) return;
  std::string rest;
  rest.reserve(total - static_cast<size_t>(n));
  size_t skip = static_cast<size_t>(n);
  for (const std::string_view piece : pieces) {
    const size_t off = std::min(skip, piece.size());
    rest.append(piece.substr(off));
    skip -= off;
  }
  buffered_.fetch_add(rest.size(), std::memory_order_relaxed);
  enqueue(SharedBuffer::copy_of(rest), FrameQueue::Kind::other);
  watch_output(true);
}

void WebSocketConnection::enqueue(SharedBuffer frame, FrameQueue::Kind kind) noexcept {
  if (output_ == nullptr) output_ = loop_.take_output();
  const bool may_be_dropped = loop_.settings().slow_client == config::SlowClient::drop;
  if (watching_output_ && kind == FrameQueue::Kind::message && !may_be_dropped && frame.size() <= FrameQueue::kSmall) {
    output_->collect(frame.view());
  } else {
    output_->push(std::move(frame), kind);
  }
  if (!watching_output_) loop_.mark_dirty(*this);
}

void WebSocketConnection::flush() noexcept {
  if (!socket_ || output_ == nullptr) return;
  if (loop_.corked_ == this && loop_.cork_size_ > 0) return;  // the cork goes first, at the end of this input
  size_t written = 0;
  bool blocked = false;
  while (!blocked && !output_->empty()) {
    iovec vectors[kVectorsAtOnce];
    const size_t count = output_->gather(vectors, kVectorsAtOnce);
    size_t total = 0;
    for (size_t i = 0; i < count; ++i) total += vectors[i].iov_len;
    const ssize_t n = write_some(socket_.get(), vectors, count);
    if (n < 0) return drop_output();  // epoll reports the same soon
    output_->sent(static_cast<size_t>(n));
    written += static_cast<size_t>(n);
    blocked = static_cast<size_t>(n) < total;
  }
  loop_.bytes_out_ += written;
  const size_t rest = buffered_.fetch_sub(written, std::memory_order_relaxed) - written;
  if (!blocked) {
    loop_.give_output(output_);
    output_ = nullptr;
  }
  watch_output(blocked);
  if (rest <= loop_.settings().send_buffer / 2 && wants_writable_.load(std::memory_order_acquire) &&
      wants_writable_.exchange(false)) {
    deferred_writable_ = true;
    loop_.defer(*this);
  }
  if (!blocked && phase_ == Phase::flushing) shut_when_flushed();
}

void WebSocketConnection::drop_output() noexcept {
  if (output_ == nullptr) return;
  buffered_.fetch_sub(output_->bytes(), std::memory_order_relaxed);
  loop_.give_output(output_);
  output_ = nullptr;
}

void WebSocketConnection::watch_output(bool on) noexcept {
  if (on == watching_output_) return;
  watching_output_ = on;
  update_interest();
}

void WebSocketConnection::update_interest() noexcept {
  const bool reading = phase_ != Phase::running || !paused();
  const uint32_t wanted = (reading ? uint32_t{EPOLLIN} : 0) | (watching_output_ ? uint32_t{EPOLLOUT} : 0);
  if (wanted == interest_ || !socket_) return;
  interest_ = wanted;
  loop_.event_loop().modify(socket_.get(), wanted, *this);
}

}  // namespace roost::net
