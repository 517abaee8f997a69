// One HTTP/1.1 request and its response. Pooled by the I/O thread; a connection has at most one at a time.
//
// Two hold it: the connection (until the response has left, or the connection is gone) and whoever has the responder
// (until it was consumed). What another thread does is left in the outbox and told with signal(); everything that
// touches the connection, and the end of the exchange, happens on the I/O thread, so that no reference is counted.
// Members say which side they belong to.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispatch/dispatcher.hpp"
#include "http/request_form.hpp"
#include "http/response_writer.hpp"
#include "net/byte_buffer.hpp"
#include "net/event_loop.hpp"
#include "net/output_queue.hpp"
#include "net/peer_address.hpp"
#include "net/request_body.hpp"

namespace roost::net {

class HttpConnection;
class IoThread;
class WebSocketConnection;

class HttpExchange final : public dispatch::Transaction, private PostedTask {
 public:
  explicit HttpExchange(IoThread& thread);
  ~HttpExchange() override;

  // -- The connection's side, on the I/O thread.

  // A request's head has been parsed; data: where its bytes begin. Finds the route.
  void begin(HttpConnection& connection, const http::RequestHead& head, const char* data);
  // Copies what the request points to, so that it outlives the read buffer. Again is nothing.
  void keep();
  // The body came whole with the head; bytes as long-lived as the head.
  void set_body(std::string_view body);
  // The body will be collected; after keep(). A form that is spilled is read meanwhile.
  void expect_form();
  // The body has been collected.
  void take_collected_body();
  // Runs chain and handler.
  void dispatch();
  // Answers in the responder's place: an error that the connection found. close: the connection ends after it.
  void answer_instead(uint16_t status);
  // The handler's time is over: 504 in its place. False when the response was begun.
  bool expire();
  // The client went: connection is gone for this exchange. The responder's holder is told.
  void orphan();
  // The client will send no more, and may be gone: tells the holder, takes no more of a stream, but still answers.
  void cancel();
  // Does what signal() asked for on this thread. REQUIRES: not within a callback of this exchange.
  void apply_signals();
  // All output has been sent.
  void output_drained();
  // The response is over: nothing more of it will come. Then the connection lets go.
  bool complete() const { return complete_; }
  bool cut() const { return cut_; }
  bool close_after() const { return close_; }
  void let_go();

  RequestBody& body() { return body_; }
  bool body_failed() const { return body_failed_; }
  bool streams_body() const { return streams_body_; }
  // A reader waits for bytes.
  bool wants_body() const;
  // Hands on what it can; how many bytes that took.
  size_t feed(const char* data, size_t size);
  // why: static.
  void fail_body(uint16_t status, std::string_view why);
  void set_streams_body() { streams_body_ = true; }
  void set_more_input(bool more) { more_input_.store(more, std::memory_order_relaxed); }
  bool kept() const { return kept_; }
  bool client_keeps_alive() const { return keep_alive_; }
  bool ends_by_close() const { return until_close_; }
  // 100 is sent when somebody reads the body.
  void expect_continue(bool expects) { continue_due_ = expects; }
  // Milliseconds of the loop's clock; 0: none, or it is answered.
  int64_t handler_deadline() const { return handler_deadline_ == 0 || answered() ? 0 : handler_deadline_; }
  void set_handler_deadline(int64_t deadline) { handler_deadline_ = deadline; }
  // The time begins to run. False when it runs already or there is none.
  bool start_handler_deadline(int64_t now);
  // At the end of the batch.
  void run_ready();

  // -- http::Exchange.
  std::string_view text(roost_text which) override;
  const config::FormLimits& form_limits() const override;
  const roost_form& form() override;
  roost_status form_file_path(const roost_form_file& file, roost_str& path, roost_error* error) override;
  roost_status respond(const roost_response& response) override;
  void fail(std::string_view why) override;
  void drop() override;
  void respond_status(uint16_t status) override;
  roost_status start(const roost_response& head) override;
  roost_status write(std::string_view bytes) override;
  roost_status finish(const roost_field* trailers, size_t trailer_count) override;
  roost_status on_writable(void (*callback)(void*), void* arg) override;
  roost_status on_cancel(void (*callback)(void*), void* arg) override;
  roost_status on_release(void (*callback)(void*), void* arg) override;
  bool cancelled() const override { return cancelled_.load(std::memory_order_acquire); }
  roost_status read_body(const roost_body_callbacks& callbacks, void* arg) override;
  void pause_body() override;
  void resume_body() override;
  roost_status resume() override;
  roost_status accept_websocket(const roost_ws_accept& accept, roost_websocket** socket) override;

 private:
  friend class IoThread;

  // open -> building -> done; -> streaming -> done; open -> expired -> done (answered in the responder's place).
  enum class State : uint8_t { open, building, streaming, done, expired };
  // signal()
  enum : uint32_t { kOutput = 1, kFinished = 2, kCut = 4, kConsumed = 8, kResume = 16, kBody = 32, kUpgrade = 64 };
  using Callback = std::pair<void (*)(void*), void*>;

  bool answered() const noexcept override { return state_.load(std::memory_order_acquire) != State::open; }
  bool submit_handler() noexcept override;
  uint16_t check_websocket() noexcept override { return websocket_status_; }

  void run_posted() noexcept override;
  void signal(uint32_t bits) noexcept;
  void settle();
  void apply(uint32_t bits);
  void deliver();
  void consumed();
  void start_websocket();
  void tell_body_failure();
  void recycle() noexcept;

  bool on_io_thread() const noexcept;
  // Responses are built straight into the thread's output.
  bool corked() const noexcept;
  bool claim(State next) noexcept;
  // Another was faster: gives the responder back where it is due.
  roost_status refuse() noexcept;
  bool must_close(uint16_t flags) const noexcept;
  // False when the response cannot be sent as it is; nothing was appended.
  bool write_head(ByteBuffer& out, const roost_response& response, http::Framing framing, uint64_t length);
  bool build(ByteBuffer& out, const roost_response& response, OutputSegment& tail);
  void build_status(ByteBuffer& out, uint16_t status);
  void show_mistake(std::string_view why);
  roost_status append_chunk(std::string_view bytes, bool last, const roost_field* trailers, size_t trailer_count);
  void log_error(std::string_view why);
  void record() noexcept;
  std::string_view forwarded(roost_text which) const;
  // What text() keeps, for whoever may not touch that: at scratch or in the request.
  using Scratch = std::array<char, 64>;
  std::string_view request_id(Scratch& scratch) const noexcept;
  std::string_view client_ip(Scratch& scratch) const;

  IoThread& thread_;

  // The I/O thread's.
  HttpConnection* connection_ = nullptr;
  HttpExchange* next_free_ = nullptr;
  HttpExchange* next_ready_ = nullptr;
  bool in_ready_ = false, kept_ = false, complete_ = false, cut_ = false, responder_done_ = false;
  bool streams_body_ = false, body_failed_ = false, body_ended_ = false, continue_due_ = false;
  bool free_ = true;
  uint32_t local_signals_ = 0;
  int64_t handler_deadline_ = 0;
  int64_t began_us_ = 0;
  uint16_t body_status_ = 0;   // why there will be no more body, until the reader was told
  std::string_view body_why_;  // static
  const char* head_data_ = nullptr;
  size_t head_size_ = 0;
  uint64_t number_ = 0;
  ByteBuffer storage_;
  std::vector<roost_field> fields_, params_;
  RequestBody body_;

  // Set before the handler runs, read by any thread.
  PeerAddress peer_;
  bool trusted_peer_ = false, secure_ = false, keep_alive_ = false, is_head_ = false;
  uint16_t websocket_status_ = 426;

  // Any thread.
  std::atomic<State> state_{State::done};
  std::atomic<uint32_t> signals_{0};
  std::atomic<bool> cancelled_{false}, gone_{false}, more_input_{false}, body_complete_{true};
  std::atomic<bool> want_writable_{false}, body_paused_{false};
  std::atomic<uint64_t> queued_{0};  // bytes of this response that wait in the connection

  // The answering thread's until it signals kFinished, then the I/O thread's.
  std::atomic<uint16_t> status_{0};
  bool close_ = false, chunked_ = false, no_body_ = false, until_close_ = false;
  bool lost_ = false;   // a piece of the stream was not taken
  bool sized_ = false;  // a stream with a Content-Length
  uint64_t body_length_ = 0;
  std::atomic<uint64_t> body_bytes_{0};  // written by the answering thread alone, read for the access log
  http::ResponseHead head_;
  WebSocketConnection* websocket_ = nullptr;  // accepted, and not started
  std::string websocket_head_;

  // What one thread at a time asks of text().
  std::string id_text_, peer_text_, decoded_path_, client_text_;

  std::mutex form_mutex_;
  std::unique_ptr<http::RequestForm> form_;  // guarded by form_mutex_; nullptr: nobody asked

  std::mutex mutex_;  // guards what follows
  ByteBuffer outbox_;
  OutputQueue outbox_tail_;
  Callback writable_{nullptr, nullptr}, cancel_{nullptr, nullptr};
  std::vector<Callback> releases_;
  roost_body_callbacks reader_{};
  void* reader_arg_ = nullptr;
  bool has_reader_ = false;
};

}  // namespace roost::net
