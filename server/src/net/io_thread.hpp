// One I/O thread: its loop, its connections, and what they share on it, so that an idle connection owns next to
// nothing: the read buffer, the output of the batch at hand, the parser, spare exchanges. Owned by the WorkerServer;
// everything but start(), the posted requests and join() belongs to the thread itself.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <thread>
#include <vector>

#include "http/request_parser.hpp"
#include "net/byte_buffer.hpp"
#include "net/event_loop.hpp"
#include "net/listener.hpp"
#include "net/live_connection.hpp"
#include "net/output_queue.hpp"
#include "net/websocket_loop.hpp"
#include "net/worker_context.hpp"
#include "routing/route_table.hpp"

namespace roost::net {

class HttpExchange;
class PeerAddress;

class IoThread {
 public:
  static constexpr size_t kReadBuffer = 64 * 1024;

  // Throws std::system_error.
  IoThread(WorkerContext& worker, uint16_t index);
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void start();
  // Any thread; what they ask happens on the I/O thread.
  void begin_drain() noexcept;
  void stop() noexcept;
  void join() noexcept;

  WorkerContext& worker() { return worker_; }
  EventLoop& loop() { return loop_; }
  WebSocketLoop& websockets() { return websockets_; }
  uint16_t index() const { return index_; }
  std::string_view id_prefix() const { return {id_prefix_.data(), id_prefix_.size()}; }
  uint64_t next_request_number() { return ++requests_; }

  // Connections.
  void add(LiveConnection& connection) noexcept;
  void remove(LiveConnection& connection) noexcept;
  int64_t connections() const { return connections_; }
  // The connection from there is gone (limits.per_address).
  void release_address(const PeerAddress& peer) noexcept;

  // The connection whose input is being worked through: its responses are collected in output().
  const LiveConnection* corked() const { return corked_; }
  void cork(const LiveConnection* connection) { corked_ = connection; }
  ByteBuffer& output() { return output_; }
  ByteBuffer& scratch() { return scratch_; }
  char* read_buffer() { return read_buffer_.get(); }
  http::RequestParser& parser() { return parser_; }
  routing::MatchBuffer& match_buffer() { return match_buffer_; }
  dispatch::MatchCache& match_cache() { return match_cache_; }

  HttpExchange& acquire_exchange();
  void give_back(HttpExchange& exchange) noexcept;
  std::unique_ptr<OutputQueue> acquire_queue();
  void give_back(std::unique_ptr<OutputQueue> queue) noexcept;
  // exchange.run_ready() is called at the end of the batch.
  void add_ready(HttpExchange& exchange) noexcept;

  // A request's body cannot be stored: said in the log, once in a while.
  void complain_of_storage(const char* why);

  void handler_called() { handler_called_ = true; }
  void count_in(uint64_t bytes) { bytes_in_ += bytes; }
  void count_out(uint64_t bytes) { bytes_out_ += bytes; }
  void count_accepted() { ++accepted_; }
  void count_response(uint16_t status) {
    ++counted_;
    ++responses_[status / 100 < 6 ? status / 100 : 0];
  }

 private:
  struct Command final : PostedTask {
    void run_posted() noexcept override { (thread->*run)(); }
    IoThread* thread = nullptr;
    void (IoThread::*run)() noexcept = nullptr;
  };

  void run() noexcept;
  void end_batch() noexcept;
  void call_batch_ends() noexcept;
  void drain_here() noexcept;
  void stop_here() noexcept;

  WorkerContext& worker_;
  const uint16_t index_;
  EventLoop loop_;
  WebSocketLoop websockets_;
  std::thread thread_;
  Command drain_, stop_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  std::array<char, 20> id_prefix_;

  LiveConnection* live_ = nullptr;
  int64_t connections_ = 0;
  const LiveConnection* corked_ = nullptr;
  ByteBuffer output_, scratch_;
  std::unique_ptr<char[]> read_buffer_;
  http::RequestParser parser_;
  routing::MatchBuffer match_buffer_;
  dispatch::MatchCache match_cache_;
  std::vector<std::unique_ptr<HttpExchange>> exchanges_;  // all that were ever made
  HttpExchange* spare_ = nullptr;
  HttpExchange* ready_ = nullptr;
  std::vector<std::unique_ptr<OutputQueue>> queues_;
  bool handler_called_ = false;
  int64_t complained_ = 0;  // of storage; the loop's clock

  uint64_t requests_ = 0;
  // Since the last end_batch().
  uint64_t counted_ = 0, bytes_in_ = 0, bytes_out_ = 0, accepted_ = 0;
  std::array<uint64_t, 6> responses_{};
};

}  // namespace roost::net
