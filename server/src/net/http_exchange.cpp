// Life of an exchange: what other threads say reaches the I/O thread, and the end of it all.
#include "net/http_exchange.hpp"

#include <time.h>

#include <string>

#include "base/log.hpp"
#include "net/http_connection.hpp"
#include "net/io_thread.hpp"

namespace roost::net {
namespace {

constexpr size_t kKeptStorage = 4 * 1024;

int64_t now_us() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

}  // namespace

HttpExchange::HttpExchange(IoThread& thread) : thread_(thread) {
  request_.thread = thread.index();
}

HttpExchange::~HttpExchange() {
  // Of a worker that stops: the responder was never given back, its holder will not be called again.
  outbox_tail_ = {};
}

bool HttpExchange::on_io_thread() const noexcept {
  return thread_.loop().is_current();
}

bool HttpExchange::corked() const noexcept {
  return on_io_thread() && connection_ != nullptr && thread_.corked() == connection_;
}

void HttpExchange::dispatch() {
  const std::string* const mistake = thread_.worker().mistake.load(std::memory_order_acquire);
  if (mistake != nullptr) return show_mistake(*mistake);
  const dispatch::Dispatcher& dispatcher = thread_.worker().dispatcher;
  if (!kept_ && dispatcher.may_outlive(*this)) keep();
  responder_done_ = false;
  dispatcher.begin(*this);
  if (kept_ || state_.load(std::memory_order_relaxed) != State::open) return;
  // A handler that always answers before it returns has not.
  fail("the handler returned without an answer");
}

bool HttpExchange::start_handler_deadline(int64_t now) {
  if (handler_deadline_ != 0 || answered()) return false;
  const dispatch::Route* const r = route();
  const int64_t timeout = (r != nullptr ? r->handler_timeout : thread_.worker().settings.timeouts.handler).count();
  if (timeout == 0) return false;
  handler_deadline_ = now + timeout;
  return true;
}

bool HttpExchange::submit_handler() noexcept {
  return thread_.worker().pool->submit(
      [](void* self) {
        auto& exchange = *static_cast<HttpExchange*>(self);
        if (exchange.gone_.load(std::memory_order_acquire) || exchange.answered()) {
          exchange.drop();
        } else {
          dispatch::Dispatcher::run_handler(exchange);
        }
      },
      this);
}

// Signals ----------------------------------------------------------------------------------------------------------

void HttpExchange::signal(uint32_t bits) noexcept {
  if (on_io_thread()) {
    local_signals_ |= bits;
    // Its connection looks for signals after each call that it makes.
    if (!in_ready_ && !corked()) {
      in_ready_ = true;
      thread_.add_ready(*this);
    }
    return;
  }
  if (signals_.fetch_or(bits, std::memory_order_acq_rel) == 0) thread_.loop().post(*this);
}

void HttpExchange::run_posted() noexcept {
  local_signals_ |= signals_.exchange(0, std::memory_order_acq_rel);
  settle();
}

void HttpExchange::run_ready() {
  in_ready_ = false;
  if (!free_) settle();
}

void HttpExchange::settle() {
  if (connection_ != nullptr) {
    connection_->exchange_changed();
    return;
  }
  apply(std::exchange(local_signals_, 0));
  if (responder_done_ && connection_ == nullptr) recycle();
}

void HttpExchange::apply_signals() {
  // A callback may signal anew.
  while (local_signals_ != 0) apply(std::exchange(local_signals_, 0));
}

void HttpExchange::apply(uint32_t bits) {
  if ((bits & kResume) != 0) {
    if (connection_ != nullptr && !answered()) {
      const LiveConnection* const outer = thread_.corked();
      thread_.cork(nullptr);
      thread_.handler_called();
      thread_.worker().dispatcher.continue_chain(*this);
      thread_.cork(outer);
    } else {
      drop();  // nobody waits for the answer any more
    }
  }
  if ((bits & kUpgrade) != 0) {
    responder_done_ = true;
    start_websocket();
    return;  // this may have been given back
  }
  if ((bits & kOutput) != 0 && connection_ != nullptr) deliver();
  if ((bits & kCut) != 0) cut_ = true;
  if ((bits & kFinished) != 0) complete_ = true;
  if ((bits & kConsumed) != 0) responder_done_ = true;
  if ((bits & kBody) != 0 && connection_ != nullptr && !body_ended_) {
    if (std::exchange(continue_due_, false)) connection_->send_continue();
    if (body_failed_) tell_body_failure();
  }
}

void HttpExchange::deliver() {
  ByteBuffer& bytes = thread_.scratch();
  OutputQueue tail;
  {
    const std::lock_guard lock(mutex_);
    std::swap(bytes, outbox_);
    if (!outbox_tail_.empty()) tail.append(outbox_tail_);
  }
  if (corked()) {
    // Leaves with the rest of the batch, where it is little.
    if (tail.empty() && bytes.size() < 16 * 1024 && connection_->queued_bytes() == 0 &&
        !want_writable_.load(std::memory_order_relaxed)) {
      thread_.output().append(bytes.view());
      bytes.clear();
      return;
    }
    connection_->flush();
  }
  if (!bytes.empty()) connection_->send(bytes.view(), nullptr);
  bytes.reset(64 * 1024);
  connection_->send(tail);
  queued_.store(connection_->queued_bytes(), std::memory_order_relaxed);
  if (connection_->queued_bytes() == 0) output_drained();
}

void HttpExchange::output_drained() {
  queued_.store(0, std::memory_order_relaxed);
  if (!want_writable_.exchange(false, std::memory_order_acq_rel)) return;
  Callback callback;
  {
    const std::lock_guard lock(mutex_);
    callback = writable_;
  }
  if (callback.first != nullptr && state_.load(std::memory_order_acquire) != State::done) {
    callback.first(callback.second);
  }
}

// Ends -------------------------------------------------------------------------------------------------------------

void HttpExchange::cancel() {
  Callback callback;
  {
    const std::lock_guard lock(mutex_);
    cancelled_.store(true, std::memory_order_release);
    callback = std::exchange(cancel_, {nullptr, nullptr});
  }
  if (callback.first != nullptr && state_.load(std::memory_order_acquire) != State::done) {
    callback.first(callback.second);
  }
}

void HttpExchange::orphan() {
  gone_.store(true, std::memory_order_release);
  apply_signals();
  if (streams_body_ && !body_.complete()) fail_body(499, "the client went away");
  if (!complete_ && !cut_) {
    cut_ = true;
    cancel();
  }
  record();
  connection_ = nullptr;
  apply_signals();
  if (responder_done_) recycle();
}

void HttpExchange::let_go() {
  record();
  connection_ = nullptr;
  if (!responder_done_) {
    gone_.store(true, std::memory_order_release);
    cancel();
    apply_signals();
  }
  if (responder_done_) recycle();
}

bool HttpExchange::expire() {
  State expected = State::open;
  if (!state_.compare_exchange_strong(expected, State::expired, std::memory_order_acq_rel)) return false;
  close_ = true;
  build_status(thread_.output(), 504);
  complete_ = true;
  return true;
}

void HttpExchange::answer_instead(uint16_t status) {
  state_.store(State::done, std::memory_order_relaxed);
  close_ = true;
  body_complete_.store(false, std::memory_order_relaxed);
  build_status(thread_.output(), status);
  complete_ = true;
  responder_done_ = true;
}

void HttpExchange::start_websocket() {
  WebSocketConnection* const websocket = std::exchange(websocket_, nullptr);
  if (websocket == nullptr) return;
  if (connection_ == nullptr) {
    websocket->abandon();
    return;
  }
  const std::string head = std::move(websocket_head_);
  connection_->upgrade(*websocket, head);
}

void HttpExchange::consumed() {
  signal(kConsumed);
}

void HttpExchange::recycle() noexcept {
  // While a wake-up is on its way the loop's queue still holds this exchange: run_posted() comes back here.
  if (free_ || signals_.load(std::memory_order_acquire) != 0) return;
  dispatch::Dispatcher::finish(*this);
  std::vector<Callback> releases;
  {
    const std::lock_guard lock(mutex_);
    releases.swap(releases_);
    writable_ = cancel_ = {nullptr, nullptr};
    has_reader_ = false;
    outbox_.reset(kKeptStorage);
    outbox_tail_ = {};
  }
  for (const Callback& release : releases) release.first(release.second);
  form_.reset();
  body_.reset();
  storage_.reset(kKeptStorage);
  free_ = true;
  thread_.give_back(*this);
}

// One line in the access log, and the counters. Whoever has the responder may be asking for texts and answering
// meanwhile: nothing is read here that it writes.
void HttpExchange::record() noexcept {
  const uint16_t status = status_.load(std::memory_order_relaxed);
  thread_.count_response(status);
  base::AccessLog* const log = thread_.worker().access_log.get();
  if (log == nullptr) return;
  base::AccessRecord record;
  Scratch id, ip;
  record.request_id = request_id(id);
  record.client_ip = client_ip(ip);
  record.method = http::view(request_.method);
  record.target = http::view(request_.target);
  if (route() != nullptr) record.mount = route()->mount;
  record.referer = header("referer");
  record.user_agent = header("user-agent");
  record.version = request_.version;
  record.status = status == 0 ? 499 : status;
  record.bytes = body_bytes_.load(std::memory_order_relaxed);
  record.duration = std::chrono::microseconds(now_us() - began_us_);
  log->record(thread_.index(), record);
}

void HttpExchange::log_error(std::string_view why) {
  std::string line;
  line.append(text(ROOST_TEXT_REQUEST_ID)).append(" ").append(http::view(request_.method)).append(" ");
  line.append(http::view(request_.path)).append(": ").append(why);
  base::log(ROOST_LOG_ERROR, "request", line);
}

}  // namespace roost::net
