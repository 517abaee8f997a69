#include "net/websocket_loop.hpp"

#include <utility>

#include "net/websocket_hub.hpp"
#include "websocket/close_code.hpp"

namespace roost::net {
namespace {

websocket::DeflateOptions options_of(const config::Websocket& settings) {
  websocket::DeflateOptions options;
  options.level = settings.compress.level;
  options.window_bits = settings.compress.window_bits;
  options.memory_level = settings.compress.memory_level;
  // What was compressed with a context cannot be dropped: later messages refer to it.
  options.context_takeover = settings.compress.context_takeover && settings.slow_client == config::SlowClient::close;
  return options;
}

constexpr size_t kSpareOutputs = 1024;
constexpr size_t kSparePlaces = 64;  // of one spare output
constexpr int kRoundsOfFlushing = 8;

}  // namespace

WebSocketLoop::WebSocketLoop(EventLoop& loop, WebSocketHub& hub, uint32_t thread)
    : loop_(loop),
      hub_(hub),
      thread_(thread),
      cork_(new char[kCork]),
      read_buffer_(new char[kReadBuffer]),
      ping_frame_(SharedBuffer::copy_of({"\x89\x00", 2})),
      deflate_options_(options_of(hub.settings())),
      deflater_(deflate_options_) {
  hub_.attach(*this);
}

WebSocketLoop::~WebSocketLoop() {
  for (Request& request : requests_) {
    if (request.connection != nullptr) request.connection->release();
  }
  for (WebSocketConnection* connection : ended_) connection->release();
  for (WebSocketConnection* connection : deferred_) connection->release();
  for (const FrameQueue* output : spare_outputs_) delete output;
}

const config::Websocket& WebSocketLoop::settings() const noexcept {
  return hub_.settings();
}

void WebSocketLoop::ask(Request request) noexcept {
  bool post = false;
  {
    const std::lock_guard lock(mutex_);
    requests_.push_back(std::move(request));
    has_requests_.store(true, std::memory_order_release);
    // The loop's own thread comes to end_of_batch() anyway.
    if (!posted_ && !loop_.is_current()) post = posted_ = true;
  }
  if (post) loop_.post(*this);
}

void WebSocketLoop::ask_to_deliver(WebSocketChannel::Kind kind, std::string_view name,
                                   std::shared_ptr<SharedMessage> message, uint64_t except) noexcept {
  Request request;
  request.kind = Request::Kind::deliver;
  request.channel = kind;
  request.except = except;
  request.message = std::move(message);
  request.text = name;
  ask(std::move(request));
}

void WebSocketLoop::post_self() noexcept {
  {
    const std::lock_guard lock(mutex_);
    if (posted_) return;
    posted_ = true;
  }
  loop_.post(*this);
}

void WebSocketLoop::run_posted() noexcept {
  {
    const std::lock_guard lock(mutex_);
    posted_ = false;
  }
  run_requests();
  calling_.swap(deferred_);
  for (WebSocketConnection* connection : calling_) {
    connection->deferred_ = false;
    connection->run_deferred();
    connection->release();
  }
  calling_.clear();
}

void WebSocketLoop::run_requests() noexcept {
  if (!has_requests_.load(std::memory_order_acquire)) return;
  {
    const std::lock_guard lock(mutex_);
    running_.swap(requests_);
    has_requests_.store(false, std::memory_order_relaxed);
  }
  for (Request& request : running_) run(request);
  running_.clear();
}

void WebSocketLoop::run(Request& request) noexcept {
  WebSocketConnection* const connection = request.connection;
  switch (request.kind) {
    case Request::Kind::send:
      if (connection->concluded_ || connection->session_.state() != websocket::Session::State::open) {
        connection->buffered_.fetch_sub(request.frame.size(), std::memory_order_relaxed);
      } else {
        connection->send_frame(std::move(request.frame));
      }
      break;
    case Request::Kind::close:
      connection->close_here(request.code, request.text);
      break;
    case Request::Kind::overflow:
      connection->refuse_more();
      break;
    case Request::Kind::subscribe:
      connection->subscribe_here(request.text);
      break;
    case Request::Kind::unsubscribe:
      connection->unsubscribe_here(request.text);
      break;
    case Request::Kind::pause:
      connection->pause_changed();
      break;
    case Request::Kind::deliver:
      deliver(request.channel, request.text, *request.message, request.except);
      break;
  }
  if (connection != nullptr) connection->release();
}

void WebSocketLoop::deliver(WebSocketChannel::Kind kind, std::string_view name, SharedMessage& message,
                            uint64_t except) noexcept {
  const Channels& all = channels(kind);
  const auto found = all.find(name);
  if (found == all.end()) return;
  // Nothing below calls back: the list stays as it is.
  for (const WebSocketChannel::Member& member : found->second.members) {
    if (member.connection->number() != except) member.connection->deliver(message);
  }
}

bool WebSocketLoop::has_channel(WebSocketChannel::Kind kind, std::string_view name) const noexcept {
  const Channels& all = kind == WebSocketChannel::Kind::topic ? topics_ : groups_;
  return all.find(name) != all.end();
}

void WebSocketLoop::end_of_batch() noexcept {
  for (int round = 0; round < kRoundsOfFlushing; ++round) {
    run_requests();
    flush_dirty();
    if (dirty_.empty() && !has_requests_.load(std::memory_order_acquire)) break;
  }
  if (!dirty_.empty() || has_requests_.load(std::memory_order_acquire)) post_self();
  if (!ended_.empty() && dirty_.empty()) {
    // No event of this batch names them any more, nor does dirty_.
    std::vector<WebSocketConnection*> ended;
    ended.swap(ended_);
    for (WebSocketConnection* connection : ended) connection->release();
  }
  if ((bytes_in_ | bytes_out_) != 0) report_counters();
}

void WebSocketLoop::flush_dirty() noexcept {
  flushing_.swap(dirty_);
  for (WebSocketConnection* connection : flushing_) {
    connection->dirty_ = false;
    connection->flush();
  }
  flushing_.clear();
}

void WebSocketLoop::report_counters() noexcept {
  if (base::WorkerSlot* const slot = hub_.own_slot()) {
    slot->bytes_in.fetch_add(std::exchange(bytes_in_, 0), std::memory_order_relaxed);
    slot->bytes_out.fetch_add(std::exchange(bytes_out_, 0), std::memory_order_relaxed);
  }
}

void WebSocketLoop::begin_drain() noexcept {
  draining_ = true;
  for (WebSocketConnection* connection = all_; connection != nullptr; connection = connection->next_) {
    connection->close_here(websocket::kGoingAway, {});
  }
}

void WebSocketLoop::cut_all() noexcept {
  stopped_ = true;
  run_requests();
  while (all_ != nullptr) all_->cut(websocket::kAbnormal);
  end_of_batch();
}

WebSocketChannel& WebSocketLoop::channel(WebSocketChannel::Kind kind, std::string_view name) {
  Channels& all = channels(kind);
  auto found = all.find(name);
  if (found == all.end()) {
    found = all.emplace(name, WebSocketChannel{}).first;
    found->second.kind = kind;
    found->second.name = found->first;
  }
  return found->second;
}

void WebSocketLoop::left(WebSocketChannel& channel) noexcept {
  if (!channel.members.empty()) return;
  Channels& all = channels(channel.kind);
  all.erase(all.find(channel.name));
}

void WebSocketLoop::opened(WebSocketConnection& connection) noexcept {
  connection.next_ = all_;
  if (all_ != nullptr) all_->previous_ = &connection;
  all_ = &connection;
  open_.fetch_add(1, std::memory_order_relaxed);
  if (base::WorkerSlot* const slot = hub_.own_slot()) slot->websockets.fetch_add(1, std::memory_order_relaxed);
}

void WebSocketLoop::ended(WebSocketConnection& connection) noexcept {
  (connection.previous_ != nullptr ? connection.previous_->next_ : all_) = connection.next_;
  if (connection.next_ != nullptr) connection.next_->previous_ = connection.previous_;
  connection.next_ = connection.previous_ = nullptr;
  open_.fetch_sub(1, std::memory_order_relaxed);
  if (base::WorkerSlot* const slot = hub_.own_slot()) slot->websockets.fetch_sub(1, std::memory_order_relaxed);
  ended_.push_back(&connection);
}

void WebSocketLoop::mark_dirty(WebSocketConnection& connection) noexcept {
  if (connection.dirty_) return;
  connection.dirty_ = true;
  dirty_.push_back(&connection);
}

void WebSocketLoop::defer(WebSocketConnection& connection) noexcept {
  if (connection.deferred_) return;
  connection.deferred_ = true;
  connection.retain();
  deferred_.push_back(&connection);
  post_self();
}

FrameQueue* WebSocketLoop::take_output() {
  if (spare_outputs_.empty()) return new FrameQueue;
  FrameQueue* const output = spare_outputs_.back();
  spare_outputs_.pop_back();
  return output;
}

void WebSocketLoop::give_output(FrameQueue* output) noexcept {
  if (spare_outputs_.size() >= kSpareOutputs || output->capacity() > kSparePlaces) {
    delete output;
    return;
  }
  output->clear();
  spare_outputs_.push_back(output);
}

}  // namespace roost::net
