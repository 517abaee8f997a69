#include "net/websocket_connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/websocket_hub.hpp"
#include "net/websocket_loop.hpp"
#include "websocket/close_code.hpp"

namespace roost::net {
namespace {

constexpr size_t kSegmentsAtOnce = 64;
constexpr std::string_view kPing("\x89\x00", 2);

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
      session_(loop.settings().message_bytes, deflate.agreed ? &loop.inflater() : nullptr),
      id_(loop.hub().id_of(number_)),
      group_(group) {}

void WebSocketConnection::release() noexcept {
  if (references_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

// From any thread -------------------------------------------------------------------------------------------------

roost_status WebSocketConnection::send(roost_ws_kind kind, std::string_view data) noexcept {
  if (kind != ROOST_WS_TEXT && kind != ROOST_WS_BINARY) return ROOST_INVALID;
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  if (loop_.is_current()) return send_here(kind, data);
  return send_asked(SharedBuffer::frame(kind, data));
}

roost_status WebSocketConnection::send_asked(SharedBuffer frame) noexcept {
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  WebSocketLoop::Request request;
  request.kind = WebSocketLoop::Request::Kind::send;
  request.connection = this;
  request.frame = std::move(frame);
  const size_t size = request.frame.size();
  const size_t before = buffered_.fetch_add(size, std::memory_order_relaxed);
  roost_status status;
  if (exceeds(before, size)) {
    buffered_.fetch_sub(size, std::memory_order_relaxed);
    if (gone_.exchange(true)) return ROOST_GONE;
    request.kind = WebSocketLoop::Request::Kind::overflow;
    request.frame = SharedBuffer();
    status = ROOST_GONE;
  } else {
    status = pressure(before + size);
  }
  retain();
  loop_.ask(std::move(request));
  return status;
}

roost_status WebSocketConnection::close(uint16_t code, std::string_view reason) noexcept {
  if (!websocket::may_be_sent(code) || reason.size() > 123) return ROOST_INVALID;
  if (gone_.exchange(true)) return ROOST_GONE;
  if (loop_.is_current()) {
    close_here(code, reason);
    return ROOST_OK;
  }
  WebSocketLoop::Request request;
  request.kind = WebSocketLoop::Request::Kind::close;
  request.connection = this;
  request.code = code;
  request.text = reason;
  retain();
  loop_.ask(std::move(request));
  return ROOST_OK;
}

roost_status WebSocketConnection::subscribe(std::string_view topic) noexcept {
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  if (loop_.is_current()) {
    subscribe_here(topic);
    return ROOST_OK;
  }
  WebSocketLoop::Request request;
  request.kind = WebSocketLoop::Request::Kind::subscribe;
  request.connection = this;
  request.text = topic;
  retain();
  loop_.ask(std::move(request));
  return ROOST_OK;
}

roost_status WebSocketConnection::unsubscribe(std::string_view topic) noexcept {
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  if (loop_.is_current()) {
    unsubscribe_here(topic);
    return ROOST_OK;
  }
  WebSocketLoop::Request request;
  request.kind = WebSocketLoop::Request::Kind::unsubscribe;
  request.connection = this;
  request.text = topic;
  retain();
  loop_.ask(std::move(request));
  return ROOST_OK;
}

bool WebSocketConnection::exceeds(size_t buffered, size_t more) const {
  // An empty buffer takes a message of any size: what a client may send, an echo may answer.
  return buffered > 0 && buffered + more > loop_.settings().send_buffer;
}

roost_status WebSocketConnection::pressure(size_t buffered) noexcept {
  if (buffered <= loop_.settings().send_buffer / 2) return ROOST_OK;
  wants_writable_.store(true, std::memory_order_release);
  return ROOST_WOULD_BLOCK;
}

// Life ------------------------------------------------------------------------------------------------------------

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
  if (!events.add(socket_.get(), EPOLLIN, *this)) return cut(websocket::kAbnormal);
  if (output_ != nullptr) {
    // Another thread was faster: what it sent follows the head.
    output_->segments.insert(output_->segments.begin(), {SharedBuffer::copy_of(head), 0});
    buffered_.fetch_add(head.size(), std::memory_order_relaxed);
  }
  WebSocketConnection* const outer = loop_.corked_;
  // Within another connection's input its cork holds frames already: this one then goes the way of the queue.
  if (outer == nullptr) loop_.corked_ = this;
  if (output_ == nullptr || output_->first == output_->segments.size()) {
    if (outer == nullptr) {
      write_corked({}, head);
    } else {
      buffered_.fetch_add(head.size(), std::memory_order_relaxed);
      enqueue(SharedBuffer::copy_of(head));
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
    events.timers().set(*this, events.now() + kCloseTimeout.count());
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
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && phase_ != Phase::ended) read();
}

void WebSocketConnection::read() noexcept {
  if (leftover_ != nullptr) run_deferred();
  if (phase_ == Phase::ended) return;
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
  last_received_ = loop_.event_loop().now();
  ping_sent_ = false;
  loop_.corked_ = this;
  session_.feed(data, size, *this);
  if (loop_.cork_size_ > 0) write_corked({}, {});
  loop_.corked_ = nullptr;
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
    events.timers().set(*this, events.now() + kCloseTimeout.count());
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
  const int64_t idle = events.now() - last_received_;
  if (idle < ping) return events.timers().set(*this, last_received_ + ping);
  if (ping_sent_) return cut(websocket::kAbnormal);
  ping_sent_ = true;
  // With a full socket the ping would wait behind the rest: that nothing comes back is judged all the same.
  if (output_ == nullptr) {
    buffered_.fetch_add(kPing.size(), std::memory_order_relaxed);
    enqueue(loop_.ping_frame_);
  }
  events.timers().set(*this, events.now() + ping);
}

void WebSocketConnection::run_deferred() noexcept {
  if (leftover_ != nullptr) {
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

// Output ----------------------------------------------------------------------------------------------------------

roost_status WebSocketConnection::send_here(roost_ws_kind kind, std::string_view data) noexcept {
  bool compressed = false;
  if (deflate_bits_ != 0 && data.size() >= WebSocketLoop::kDeflateMinimum) {
    const std::string_view shorter = loop_.deflater_.deflate(data, deflate_bits_);
    compressed = !shorter.empty();
    if (compressed) data = shorter;
  }
  if (loop_.corked_ == this && output_ == nullptr) {
    char header[websocket::kMaxServerHeader];
    const size_t size = websocket::write_header(header, static_cast<websocket::Opcode>(kind), data.size());
    if (compressed) header[0] = static_cast<char>(header[0] | SharedBuffer::kCompressed);
    write_corked({header, size}, data);
    return pressure(buffered());
  }
  const size_t size = data.size() + (data.size() < 126 ? 2 : data.size() < 65536 ? 4 : 10);
  if (exceeds(buffered(), size) && !watching_output_ && socket_) flush();
  const size_t before = buffered_.fetch_add(size, std::memory_order_relaxed);
  if (exceeds(before, size)) {
    buffered_.fetch_sub(size, std::memory_order_relaxed);
    refuse_more();
    return ROOST_GONE;
  }
  enqueue(SharedBuffer::frame(kind, data, compressed));
  return pressure(before + size);
}

void WebSocketConnection::deliver(DeflatedFrames& frames) noexcept {
  if (gone_.load(std::memory_order_relaxed)) return;
  const SharedBuffer& frame = frames.of(deflate_bits_);
  if (loop_.corked_ == this && output_ == nullptr) return write_corked({}, frame.view());
  if (exceeds(buffered(), frame.size()) && !watching_output_ && socket_) flush();
  const size_t before = buffered_.fetch_add(frame.size(), std::memory_order_relaxed);
  if (exceeds(before, frame.size())) {
    buffered_.fetch_sub(frame.size(), std::memory_order_relaxed);
    return refuse_more();
  }
  enqueue(frame);
}

void WebSocketConnection::refuse_more() noexcept {
  close_here(websocket::kTryAgainLater, "too slow");
}

void WebSocketConnection::close_here(uint16_t code, std::string_view reason) noexcept {
  gone_.store(true, std::memory_order_release);
  if (concluded_ || session_.state() != websocket::Session::State::open) return;
  session_.close(code, reason, *this);
  if (phase_ != Phase::running) return;  // start() sets the deadline
  EventLoop& events = loop_.event_loop();
  events.timers().set(*this, events.now() + kCloseTimeout.count());
}

// A pong or close frame.
void WebSocketConnection::on_output(std::string_view frame) {
  if (loop_.corked_ == this && output_ == nullptr) return write_corked({}, frame);
  const bool pong = (frame[0] & 15) == static_cast<int>(websocket::Opcode::pong);
  if (pong && exceeds(buffered(), frame.size())) return;  // a peer that pings and does not read
  buffered_.fetch_add(frame.size(), std::memory_order_relaxed);
  enqueue(SharedBuffer::copy_of(frame));
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
  enqueue(SharedBuffer::copy_of(rest));
  watch_output(true);
}

void WebSocketConnection::enqueue(SharedBuffer frame, size_t offset) noexcept {
  if (output_ == nullptr) output_ = loop_.take_output();
  output_->segments.push_back({std::move(frame), offset});
  if (!watching_output_) loop_.mark_dirty(*this);
}

void WebSocketConnection::flush() noexcept {
  if (!socket_ || output_ == nullptr) return;
  if (loop_.corked_ == this && loop_.cork_size_ > 0) return;  // the cork goes first, at the end of this input
  size_t written = 0;
  bool blocked = false;
  auto& segments = output_->segments;
  while (!blocked && output_->first < segments.size()) {
    iovec vectors[kSegmentsAtOnce];
    size_t count = 0, total = 0;
    for (size_t i = output_->first; i < segments.size() && count < kSegmentsAtOnce; ++i) {
      const std::string_view bytes = segments[i].bytes.view().substr(segments[i].offset);
      vectors[count++] = vector_of(bytes);
      total += bytes.size();
    }
    const ssize_t n = write_some(socket_.get(), vectors, count);
    if (n < 0) return drop_output();  // epoll reports the same soon
    written += static_cast<size_t>(n);
    blocked = static_cast<size_t>(n) < total;
    size_t left = static_cast<size_t>(n);
    while (left > 0) {
      WebSocketOutput::Segment& segment = segments[output_->first];
      const size_t here = segment.bytes.size() - segment.offset;
      if (left < here) {
        segment.offset += left;
        break;
      }
      left -= here;
      segment.bytes = SharedBuffer();
      ++output_->first;
    }
  }
  loop_.bytes_out_ += written;
  const size_t rest = buffered_.fetch_sub(written, std::memory_order_relaxed) - written;
  if (!blocked) {
    loop_.give_output(output_);
    output_ = nullptr;
  } else if (output_->first > 1024) {
    segments.erase(segments.begin(), segments.begin() + static_cast<ptrdiff_t>(output_->first));
    output_->first = 0;
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
  size_t bytes = 0;
  for (size_t i = output_->first; i < output_->segments.size(); ++i) {
    bytes += output_->segments[i].bytes.size() - output_->segments[i].offset;
  }
  buffered_.fetch_sub(bytes, std::memory_order_relaxed);
  loop_.give_output(output_);
  output_ = nullptr;
}

void WebSocketConnection::watch_output(bool on) noexcept {
  if (on == watching_output_) return;
  watching_output_ = on;
  loop_.event_loop().modify(socket_.get(), on ? EPOLLIN | EPOLLOUT : EPOLLIN, *this);
}

// Topics and the group --------------------------------------------------------------------------------------------

void WebSocketConnection::join(WebSocketChannel& channel) noexcept {
  const auto membership = static_cast<uint32_t>(memberships_.size());
  memberships_.push_back({&channel, static_cast<uint32_t>(channel.members.size())});
  channel.members.push_back({this, membership});
}

void WebSocketConnection::leave(size_t membership) noexcept {
  const auto [channel, index] = memberships_[membership];
  // The last one of each list takes the free place.
  channel->members[index] = channel->members.back();
  channel->members.pop_back();
  if (index < channel->members.size()) {
    const WebSocketChannel::Member moved = channel->members[index];
    moved.connection->memberships_[moved.membership].index = index;
  }
  memberships_[membership] = memberships_.back();
  memberships_.pop_back();
  if (membership < memberships_.size()) {
    const Membership& moved = memberships_[membership];
    moved.channel->members[moved.index].membership = static_cast<uint32_t>(membership);
  }
  loop_.left(*channel);
}

void WebSocketConnection::subscribe_here(std::string_view topic) noexcept {
  if (concluded_) return;
  WebSocketChannel& channel = loop_.channel(WebSocketChannel::Kind::topic, topic);
  for (const Membership& membership : memberships_) {
    if (membership.channel == &channel) return;
  }
  join(channel);
}

void WebSocketConnection::unsubscribe_here(std::string_view topic) noexcept {
  for (size_t i = 0; i < memberships_.size(); ++i) {
    const WebSocketChannel& channel = *memberships_[i].channel;
    if (channel.kind == WebSocketChannel::Kind::topic && channel.name == topic) return leave(i);
  }
}

}  // namespace roost::net
