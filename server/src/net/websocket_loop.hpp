// The WebSockets of one I/O thread: its read buffer, what other threads asked for, topics and groups of this thread's
// connections. Owned by the worker's server, made before the thread runs and destroyed after it was joined. All of it
// belongs to that thread, except ask() and what says so.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "net/event_loop.hpp"
#include "net/frame_queue.hpp"
#include "net/shared_buffer.hpp"
#include "net/shared_message.hpp"
#include "net/websocket_connection.hpp"
#include "websocket/deflate.hpp"

namespace roost::net {

class WebSocketHub;

// The members of a topic or a group on one thread.
struct WebSocketChannel {
  struct Member {
    WebSocketConnection* connection;
    uint32_t membership;  // index in the connection's memberships_
  };
  enum class Kind : uint8_t { topic, group };

  Kind kind = Kind::topic;
  std::string_view name;  // the key in its map
  std::vector<Member> members;
};

class WebSocketLoop final : private PostedTask {
 public:
  WebSocketLoop(EventLoop& loop, WebSocketHub& hub, uint32_t thread);
  // REQUIRES: cut_all() was called, the thread has ended.
  ~WebSocketLoop();
  WebSocketLoop(const WebSocketLoop&) = delete;
  WebSocketLoop& operator=(const WebSocketLoop&) = delete;

  // After the events of each batch: does what other threads asked for and sends what waits.
  void end_of_batch() noexcept;
  // Whether a callback ran since the last call.
  bool take_called() noexcept { return std::exchange(called_, false); }
  // Closes every connection with 1001, and those that come later.
  void begin_drain() noexcept;
  // Closes every socket at once, and those that come later; on_close with 1006 where it was not called yet.
  void cut_all() noexcept;
  // Sockets not yet closed. Any thread.
  size_t open() const noexcept { return open_.load(std::memory_order_relaxed); }

  // What another thread asks of this one. Done in the order of one caller's calls, with one wake-up for many.
  struct Request {
    using Kind = WebSocketAsk;
    Kind kind{};
    WebSocketChannel::Kind channel{};           // deliver
    uint16_t code = 0;                          // close
    WebSocketConnection* connection = nullptr;  // holds a reference; nullptr for deliver
    uint64_t except = 0;                        // deliver: the number of one that is left out; 0: none
    SharedBuffer frame;                         // send
    std::shared_ptr<SharedMessage> message;     // deliver
    std::string text;                           // topic, group, reason
  };
  // Any thread.
  void ask(Request request) noexcept;
  void ask_to_deliver(WebSocketChannel::Kind kind, std::string_view name, std::shared_ptr<SharedMessage> message,
                      uint64_t except) noexcept;

  bool is_current() const noexcept { return loop_.is_current(); }
  void deliver(WebSocketChannel::Kind kind, std::string_view name, SharedMessage& message, uint64_t except) noexcept;
  bool has_channel(WebSocketChannel::Kind kind, std::string_view name) const noexcept;

  websocket::Inflater& inflater() noexcept { return inflater_; }
  websocket::Deflater& deflater() noexcept { return deflater_; }
  const websocket::DeflateOptions& deflate_options() const noexcept { return deflate_options_; }
  EventLoop& event_loop() noexcept { return loop_; }
  WebSocketHub& hub() noexcept { return hub_; }
  const config::Websocket& settings() const noexcept;

 private:
  friend class WebSocketConnection;

  static constexpr size_t kReadBuffer = 64 * 1024;
  static constexpr size_t kCork = 32 * 1024;

  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using Channels = std::unordered_map<std::string, WebSocketChannel, Hash, std::equal_to<>>;

  void run_posted() noexcept override;
  void run_requests() noexcept;
  void run(Request& request) noexcept;
  void flush_dirty() noexcept;
  void report_counters() noexcept;

  Channels& channels(WebSocketChannel::Kind kind) { return kind == WebSocketChannel::Kind::topic ? topics_ : groups_; }
  WebSocketChannel& channel(WebSocketChannel::Kind kind, std::string_view name);
  void left(WebSocketChannel& channel) noexcept;  // forgets it when it is empty

  void opened(WebSocketConnection& connection) noexcept;
  void ended(WebSocketConnection& connection) noexcept;
  void mark_dirty(WebSocketConnection& connection) noexcept;
  void defer(WebSocketConnection& connection) noexcept;
  void post_self() noexcept;
  FrameQueue* take_output();
  void give_output(FrameQueue* output) noexcept;

  EventLoop& loop_;
  WebSocketHub& hub_;
  const uint32_t thread_;
  bool draining_ = false;
  bool stopped_ = false;
  bool called_ = false;
  std::atomic<size_t> open_{0};
  WebSocketConnection* all_ = nullptr;
  Channels topics_, groups_;

  // The connection whose input is worked through: its small frames are collected here.
  WebSocketConnection* corked_ = nullptr;
  size_t cork_size_ = 0;
  std::unique_ptr<char[]> cork_;
  std::unique_ptr<char[]> read_buffer_;
  const SharedBuffer ping_frame_;
  websocket::Inflater inflater_;
  const websocket::DeflateOptions deflate_options_;
  websocket::Deflater deflater_;

  std::vector<WebSocketConnection*> dirty_, flushing_;    // kept alive by ended_
  std::vector<WebSocketConnection*> deferred_, calling_;  // each holds a reference
  std::vector<WebSocketConnection*> ended_;               // the sockets' references, released after the batch
  std::vector<FrameQueue*> spare_outputs_;
  uint64_t bytes_in_ = 0, bytes_out_ = 0;  // since the last report_counters()

  std::mutex mutex_;  // guards requests_, posted_
  std::vector<Request> requests_, running_;
  bool posted_ = false;
  std::atomic<bool> has_requests_{false};
};

}  // namespace roost::net
