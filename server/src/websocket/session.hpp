// The server's side of one WebSocket after its handshake, without a socket (RFC 6455 sections 5 to 7): bytes in, events
// and frames out. Messages that lie whole in the input are handed on in place; only those in pieces are copied. Text is
// judged and compressed data inflated as they arrive. An idle session owns no memory beyond itself. One thread's: that
// of the connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "websocket/deflate.hpp"
#include "websocket/frame.hpp"
#include "websocket/utf8.hpp"

namespace roost::websocket {

class Session {
 public:
  // What a session tells its owner. None of these may destroy the session; on_message may call Session::close().
  class Sink {
   public:
    // A whole message, text valid UTF-8. Valid for the call. opcode: text or binary.
    virtual void on_message(Opcode opcode, std::string_view data) = 0;
    virtual void on_pong(std::string_view data) = 0;
    // A whole frame to send: pong or close. Valid for the call.
    virtual void on_output(std::string_view frame) = 0;
    // Whether no further frame shall be begun for now; asked while the session is open.
    virtual bool paused() const { return false; }

   protected:
    ~Sink() = default;
  };

  enum class State : uint8_t {
    open,
    closing,  // our close frame has left, the peer's is awaited; data that arrives is dropped (section 1.4)
    closed,   // both have passed: the server closes the connection first (section 7.1.1)
    failed,   // the peer broke the protocol; a close frame with the code has left, input is ignored
  };

  // inflater: when permessage-deflate was agreed on; the session's own where it takes its context over, else shared by
  // the sessions of one thread; outlives them. The limit is of messages as handlers see them.
  explicit Session(size_t max_message_bytes, Inflater* inflater = nullptr)
      : max_message_bytes_(max_message_bytes), inflater_(inflater) {}
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Takes the next bytes and returns how many: all of them, unless the sink paused it, when the rest is to be fed
  // again. Unmasks in place. Afterwards look at state().
  size_t feed(char* data, size_t size, Sink& sink);

  // Begins the close handshake; nothing when it has begun. code 0: without a code. reason: cut to 123 bytes at a
  // character's border.
  void close(uint16_t code, std::string_view reason, Sink& sink);

  State state() const { return state_; }
  // Once closed: the peer's code, kNoStatus when it gave none. Once failed: the code that was sent. Else kAbnormal.
  uint16_t close_code() const { return close_code_; }
  std::string_view close_reason() const { return control_; }
  // Whether a message has begun and its end has not come.
  bool in_message() const { return fragmented_ || header_size_ > 0 || in_payload_; }

 private:
  void frame_begins(Sink& sink);
  void take_payload(char* data, size_t size, Sink& sink);
  // A message that lies in the input whole; one that comes in pieces, of which take_piece() is false when it failed.
  void take_message(std::string_view data, Sink& sink);
  bool take_piece(std::string_view piece, Sink& sink);
  void message_ends(Sink& sink);
  Inflater& inflater_of_message();
  bool inflated(Inflater::Result result, Sink& sink);
  void control_ends(std::string_view payload, Sink& sink);
  void peer_closes(std::string_view payload, Sink& sink);
  void fail(uint16_t code, std::string_view why, Sink& sink);
  void send_close(uint16_t code, std::string_view reason, Sink& sink);
  bool reading() const { return state_ == State::open || state_ == State::closing; }

  const size_t max_message_bytes_;
  Inflater* const inflater_;
  std::string message_;  // what has come of a message in pieces that is not compressed
  // Of a compressed message in pieces, where inflater_ is for whole ones alone.
  std::unique_ptr<Inflater> own_inflater_;
  uint64_t message_payload_ = 0;  // bytes in the frames of the current message
  std::string control_;           // of a control frame in pieces; at the end the close reason
  FrameHeader frame_;
  uint64_t taken_ = 0;  // payload bytes of the current frame
  char partial_header_[kMaxClientHeader];
  uint8_t header_size_ = 0;  // bytes in partial_header_
  uint16_t close_code_ = 1006;
  State state_ = State::open;
  bool in_payload_ = false;
  bool fragmented_ = false;  // a message has begun with FIN clear
  bool compressed_ = false;  // the current message is
  Opcode message_opcode_ = Opcode::text;
  Utf8 utf8_;
};

}  // namespace roost::websocket
