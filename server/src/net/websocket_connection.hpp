// One WebSocket on the I/O thread that owned its HTTP connection: the socket, the session of RFC 6455, what waits to be
// sent. Frames arrive through the loop's one read buffer and messages are handed on in place; what a handler sends
// meanwhile leaves in one send() when the input is worked through. An idle one owns nothing but this object.
//
// Callbacks run on the I/O thread, one at a time: on_open first, on_close last and exactly once. Reference counted: one
// reference is the socket's, the rest are handlers'; the object outlives its socket while it is held.
//
// The end: the peer's close frame is answered (or ours was), or the peer broke the protocol -> on_close, what is queued
// is sent, the sending side shut, input discarded until the peer closes too or kLinger is over. A peer that does not
// answer a close frame within `close_timeout` is cut (1006), as is one that answers no ping within `ping_timeout`.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "net/event_loop.hpp"
#include "net/frame_queue.hpp"
#include "net/shared_buffer.hpp"
#include "net/timer_wheel.hpp"
#include "websocket/connection.hpp"
#include "websocket/deflate.hpp"
#include "websocket/session.hpp"

namespace roost::net {

class WebSocketLoop;
struct WebSocketChannel;
class SharedMessage;

// What a thread may ask of a connection's own.
enum class WebSocketAsk : uint8_t { send, close, overflow, subscribe, unsubscribe, pause, deliver };

// Who counts sockets. Called on the I/O thread, when the socket has been closed.
class WebSocketOwner {
 public:
  virtual void on_websocket_end() noexcept = 0;

 protected:
  ~WebSocketOwner() = default;
};

class WebSocketConnection final : public websocket::Connection,
                                  private EventSource,
                                  private Timer,
                                  private websocket::Session::Sink {
 public:
  static constexpr std::chrono::milliseconds kLinger{2'000};

  // Any thread. The one reference is given to start() or abandon(), one of which must follow on the loop's thread.
  // group: for an accept that names none.
  static WebSocketConnection* create(WebSocketLoop& loop, const roost_ws_accept& accept, std::string_view group,
                                     websocket::DeflateParameters deflate = {});

  // Takes the socket (non-blocking, in no epoll), sends head, calls on_open, and later hands on what leftover holds.
  // owner outlives the connection; may be nullptr. I/O thread.
  void start(base::UniqueFd socket, std::string_view head, std::string leftover, WebSocketOwner* owner) noexcept;
  // The client went before start(): on_close with 1006. I/O thread.
  void abandon() noexcept;

  void retain() noexcept override { references_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept override;
  std::string_view id() const noexcept override { return id_; }
  roost_status send(roost_ws_kind kind, std::string_view data) noexcept override;
  roost_status close(uint16_t code, std::string_view reason) noexcept override;
  size_t buffered() const noexcept override { return buffered_.load(std::memory_order_relaxed); }
  void pause() noexcept override;
  void resume() noexcept override;
  roost_status subscribe(std::string_view topic) noexcept override;
  roost_status unsubscribe(std::string_view topic) noexcept override;

  // send() by way of the loop's queue also on its own thread: behind what was asked for before.
  roost_status send_asked(SharedBuffer frame) noexcept;

  // Of this worker.
  uint64_t number() const { return number_; }

 private:
  friend class WebSocketLoop;
  friend struct WebSocketChannel;

  enum class Phase : uint8_t { created, running, flushing, lingering, ended };
  struct Membership {
    WebSocketChannel* channel;
    uint32_t index;  // in its members
  };

  WebSocketConnection(WebSocketLoop& loop, const roost_ws_accept& accept, std::string_view group,
                      websocket::DeflateParameters deflate);
  ~WebSocketConnection() = default;

  // All below on the I/O thread.
  void on_events(uint32_t events) noexcept override;
  void on_timer() noexcept override;
  void on_message(websocket::Opcode opcode, std::string_view data) override;
  void on_pong(std::string_view) override {}
  void on_output(std::string_view frame) override;
  bool paused() const override { return paused_.load(std::memory_order_acquire); }

  void read() noexcept;
  void feed(char* data, size_t size) noexcept;
  // The peer lives: the next ping comes `ping` from now.
  void heard() noexcept;
  void after_feed() noexcept;
  roost_status send_here(roost_ws_kind kind, std::string_view data) noexcept;
  void close_here(uint16_t code, std::string_view reason) noexcept;
  void refuse_more() noexcept;  // past send_buffer: 1013
  bool exceeds(size_t buffered, size_t more) const;
  static constexpr size_t kNoRoom = ~size_t{0};
  size_t reserve(size_t size) noexcept;
  roost_status pressure(size_t buffered) noexcept;
  // Of send_asked(), counted in buffered_ already.
  void send_frame(SharedBuffer frame) noexcept;
  std::string_view compressed(std::string_view data) noexcept;       // empty: it goes out as it is
  void make_room(size_t limit) noexcept;                             // slow_client: drop
  void enqueue(SharedBuffer frame, FrameQueue::Kind kind) noexcept;  // counted in buffered_ already
  void deliver(SharedMessage& message) noexcept;                     // one of a topic or group
  void write_corked(std::string_view header, std::string_view data) noexcept;
  void flush() noexcept;
  void drop_output() noexcept;
  void watch_output(bool on) noexcept;
  void pause_changed() noexcept;
  void update_interest() noexcept;
  void conclude(uint16_t code, std::string_view reason) noexcept;  // on_close, once
  void shut_when_flushed() noexcept;
  void cut(uint16_t code) noexcept;
  void close_socket() noexcept;
  void ask(WebSocketAsk what, std::string_view text = {}, uint16_t code = 0) noexcept;
  void run_deferred() noexcept;
  void join(WebSocketChannel& channel) noexcept;
  void leave(size_t membership) noexcept;
  void subscribe_here(std::string_view topic) noexcept;
  void unsubscribe_here(std::string_view topic) noexcept;

  WebSocketLoop& loop_;
  const roost_ws_callbacks* const callbacks_;
  void* const arg_;
  const uint64_t number_;
  std::atomic<uint32_t> references_{1};
  std::atomic<bool> gone_{false};  // no more is taken to be sent
  std::atomic<bool> wants_writable_{false};
  std::atomic<bool> paused_{false};
  std::atomic<size_t> buffered_{0};
  const uint8_t deflate_bits_;  // of the window to compress with; 0: not agreed on

  base::UniqueFd socket_;
  Phase phase_ = Phase::created;
  bool concluded_ = false;
  bool dirty_ = false;  // in the loop's list of those to flush
  bool watching_output_ = false;
  uint32_t interest_ = 0;  // what epoll was asked for
  bool deferred_ = false;  // in the loop's list of those to call later
  bool deferred_writable_ = false;
  bool ping_sent_ = false;
  int64_t last_received_ = 0;  // milliseconds of the loop's clock
  std::unique_ptr<std::string> leftover_;
  FrameQueue* output_ = nullptr;  // the loop's, while something waits
  WebSocketOwner* owner_ = nullptr;
  WebSocketConnection* previous_ = nullptr;  // in the loop's list of all
  WebSocketConnection* next_ = nullptr;
  std::vector<Membership> memberships_;
  std::unique_ptr<websocket::DeflateContext> deflate_;  // with context takeover
  websocket::Session session_;
  std::string id_, group_;
};

}  // namespace roost::net
