// permessage-deflate (RFC 7692). Without context takeover, the default, each message is compressed by itself: one
// compressor and one decompressor then serve all connections of a thread, and an idle connection keeps no window. With
// it a connection has its own of each (DeflateContext), as far as the client agrees. All belong to one thread; what
// they return is valid until their next call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace roost::websocket {

// As configured.
struct DeflateOptions {
  int level = 1;             // of zlib, 1 to 9: on an I/O thread speed counts more than the last percent
  uint8_t window_bits = 15;  // 9 to 15: the largest window, for either direction
  int memory_level = 8;      // of zlib, 1 to 9: a compressor takes 2^(window_bits+2) + 2^(memory_level+9) bytes
  bool context_takeover = false;
};

struct DeflateParameters {
  bool agreed = false;
  uint8_t server_bits = 15;  // of the window that the client can hold, 8 to 15
  uint8_t client_bits = 15;  // of the client's window
  bool server_takeover = false, client_takeover = false;
};

// Looks through one Sec-WebSocket-Extensions field for an offer of permessage-deflate that can be accepted: the first
// without unknown, repeated or malformed parameters (RFC 7692 section 7.1). Then true, and answer is what the
// response's field says. Without context_takeover it asks the client for no_context_takeover, which a server may
// (section 7.1.1.2); a client's window is limited only where it offers that (section 7.1.2.2). Pure.
bool negotiate_deflate(std::string_view offers, const DeflateOptions& options, DeflateParameters& parameters,
                       std::string& answer);

class Inflater {
 public:
  enum class Result : uint8_t { complete, invalid, too_big };

  // takeover: messages refer to those before. bits: of the sender's window.
  explicit Inflater(bool takeover = false, uint8_t bits = 15);
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // The payload of one whole message. too_big as soon as more than limit bytes would come out.
  Result inflate(std::string_view compressed, size_t limit);
  // The same for a message that comes in pieces: begin(), more() for each of them, end().
  void begin();
  Result more(std::string_view compressed, size_t limit);
  Result end(size_t limit);
  // What has come out of the message so far.
  std::string_view output() const { return output_; }
  bool takeover() const { return takeover_; }
  uint8_t bits() const { return bits_; }
  // Gives memory back that a large message took.
  void shrink();

 private:
  Result run(std::string_view input, size_t limit);

  const bool takeover_;
  const uint8_t bits_;
  std::unique_ptr<z_stream_s> stream_;  // made with the first message
  std::string output_;
  bool ended_ = false;    // a final block was met
  uint64_t padding_ = 0;  // bytes behind it
};

class Deflater {
 public:
  explicit Deflater(const DeflateOptions& options = {});
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // One message, for a client that can hold a window of 2^bits bytes. Empty when it would not become shorter, as with
  // bits == 8, which zlib cannot do: the message then goes out as it is.
  std::string_view deflate(std::string_view payload, uint8_t bits);

 private:
  friend class DeflateContext;
  std::string_view run(std::unique_ptr<z_stream_s>& stream, std::string_view payload, uint8_t bits, bool reset);

  const DeflateOptions options_;
  std::array<std::unique_ptr<z_stream_s>, 16> streams_;  // by bits, made when first needed
  std::string output_;
};

// One connection's own, with context takeover in one direction or both.
class DeflateContext {
 public:
  // deflater: the thread's, which outlives this and whose options and output are shared.
  DeflateContext(const DeflateParameters& parameters, Deflater& deflater);
  ~DeflateContext();
  DeflateContext(const DeflateContext&) = delete;
  DeflateContext& operator=(const DeflateContext&) = delete;

  Inflater& inflater() { return inflater_; }
  // As Deflater::deflate(); what it returns is the next message that the client gets compressed.
  std::string_view deflate(std::string_view payload);
  // The client gets a compressed message that this did not make: later ones refer to nothing before them, which any
  // context allows.
  void forget();

 private:
  const DeflateParameters parameters_;
  Deflater& deflater_;
  Inflater inflater_;
  std::unique_ptr<z_stream_s> stream_;  // made with the first message
};

}  // namespace roost::websocket
