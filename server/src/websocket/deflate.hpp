// permessage-deflate (RFC 7692), without context takeover on either side: each message is compressed by itself, so that
// one compressor and one decompressor serve all connections of a thread and an idle connection keeps no window. Both
// belong to one thread; what they return is valid until their next call.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace roost::websocket {

struct DeflateParameters {
  bool agreed = false;
  uint8_t server_bits = 15;  // of the window that the client can hold, 8 to 15
};

// Looks through one Sec-WebSocket-Extensions field for an offer of permessage-deflate that can be accepted: the first
// without unknown, repeated or malformed parameters (RFC 7692 section 7.1). Then true, and answer is what the
// response's field says; it asks the client for no_context_takeover, which a server may (section 7.1.1.2). Pure.
bool negotiate_deflate(std::string_view offers, DeflateParameters& parameters, std::string& answer);

class Inflater {
 public:
  enum class Result : uint8_t { complete, invalid, too_big };

  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // The payload of one whole message. too_big as soon as more than limit bytes would come out.
  Result inflate(std::string_view compressed, size_t limit);
  std::string_view output() const { return output_; }
  // Gives memory back that a large message took.
  void shrink();

 private:
  std::unique_ptr<z_stream_s> stream_;  // made with the first message
  std::string output_;
};

class Deflater {
 public:
  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // One message, for a client that can hold a window of 2^bits bytes. Empty when it would not become shorter, as with
  // bits == 8, which zlib cannot do: the message then goes out as it is.
  std::string_view deflate(std::string_view payload, uint8_t bits);

 private:
  std::array<std::unique_ptr<z_stream_s>, 16> streams_;  // by bits, made when first needed
  std::string output_;
};

}  // namespace roost::websocket
