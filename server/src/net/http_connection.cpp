#include "net/http_connection.hpp"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "http/response_writer.hpp"
#include "http/status.hpp"
#include "net/http_exchange.hpp"
#include "net/io_thread.hpp"

namespace roost::net {

HttpConnection::HttpConnection(IoThread& thread, base::UniqueFd fd, const PeerAddress& peer)
    : thread_(thread),
      fd_(std::move(fd)),
      peer_(peer),
      trusted_peer_(peer.within(thread.worker().settings.trusted_proxies)) {}

HttpConnection::~HttpConnection() = default;

void HttpConnection::open() noexcept {
  thread_.add(*this);
  thread_.count_accepted();
  watched_ = EPOLLIN;
  if (!thread_.loop().add(fd_.get(), EPOLLIN, *this)) {
    close();
    return;
  }
  arm(thread_.loop().now() + thread_.worker().settings.timeouts.keep_alive.count());
  // A client that connects usually has sent its request already.
  read();
}

void HttpConnection::on_events(uint32_t events) noexcept {
  if (phase_ == Phase::closed) return;
  if ((events & (EPOLLERR | EPOLLHUP)) != 0) {
    // Both directions are shut or the peer has reset: nobody reads an answer.
    close();
    return;
  }
  if ((events & EPOLLOUT) != 0) {
    write_queue();
    if (queue_ == nullptr && exchange_ != nullptr) exchange_->output_drained();
    exchange_changed();
  }
  if ((events & EPOLLIN) != 0 && phase_ != Phase::closed) read();
}

void HttpConnection::read() noexcept {
  const bool direct = input_.empty() || phase_ == Phase::lingering;
  char* const into = direct ? thread_.read_buffer() : input_.reserve(16 * 1024);
  const size_t room = direct ? IoThread::kReadBuffer : input_.capacity() - input_.size();
  const ssize_t n = ::recv(fd_.get(), into, room, 0);
  if (n < 0) {
    if (errno == EAGAIN || errno == EINTR) return;
    close();
    return;
  }
  if (n == 0) {
    end_of_input();
    return;
  }
  const auto size = static_cast<size_t>(n);
  thread_.count_in(size);
  if (phase_ == Phase::lingering) {
    keep_lingering();
    return;
  }
  if (direct) {
    const size_t used = process(into, size);
    if (used < size && phase_ < Phase::closing) input_.append({into + used, size - used});
    after_events();
    return;
  }
  input_.commit(into + size);
  process_input();
}

void HttpConnection::process_input() noexcept {
  if (!input_.empty() || phase_ != Phase::head) {
    const size_t used = process(input_.data(), input_.size());
    input_.consume(used);
  }
  if (input_.empty()) input_.reset();
  after_events();
}

size_t HttpConnection::process(const char* data, size_t size) noexcept {
  const LiveConnection* const outer = thread_.corked();
  if (outer != nullptr) return 0;  // within another connection's events: comes back with exchange_changed()
  thread_.cork(this);
  size_t used = 0;
  while (!broken_) {
    size_t taken = 0;
    const Phase before = phase_;
    if (phase_ == Phase::head) {
      if (queue_ != nullptr || used == size) break;
      taken = take_head(data + used, size - used);
      if (taken == 0) break;
    } else if (phase_ == Phase::body || (phase_ == Phase::running && exchange_->wants_body())) {
      if (used == size && !(phase_ == Phase::running && exchange_->body().complete())) break;
      taken = take_body(data + used, size - used);
    } else {
      break;
    }
    used += taken;
    after_step();
    if (taken == 0 && phase_ == before) break;
  }
  if (phase_ == Phase::closing) linger_ = linger_ || used < size;
  if (phase_ >= Phase::closing) used = size;
  flush();
  thread_.cork(nullptr);
  if (exchange_ != nullptr) {
    exchange_->set_more_input(used < size);
    if (phase_ != Phase::head && !exchange_->kept()) exchange_->keep();
  }
  return used;
}

size_t HttpConnection::take_head(const char* data, size_t size) {
  http::RequestParser& parser = thread_.parser();
  switch (parser.parse(data, size, seen_)) {
    case http::ParseResult::need_more:
      if (seen_ == 0) arm(thread_.loop().now() + thread_.worker().settings.timeouts.header.count());
      seen_ = size;
      return 0;
    case http::ParseResult::error:
      refuse(parser.status());
      return size;
    case http::ParseResult::done:
      break;
  }
  seen_ = 0;
  const http::RequestHead& head = parser.head();
  HttpExchange& exchange = thread_.acquire_exchange();
  exchange_ = &exchange;
  exchange.begin(*this, head, data);
  const size_t rest = size - head.bytes;
  const dispatch::Route* const route = exchange.route();
  const config::Limits& limits = thread_.worker().settings.limits;
  const uint64_t limit = route != nullptr ? route->body_bytes : limits.body_bytes;
  phase_ = Phase::running;
  if (head.unknown_expectation || head.form == http::TargetForm::authority) {
    exchange.answer_instead(head.unknown_expectation ? 417 : 501);
    return head.bytes;
  }
  if (!head.has_body()) {
    const size_t taken = head.bytes;
    exchange.set_more_input(rest != 0);
    behind_head_ = {data + taken, rest};
    if (head.upgrade_websocket && !head.websocket_version.empty() && head.websocket_version != "13") {
      // A version that nothing here speaks, whatever the route (RFC 6455 section 4.4).
      dispatch::Dispatcher::require_upgrade(exchange);
      return taken;
    }
    dispatch();
    return taken;
  }
  const bool streams = route != nullptr && (route->handler->flags() & ROOST_HANDLER_STREAM_BODY) != 0;
  if (head.content_length > limit) {
    exchange.body().begin(head, limit, limits.spill);
    exchange.answer_instead(413);
    return head.bytes;
  }
  if (!head.chunked && !streams && rest >= head.content_length) {
    const auto length = static_cast<size_t>(head.content_length);
    exchange.set_body({data + head.bytes, length});
    exchange.set_more_input(rest != length);
    dispatch();
    return head.bytes + length;
  }
  const size_t taken = head.bytes;
  const bool expects = head.expect_continue && rest == 0;
  exchange.body().begin(head, limit, streams ? 0 : route != nullptr ? route->spill : limits.spill);
  if (route == nullptr && expects) {
    // Nobody will read it: the client has its answer before it sends it (RFC 9110 section 10.1.1).
    dispatch();
    return taken;
  }
  if (streams) {
    exchange.set_streams_body();
    exchange.expect_continue(expects);
    dispatch();
    return taken;
  }
  exchange.keep();
  exchange.expect_form();
  if (expects) send_continue();
  phase_ = Phase::body;
  arm(thread_.loop().now() + thread_.worker().settings.timeouts.body.count());
  return taken;
}

void HttpConnection::send_continue() {
  constexpr std::string_view line = "HTTP/1.1 100 Continue\r\n\r\n";
  if (thread_.corked() == this) {
    thread_.output().append(line);
  } else {
    send(line, nullptr);
  }
}

size_t HttpConnection::take_body(const char* data, size_t size) {
  arm(thread_.loop().now() + thread_.worker().settings.timeouts.body.count());
  if (phase_ == Phase::running) return exchange_->feed(data, size);
  const RequestBody::Step step = exchange_->body().collect(data, size);
  switch (step.result) {
    case RequestBody::Result::need_more:
    case RequestBody::Result::piece:
      return step.used;
    case RequestBody::Result::failed:
      phase_ = Phase::running;
      if (exchange_->body().status() >= 500) thread_.complain_of_storage(exchange_->body().reason());
      exchange_->answer_instead(exchange_->body().status());
      return step.used;
    case RequestBody::Result::done:
      break;
  }
  phase_ = Phase::running;
  exchange_->take_collected_body();
  exchange_->set_more_input(step.used < size);
  dispatch();
  return step.used;
}

void HttpConnection::dispatch() {
  thread_.handler_called();
  exchange_->dispatch();
}

// After something ran that may have answered.
void HttpConnection::after_step() {
  if (exchange_ == nullptr) return;
  exchange_->apply_signals();
  if (exchange_ == nullptr) return;
  if (exchange_->cut()) {
    flush();
    abort_ = exchange_->ends_by_close();
    exchange_->let_go();
    exchange_ = nullptr;
    phase_ = Phase::closing;
    return;
  }
  if (exchange_->complete()) {
    finish_exchange();
  } else if (phase_ == Phase::running && exchange_->start_handler_deadline(thread_.loop().now())) {
    arm(deadline_);
  }
}

void HttpConnection::finish_exchange() {
  if (queue_ != nullptr) {
    if (!exchange_->kept()) exchange_->keep();
    if (phase_ != Phase::writing) arm(thread_.loop().now() + thread_.worker().settings.timeouts.write.count());
    phase_ = Phase::writing;
    return;
  }
  const bool unread = !exchange_->body().complete();
  const bool close = exchange_->close_after() || unread;
  if (close && (unread || exchange_->client_keeps_alive())) linger_ = true;
  exchange_->let_go();
  exchange_ = nullptr;
  phase_ = close ? Phase::closing : Phase::head;
  progressed_ = true;
}

// An error in what should be a request's head: there is no exchange for it.
void HttpConnection::refuse(uint16_t status) noexcept {
  const std::string_view phrase = http::reason_phrase(status);
  ByteBuffer& out = thread_.output();
  const roost_field type{{"Content-Type", 12}, {"text/plain; charset=utf-8", 25}};
  http::HeadOptions options;
  options.date = thread_.loop().date();
  options.length = phrase.size() + 1;
  options.close = true;
  out.commit(http::write_response_head(out.reserve(http::response_head_bound(&type, 1)), status, &type, 1, options));
  out.append(phrase);
  out.append("\n");
  thread_.count_response(status);
  if (base::AccessLog* const log = thread_.worker().access_log.get()) {
    char address[PeerAddress::kMaxText];
    base::AccessRecord record;
    record.client_ip = {address, peer_.write_ip(address)};
    record.status = status;
    record.bytes = phrase.size() + 1;
    log->record(thread_.index(), record);
  }
  linger_ = true;
  phase_ = Phase::closing;
}

void HttpConnection::flush() {
  ByteBuffer& out = thread_.output();
  if (out.empty() || thread_.corked() != this) return;
  send(out.view(), nullptr);
  out.clear();
}

void HttpConnection::send(std::string_view bytes, OutputSegment* tail) {
  if (broken_) {
    if (tail != nullptr) tail->dispose();
    return;
  }
  size_t sent = 0;
  if (queue_ == nullptr) {
    iovec vectors[2] = {{const_cast<char*>(bytes.data()), bytes.size()}, {nullptr, 0}};
    msghdr message{};
    message.msg_iov = vectors;
    message.msg_iovlen = 1;
    size_t total = bytes.size();
    const bool memory = tail != nullptr && tail->file < 0;
    if (memory) {
      vectors[1] = {const_cast<char*>(tail->data), tail->size};
      message.msg_iovlen = 2;
      total += tail->size;
    }
    const int flags = MSG_NOSIGNAL | (tail != nullptr && !memory ? MSG_MORE : 0);
    const ssize_t n =
        tail == nullptr ? ::send(fd_.get(), bytes.data(), bytes.size(), flags) : ::sendmsg(fd_.get(), &message, flags);
    if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
      broken_ = true;
      if (tail != nullptr) tail->dispose();
      return;
    }
    sent = n < 0 ? 0 : static_cast<size_t>(n);
    thread_.count_out(sent);
    if (sent == total && (tail == nullptr || memory)) {
      if (tail != nullptr) tail->dispose();
      return;
    }
    queue_ = thread_.acquire_queue();
    arm(thread_.loop().now() + thread_.worker().settings.timeouts.write.count());
  }
  const size_t of_bytes = std::min(sent, bytes.size());
  queue_->append_copy(bytes.substr(of_bytes));
  if (tail == nullptr) return;
  const size_t of_tail = sent - of_bytes;
  if (tail->file >= 0) {
    queue_->append(*tail);
    write_queue();
  } else if (tail->release != nullptr) {
    tail->data += of_tail;
    tail->size -= of_tail;
    queue_->append(*tail);
  } else {
    queue_->append_copy({tail->data + of_tail, static_cast<size_t>(tail->size) - of_tail});
  }
}

void HttpConnection::send(OutputQueue& tail) {
  if (broken_ || tail.empty()) return;
  if (queue_ == nullptr) queue_ = thread_.acquire_queue();
  queue_->append(tail);
  write_queue();
}

// Sends what is queued. What follows from that is left to after_events().
void HttpConnection::write_queue() noexcept {
  if (queue_ == nullptr) return;
  uint64_t sent = 0;
  const SendResult result = queue_->send(fd_.get(), sent);
  thread_.count_out(sent);
  if (sent != 0) arm(thread_.loop().now() + thread_.worker().settings.timeouts.write.count());
  if (result == SendResult::failed) broken_ = true;
  if (result == SendResult::done) {
    thread_.give_back(std::move(queue_));
    queue_ = nullptr;
  }
}

}  // namespace roost::net
