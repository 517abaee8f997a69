// A client's HTTP/1.1 connection: reads requests one after another, hands each to its exchange, sends the responses in
// order (RFC 9112 section 9). Pipelined requests are answered one by one and their responses leave together. Idle it
// owns neither buffer nor exchange. The I/O thread's alone.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "base/unique_fd.hpp"
#include "net/byte_buffer.hpp"
#include "net/live_connection.hpp"
#include "net/output_queue.hpp"
#include "net/peer_address.hpp"
#include "net/websocket_connection.hpp"

namespace roost::net {

class HttpExchange;
class IoThread;

class HttpConnection final : public LiveConnection, private WebSocketOwner {
 public:
  HttpConnection(IoThread& thread, base::UniqueFd fd, const PeerAddress& peer);
  ~HttpConnection() override;

  // Joins the thread's connections and begins to read.
  void open() noexcept;

  void on_events(uint32_t events) noexcept override;
  void on_timer() noexcept override;
  void begin_drain() noexcept override;
  void cut() noexcept override;

  // -- For the exchange.
  const PeerAddress& peer() const { return peer_; }
  bool trusted_peer() const { return trusted_peer_; }
  // Sends bytes, then what tail holds; what the socket does not take is queued. tail is taken over.
  void send(std::string_view bytes, OutputSegment* tail);
  void send(OutputQueue& tail);
  // The kernel holds bytes that were not read.
  bool input_waits() const noexcept;
  uint64_t queued_bytes() const { return queue_ == nullptr ? 0 : queue_->bytes(); }
  // Something of the exchange has changed outside of this connection's own events.
  void exchange_changed() noexcept;
  // Sends what the thread's output holds of this connection.
  void flush();
  void send_continue();
  // The connection becomes a WebSocket, beginning with head (the 101) and on_open. It stays in the thread's list until
  // the WebSocket has ended.
  void upgrade(WebSocketConnection& websocket, std::string_view head);

 private:
  enum class Phase : uint8_t {
    head,       // idle, or a request's head is incomplete
    body,       // the body is collected
    running,    // the exchange is on its way; its body may be streamed
    writing,    // the response is complete and has not left yet
    closing,    // what is queued leaves, then the end
    lingering,  // our side is shut; what comes is read and dropped so that no reset overtakes the response
    upgraded,   // the socket is a WebSocket's
    closed
  };

  void read() noexcept;
  void process_input() noexcept;
  size_t process(const char* data, size_t size) noexcept;
  size_t take_head(const char* data, size_t size);
  size_t take_body(const char* data, size_t size);
  void dispatch();
  void after_step();
  void finish_exchange();
  void refuse(uint16_t status) noexcept;
  void write_queue() noexcept;
  void after_events() noexcept;
  void end_of_input() noexcept;
  void begin_close() noexcept;
  void keep_lingering() noexcept;
  void reset_on_close() noexcept;
  void cut_reader() noexcept;
  void close() noexcept;
  void watch(uint32_t events) noexcept;
  void on_websocket_end() noexcept override;
  void arm(int64_t deadline) noexcept;
  void set_deadline() noexcept;
  bool input_wanted() const noexcept;

  IoThread& thread_;
  base::UniqueFd fd_;
  PeerAddress peer_;
  Phase phase_ = Phase::head;
  bool trusted_peer_ = false;
  bool eof_ = false;     // the client will send no more
  bool broken_ = false;  // the socket takes nothing any more
  bool linger_ = false;  // there may be input that nobody read
  bool abort_ = false;   // the response cannot be completed: the client has to notice
  bool progressed_ = false;
  uint32_t watched_ = 0;
  std::string_view behind_head_;  // while a request without body is dispatched: what came behind it
  size_t seen_ = 0;               // bytes of an incomplete head that were looked at
  int64_t deadline_ = 0;          // 0: none
  int64_t linger_end_ = 0;        // set in lingering
  HttpExchange* exchange_ = nullptr;
  ByteBuffer input_;  // what was read and is not taken yet
  std::unique_ptr<OutputQueue> queue_;
};

}  // namespace roost::net
