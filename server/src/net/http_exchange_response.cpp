// The exchange's response: claimed once, built where the answering thread may write, sent by the connection.
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <iterator>

#include "http/date.hpp"
#include "http/error_page.hpp"
#include "http/field_lookup.hpp"
#include "http/status.hpp"
#include "net/http_connection.hpp"
#include "net/http_exchange.hpp"
#include "net/io_thread.hpp"
#include "net/websocket_connection.hpp"
#include "net/websocket_upgrade.hpp"

namespace roost::net {
namespace {

// Up to here a body is copied behind its head; above, it is sent from where it is.
constexpr size_t kCopiedBody = 16 * 1024;
// Waiting bytes of a stream above which write() says ROOST_WOULD_BLOCK.
constexpr uint64_t kStreamBuffer = 256 * 1024;
// The output of a batch is sent when it has grown to this.
constexpr size_t kOutputAtOnce = 64 * 1024;

// What a response owns: given back exactly once, whatever becomes of it.
class Given {
 public:
  explicit Given(const roost_response& response) {
    segment_.data = response.body.data;
    segment_.size = response.body.size;
    segment_.release = response.release;
    segment_.release_arg = response.release_arg;
    if ((response.flags & ROOST_RESPONSE_FILE) != 0) {
      segment_.file = response.file;
      segment_.file_offset = response.file_offset;
      segment_.size = response.file_size;
    }
  }
  Given(const Given&) = delete;
  Given& operator=(const Given&) = delete;
  ~Given() { segment_.dispose(); }

  OutputSegment take() {
    OutputSegment taken = segment_;
    segment_.release = nullptr;
    segment_.file = -1;
    return taken;
  }
  bool is_file() const { return segment_.file >= 0; }
  uint64_t size() const { return segment_.size; }
  bool has_release() const { return segment_.release != nullptr; }

 private:
  OutputSegment segment_;
};

// Of a stream's head, where it has one that HTTP allows.
bool given_length(const roost_response& response, uint64_t& length) {
  const std::string_view text = http::find_field(response.headers, response.header_count, "content-length");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

// The Date field for a thread without a loop.
const char* own_date() {
  thread_local char text[http::kDateSize + 1];
  thread_local time_t second = -1;
  timespec now{};
  clock_gettime(CLOCK_REALTIME_COARSE, &now);
  if (now.tv_sec != second) {
    second = now.tv_sec;
    http::format_date(second, text);
  }
  return text;
}

}  // namespace

// The right to answer. Only a request that was kept can be known to another thread.
bool HttpExchange::claim(State next) noexcept {
  if (!kept_) {
    if (state_.load(std::memory_order_relaxed) != State::open) return false;
    state_.store(next, std::memory_order_relaxed);
    return true;
  }
  State expected = State::open;
  return state_.compare_exchange_strong(expected, next, std::memory_order_acq_rel);
}

roost_status HttpExchange::refuse() noexcept {
  State expected = State::expired;
  if (state_.compare_exchange_strong(expected, State::done, std::memory_order_acq_rel)) consumed();
  return ROOST_TOO_LATE;
}

bool HttpExchange::must_close(uint16_t flags) const noexcept {
  if (!keep_alive_ || (flags & ROOST_RESPONSE_CLOSE) != 0) return true;
  if (!body_complete_.load(std::memory_order_acquire)) return true;
  if (!thread_.worker().draining.load(std::memory_order_relaxed) || more_input_.load(std::memory_order_relaxed)) {
    return false;
  }
  // A request that is on this side of the wire already is still answered.
  return !on_io_thread() || connection_ == nullptr || !connection_->input_waits();
}

bool HttpExchange::write_head(ByteBuffer& out, const roost_response& response, http::Framing framing, uint64_t length) {
  http::HeadOptions options;
  options.date = on_io_thread() ? thread_.loop().date() : own_date();
  options.length = length;
  options.framing = framing;
  close_ = close_ || framing == http::Framing::until_close || must_close(response.flags);
  options.close = close_;
  options.keep_alive_1_0 = !close_ && request_.version == 0x0100;

  const roost_field* fields = response.headers;
  size_t count = response.header_count;
  uint16_t status = response.status;
  std::vector<roost_field> changed;
  if (has_chain()) {
    head_.status = status;
    head_.fields.clear();
    for (size_t i = 0; i < count; ++i) {
      if (head_.add(http::view(fields[i].name), http::view(fields[i].value)) != ROOST_OK) return false;
    }
    dispatch::Dispatcher::after(*this, head_);
    changed.reserve(head_.fields.size());
    for (const auto& field : head_.fields) changed.push_back({http::str(field.name), http::str(field.value)});
    fields = changed.data();
    count = changed.size();
    // What decides about the body is not the chain's to change.
    if (http::has_no_body(head_.status) == http::has_no_body(status) && (head_.status == 205) == (status == 205)) {
      status = head_.status;
    }
  }
  char* const end =
      http::write_response_head(out.reserve(http::response_head_bound(fields, count)), status, fields, count, options);
  if (end == nullptr) return false;
  out.commit(end);
  status_.store(status, std::memory_order_relaxed);
  return true;
}

roost_status HttpExchange::respond(const roost_response& response) {
  Given given(response);
  if (response.status < 200 || response.status > 599) return ROOST_INVALID;
  if (!claim(State::building)) return refuse();
  if (gone_.load(std::memory_order_acquire)) {
    state_.store(State::done, std::memory_order_release);
    consumed();
    return ROOST_GONE;
  }
  const bool direct = corked();
  ByteBuffer& out = direct ? thread_.output() : outbox_;
  const bool none = http::has_no_body(response.status);
  const uint64_t length = http::has_no_content(response.status) ? 0 : given.size();
  const http::Framing framing = none                      ? http::Framing::none
                                : is_head_ && length == 0 ? http::Framing::head
                                                          : http::Framing::length;
  if (!write_head(out, response, framing, length)) {
    state_.store(State::open, std::memory_order_release);
    return ROOST_INVALID;
  }
  OutputSegment tail;
  bool has_tail = false;
  if (!none && !is_head_ && length != 0) {
    body_bytes_.store(length, std::memory_order_relaxed);
    if (given.is_file()) {
      tail = given.take();
      has_tail = true;
    } else if (length <= kCopiedBody || (!direct && !given.has_release())) {
      out.append(http::view(response.body));
    } else {
      tail = given.take();
      has_tail = true;
    }
  }
  if (direct) {
    if (has_tail) {
      connection_->send(out.view(), &tail);
      out.clear();
    } else if (out.size() >= kOutputAtOnce) {
      connection_->send(out.view(), nullptr);
      out.clear();
    }
    complete_ = responder_done_ = true;
    state_.store(State::done, std::memory_order_release);
    return ROOST_OK;
  }
  if (has_tail) outbox_tail_.append(tail);
  state_.store(State::done, std::memory_order_release);
  signal(kOutput | kFinished | kConsumed);
  return ROOST_OK;
}

// A short answer, whoever gives it. The right to answer is the caller's.
void HttpExchange::build_status(ByteBuffer& out, uint16_t status) {
  const roost_field type{http::str("Content-Type"), http::str("text/plain; charset=utf-8")};
  std::string body;
  if (!http::has_no_content(status)) body.append(http::reason_phrase(status)) += '\n';
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = status;
  const bool none = http::has_no_body(status);
  response.headers = &type;
  response.header_count = none ? 0 : 1;
  write_head(out, response, none ? http::Framing::none : http::Framing::length, body.size());
  if (none || is_head_) return;
  body_bytes_.store(body.size(), std::memory_order_relaxed);
  out.append(body);
}

// In the handler's place: what is saved now cannot be served.
void HttpExchange::show_mistake(std::string_view why) {
  const bool html = http::accepts_html(header("accept"));
  std::string body = html ? http::error_page("What was saved cannot be served; the next change is tried again", why)
                          : std::string(why);
  if (!html && !body.ends_with('\n')) body += '\n';
  const roost_field fields[] = {
      {http::str("Content-Type"), http::str(html ? "text/html; charset=utf-8" : "text/plain; charset=utf-8")},
      {http::str("Cache-Control"), http::str("no-store")},
      {http::str("Vary"), http::str("Accept")},
      {http::str("Content-Security-Policy"), http::str(http::kErrorPagePolicy)},
  };
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = 500;
  response.headers = fields;
  response.header_count = std::size(fields);
  response.body = http::str(body);
  respond(response);
}

void HttpExchange::respond_status(uint16_t status) {
  if (!claim(State::building)) {
    refuse();
    return;
  }
  const bool direct = corked();
  if (!gone_.load(std::memory_order_acquire)) build_status(direct ? thread_.output() : outbox_, status);
  state_.store(State::done, std::memory_order_release);
  if (direct) {
    complete_ = responder_done_ = true;
  } else {
    signal(kOutput | kFinished | kConsumed);
  }
}

void HttpExchange::fail(std::string_view why) {
  if (state_.load(std::memory_order_acquire) != State::done) log_error(why);
  drop();
}

void HttpExchange::drop() {
  State expected = State::streaming;
  if (state_.compare_exchange_strong(expected, State::done, std::memory_order_acq_rel)) {
    signal(kOutput | kCut | kConsumed);
    return;
  }
  respond_status(500);
}

// Streams ----------------------------------------------------------------------------------------------------------

roost_status HttpExchange::start(const roost_response& response) {
  Given given(response);
  if (response.status < 200 || response.status > 599 || given.is_file()) return ROOST_INVALID;
  if (!claim(State::building)) return refuse();
  // Kept by whoever streams: nothing is sent from the caller's memory.
  no_body_ = http::has_no_content(response.status) || is_head_;
  sized_ = !no_body_ && given_length(response, body_length_);
  until_close_ = !no_body_ && !sized_ && request_.version == 0x0100;
  chunked_ = !no_body_ && !sized_ && !until_close_;
  if (no_body_) body_length_ = 0;
  const http::Framing framing = http::has_no_body(response.status) ? http::Framing::none
                                : is_head_                         ? http::Framing::head
                                : no_body_ || sized_               ? http::Framing::length
                                : until_close_                     ? http::Framing::until_close
                                                                   : http::Framing::chunked;
  {
    const std::lock_guard lock(mutex_);
    if (!write_head(outbox_, response, framing, body_length_)) {
      state_.store(State::open, std::memory_order_release);
      return ROOST_INVALID;
    }
  }
  state_.store(State::streaming, std::memory_order_release);
  if (response.body.size != 0) return append_chunk(http::view(response.body), false, nullptr, 0);
  signal(kOutput);
  return ROOST_OK;
}

roost_status HttpExchange::append_chunk(std::string_view bytes, bool last, const roost_field* trailers,
                                        size_t trailer_count) {
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    if (!bytes.empty() && !no_body_) {
      const uint64_t before = body_bytes_.load(std::memory_order_relaxed);
      if (sized_ && bytes.size() > body_length_ - before) return ROOST_INVALID;
      body_bytes_.store(before + bytes.size(), std::memory_order_relaxed);
      if (chunked_) outbox_.commit(http::write_chunk_head(outbox_.reserve(http::kMaxChunkHead), bytes.size()));
      outbox_.append(bytes);
      if (chunked_) outbox_.append("\r\n");
    }
    if (last && chunked_) {
      const size_t room = http::last_chunk_bound(trailers, trailer_count);
      char* const end = http::write_last_chunk(outbox_.reserve(room), trailers, trailer_count);
      if (end == nullptr) return ROOST_INVALID;
      outbox_.commit(end);
    }
    if (!last && outbox_.size() + queued_.load(std::memory_order_relaxed) > kStreamBuffer) {
      full = true;
      want_writable_.store(true, std::memory_order_release);
    }
  }
  if (!last) signal(kOutput);
  return full ? ROOST_WOULD_BLOCK : ROOST_OK;
}

roost_status HttpExchange::write(std::string_view bytes) {
  if (state_.load(std::memory_order_acquire) != State::streaming) return ROOST_INVALID;
  if (gone_.load(std::memory_order_acquire) || cancelled_.load(std::memory_order_acquire)) {
    lost_ = true;
    return ROOST_GONE;
  }
  return append_chunk(bytes, false, nullptr, 0);
}

roost_status HttpExchange::finish(const roost_field* trailers, size_t trailer_count) {
  if (state_.load(std::memory_order_acquire) != State::streaming) return refuse();
  if (lost_) {
    // Pieces are missing: it must not look whole.
    drop();
    return ROOST_GONE;
  }
  if (sized_ && body_bytes_.load(std::memory_order_relaxed) != body_length_) return ROOST_INVALID;
  if (append_chunk({}, true, trailers, trailer_count) == ROOST_INVALID) return ROOST_INVALID;
  const bool gone = gone_.load(std::memory_order_acquire);
  state_.store(State::done, std::memory_order_release);
  signal(kOutput | kFinished | kConsumed);
  return gone ? ROOST_GONE : ROOST_OK;
}

// Callbacks --------------------------------------------------------------------------------------------------------

roost_status HttpExchange::on_writable(void (*callback)(void*), void* arg) {
  const std::lock_guard lock(mutex_);
  writable_ = {callback, arg};
  return ROOST_OK;
}

roost_status HttpExchange::on_cancel(void (*callback)(void*), void* arg) {
  {
    const std::lock_guard lock(mutex_);
    if (!cancelled_.load(std::memory_order_relaxed)) {
      cancel_ = {callback, arg};
      return ROOST_OK;
    }
  }
  callback(arg);
  return ROOST_OK;
}

roost_status HttpExchange::on_release(void (*callback)(void*), void* arg) {
  const std::lock_guard lock(mutex_);
  releases_.emplace_back(callback, arg);
  return ROOST_OK;
}

roost_status HttpExchange::resume() {
  if (dispatch::Dispatcher::resume(*this)) signal(kResume);
  return ROOST_OK;
}

roost_status HttpExchange::accept_websocket(const roost_ws_accept& accept, roost_websocket** socket) {
  if ((request_.flags & ROOST_REQUEST_UPGRADE) == 0) return ROOST_INVALID;
  std::string head;
  websocket::DeflateParameters deflate;
  const WebSocketLoop& loop = thread_.websockets();
  const auto* options = loop.settings().compress.enabled ? &loop.deflate_options() : nullptr;
  if (write_switching_protocols(head, request_, accept, options, deflate) != ROOST_OK) return ROOST_INVALID;
  if (!claim(State::building)) return refuse();
  if (gone_.load(std::memory_order_acquire)) {
    state_.store(State::done, std::memory_order_release);
    consumed();
    return ROOST_GONE;
  }
  status_.store(101, std::memory_order_relaxed);
  websocket_head_ = std::move(head);
  websocket_ = WebSocketConnection::create(thread_.websockets(), accept,
                                           route() == nullptr ? std::string_view() : route()->websocket_group, deflate);
  if (socket != nullptr) {
    websocket_->retain();
    *socket = websocket_;
  }
  state_.store(State::done, std::memory_order_release);
  if (on_io_thread() && connection_ != nullptr && (thread_.corked() == nullptr || corked())) {
    responder_done_ = true;
    start_websocket();
  } else {
    signal(kUpgrade);
  }
  return ROOST_OK;
}

}  // namespace roost::net
