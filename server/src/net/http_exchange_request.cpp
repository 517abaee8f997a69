// The exchange's request: its fields, what outlives the read buffer, its body, what text() answers.
#include <time.h>

#include <charconv>
#include <cstring>

#include "http/field_lookup.hpp"
#include "http/forwarded.hpp"
#include "http/target.hpp"
#include "net/http_connection.hpp"
#include "net/http_exchange.hpp"
#include "net/io_thread.hpp"
#include "net/websocket_upgrade.hpp"

namespace roost::net {
namespace {

bool is_trusted(const void* networks, std::string_view address) {
  return within(address, *static_cast<const std::vector<config::Network>*>(networks));
}

int64_t now_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

bool streams(const dispatch::Route* route) {
  return route != nullptr && (route->handler->flags() & ROOST_HANDLER_STREAM_BODY) != 0;
}

}  // namespace

void HttpExchange::begin(HttpConnection& connection, const http::RequestHead& head, const char* data) {
  connection_ = &connection;
  free_ = kept_ = complete_ = cut_ = streams_body_ = body_failed_ = body_ended_ = continue_due_ = false;
  responder_done_ = true;  // nobody has it before dispatch()
  close_ = chunked_ = no_body_ = until_close_ = lost_ = sized_ = false;
  local_signals_ = 0;
  handler_deadline_ = 0;
  head_data_ = data;
  head_size_ = head.bytes;
  number_ = thread_.next_request_number();
  body_status_ = 0;
  began_us_ = thread_.worker().access_log ? now_us() : 0;
  peer_ = connection.peer();
  trusted_peer_ = connection.trusted_peer();
  secure_ = false;
  keep_alive_ = head.keep_alive;
  is_head_ = head.method == "HEAD";
  constexpr auto relaxed = std::memory_order_relaxed;
  state_.store(State::open, relaxed);
  status_.store(0, relaxed);
  cancelled_.store(false, relaxed);
  gone_.store(false, relaxed);
  want_writable_.store(false, relaxed);
  body_paused_.store(false, relaxed);
  body_complete_.store(!head.has_body(), relaxed);
  queued_.store(0, relaxed);
  body_bytes_.store(0, relaxed);
  id_text_.clear();
  peer_text_.clear();
  client_text_.clear();
  decoded_path_.clear();

  request_.flags = head.keep_alive ? ROOST_REQUEST_KEEP_ALIVE : 0;
  request_.version = head.version;
  request_.route = UINT32_MAX;
  request_.method = http::str(head.method);
  request_.target = http::str(head.target);
  request_.path = http::str(head.path);
  request_.query = http::str(head.query);
  request_.authority = http::str(head.authority);
  request_.headers = head.fields;
  request_.header_count = head.field_count;
  request_.params = nullptr;
  request_.param_count = 0;
  request_.body = {};
  request_.trailers = nullptr;
  request_.trailer_count = 0;
  request_.body_file = -1;
  request_.body_size = 0;
  request_.user = nullptr;
  if (trusted_peer_ && forwarded(ROOST_TEXT_SCHEME) == "https") request_.flags |= ROOST_REQUEST_SECURE;

  thread_.worker().dispatcher.match(*this, thread_.match_buffer(), thread_.match_cache());
  if (head.has_body() && streams(route())) request_.flags |= ROOST_REQUEST_STREAMED;
  if (head.upgrade_websocket) {
    websocket_status_ = check_upgrade(head, header("origin"), thread_.worker().settings.websocket);
    if (websocket_status_ == 0) request_.flags |= ROOST_REQUEST_UPGRADE;
  } else {
    websocket_status_ = 426;
  }
}

void HttpExchange::keep() {
  if (kept_) return;
  kept_ = true;
  const routing::MatchBuffer& match = thread_.match_buffer();
  const size_t decoded = match.decoded.size();
  char* const copy = storage_.reserve(head_size_ + decoded);
  std::memcpy(copy, head_data_, head_size_);
  if (decoded != 0) std::memcpy(copy + head_size_, match.decoded.data(), decoded);
  storage_.commit(copy + head_size_ + decoded);

  auto moved = [&](roost_str& text) {
    if (text.data >= head_data_ && text.data <= head_data_ + head_size_) {
      text.data = copy + (text.data - head_data_);
    } else if (text.data >= match.decoded.data() && text.data <= match.decoded.data() + decoded) {
      text.data = copy + head_size_ + (text.data - match.decoded.data());
    }
  };
  for (roost_str* text : {&request_.method, &request_.target, &request_.path, &request_.query, &request_.authority}) {
    if (text->data != nullptr) moved(*text);
  }
  fields_.assign(request_.headers, request_.headers + request_.header_count);
  for (roost_field& field : fields_) {
    moved(field.name);
    moved(field.value);
  }
  request_.headers = fields_.data();
  params_.assign(request_.params, request_.params + request_.param_count);
  for (roost_field& param : params_) moved(param.value);
  request_.params = params_.data();
  keep_match();
  if (request_.body.size != 0 && body_.memory().empty()) {
    body_.keep(http::view(request_.body));
    request_.body = http::str(body_.memory());
  }
}

void HttpExchange::set_body(std::string_view body) {
  request_.body = http::str(body);
  request_.body_size = body.size();
  body_complete_.store(true, std::memory_order_relaxed);
}

void HttpExchange::take_collected_body() {
  body_complete_.store(true, std::memory_order_relaxed);
  request_.body_size = body_.size();
  request_.body_file = body_.file();
  if (body_.file() < 0) request_.body = http::str(body_.memory());
  request_.trailers = body_.trailers().data();
  request_.trailer_count = body_.trailers().size();
}

// Forms ------------------------------------------------------------------------------------------------------------

void HttpExchange::expect_form() {
  body_.expect_form(header("content-type"), form_limits());
}

const config::FormLimits& HttpExchange::form_limits() const {
  return route() != nullptr ? route()->form : thread_.worker().settings.limits.form;
}

const roost_form& HttpExchange::form() {
  const std::lock_guard lock(form_mutex_);
  if (!form_) {
    form_ = std::make_unique<http::RequestForm>();
    if (streams(route())) {
      form_->refuse("the handler reads its body as a stream");
    } else {
      form_->read(request_, form_limits(), body_.form());
    }
  }
  return form_->view();
}

roost_status HttpExchange::form_file_path(const roost_form_file& file, roost_str& path, roost_error* error) {
  const std::lock_guard lock(form_mutex_);
  return form_ ? form_->path(file, path, error) : ROOST_INVALID;
}

// Streamed bodies --------------------------------------------------------------------------------------------------

roost_status HttpExchange::read_body(const roost_body_callbacks& callbacks, void* arg) {
  if (!streams(route())) return ROOST_INVALID;
  if (gone_.load(std::memory_order_acquire)) return ROOST_GONE;
  {
    const std::lock_guard lock(mutex_);
    if (has_reader_) return ROOST_INVALID;
    reader_ = callbacks;
    reader_arg_ = arg;
    has_reader_ = true;
  }
  signal(kBody);
  return ROOST_OK;
}

void HttpExchange::pause_body() {
  body_paused_.store(true, std::memory_order_release);
}

void HttpExchange::resume_body() {
  body_paused_.store(false, std::memory_order_release);
  signal(kBody);
}

bool HttpExchange::wants_body() const {
  const bool stream = streams(route());
  if (!stream || body_ended_ || body_failed_ || complete_) return false;
  if (body_paused_.load(std::memory_order_acquire)) return false;
  const std::lock_guard lock(const_cast<std::mutex&>(mutex_));
  return has_reader_ && state_.load(std::memory_order_acquire) != State::done;
}

size_t HttpExchange::feed(const char* data, size_t size) {
  size_t used = 0;
  while (wants_body()) {
    const RequestBody::Step step = body_.next(data + used, size - used);
    used += step.used;
    switch (step.result) {
      case RequestBody::Result::need_more:
        return used;
      case RequestBody::Result::piece:
        if (!step.data.empty()) reader_.on_data(reader_arg_, step.data.data(), step.data.size());
        break;
      case RequestBody::Result::failed:
        fail_body(body_.status(), body_.reason());
        return size;
      case RequestBody::Result::done:
        body_ended_ = true;
        body_complete_.store(true, std::memory_order_release);
        reader_.on_end(reader_arg_, body_.trailers().data(), body_.trailers().size());
        return used;
    }
  }
  return used;
}

void HttpExchange::fail_body(uint16_t status, std::string_view why) {
  if (body_ended_ || body_failed_) return;
  body_failed_ = true;
  body_status_ = status;
  body_why_ = why;
  tell_body_failure();
}

// Who begins to read later is told then.
void HttpExchange::tell_body_failure() {
  {
    const std::lock_guard lock(mutex_);
    if (!has_reader_ || body_status_ == 0 || state_.load(std::memory_order_acquire) == State::done) return;
  }
  reader_.on_error(reader_arg_, std::exchange(body_status_, 0), http::str(body_why_));
}

// Texts ------------------------------------------------------------------------------------------------------------

std::string_view HttpExchange::forwarded(roost_text which) const {
  const http::ForwardedClient client = http::parse_forwarded(request_.headers, request_.header_count, is_trusted,
                                                             &thread_.worker().settings.trusted_proxies);
  switch (which) {
    case ROOST_TEXT_CLIENT_IP:
      return client.client;
    case ROOST_TEXT_SCHEME:
      return client.scheme;
    default:
      return client.host;
  }
}

std::string_view HttpExchange::request_id(Scratch& scratch) const noexcept {
  const std::string_view prefix = thread_.id_prefix();
  std::memcpy(scratch.data(), prefix.data(), prefix.size());
  char* out = scratch.data() + prefix.size();
  *out++ = '-';
  out = std::to_chars(out, out + 16, number_, 16).ptr;
  return {scratch.data(), static_cast<size_t>(out - scratch.data())};
}

std::string_view HttpExchange::client_ip(Scratch& scratch) const {
  if (trusted_peer_) {
    const std::string_view named = forwarded(ROOST_TEXT_CLIENT_IP);
    if (!named.empty()) return named;
  }
  return {scratch.data(), peer_.write_ip(scratch.data())};
}

std::string_view HttpExchange::text(roost_text which) {
  Scratch scratch;
  switch (which) {
    case ROOST_TEXT_REQUEST_ID:
      if (id_text_.empty()) id_text_ = request_id(scratch);
      return id_text_;
    case ROOST_TEXT_CLIENT_IP:
      if (client_text_.empty()) {
        const std::string_view ip = client_ip(scratch);
        if (ip.data() != scratch.data()) return ip;
        client_text_ = ip;
      }
      return client_text_;
    case ROOST_TEXT_PEER:
      if (peer_text_.empty()) peer_text_ = peer_.with_port();
      return peer_text_;
    case ROOST_TEXT_SCHEME:
      return (request_.flags & ROOST_REQUEST_SECURE) != 0 ? "https" : "http";
    case ROOST_TEXT_HOST: {
      if (trusted_peer_) {
        const std::string_view named = forwarded(which);
        if (!named.empty()) return named;
      }
      return http::view(request_.authority);
    }
    case ROOST_TEXT_DECODED_PATH:
      if (decoded_path_.empty() && !http::percent_decode(http::view(request_.path), decoded_path_)) {
        decoded_path_.assign(http::view(request_.path));
      }
      return decoded_path_;
  }
  return {};
}

}  // namespace roost::net
