// Frames on the wire: parsing and writing headers, removing masks (RFC 6455 section 5). Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace roost::websocket {

enum class Opcode : uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

inline bool is_control(Opcode opcode) {
  return (static_cast<uint8_t>(opcode) & 8) != 0;
}

constexpr size_t kMaxControlPayload = 125;  // RFC 6455 section 5.5
constexpr size_t kMaxClientHeader = 14;     // with a mask
constexpr size_t kMaxServerHeader = 10;     // without

struct FrameHeader {
  Opcode opcode{};
  bool fin = false;
  bool compressed = false;  // RSV1 (RFC 7692 section 6)
  uint8_t size = 0;         // of the header itself
  uint8_t mask[4] = {};
  uint64_t payload = 0;
};

enum class HeaderStatus : uint8_t {
  complete,
  incomplete,     // nothing wrong so far
  reserved_bits,  // RFC 6455 section 5.2: no extension was negotiated
  bad_opcode,     // 3-7, 11-15
  not_masked,     // RFC 6455 section 5.1: a client must mask
  bad_control,    // fragmented, or longer than 125 bytes (section 5.5)
  bad_length,     // not the shortest form, or the most significant bit set (section 5.2)
};

const char* describe(HeaderStatus status);

// Reads the header of a client's frame from the beginning of bytes. Each byte is judged as soon as it is there.
// deflate: permessage-deflate was agreed on, so that a message's first frame may have RSV1 set.
HeaderStatus parse_header(std::string_view bytes, FrameHeader& header, bool deflate = false);

// Writes the header of a server's frame, 2 to kMaxServerHeader bytes, and returns how many.
size_t write_header(char* out, Opcode opcode, uint64_t payload, bool fin = true);

// Removes (or applies) the mask in place. offset: position of data in the frame's payload (RFC 6455 section 5.3).
void unmask(char* data, size_t size, const uint8_t mask[4], uint64_t offset = 0);

}  // namespace roost::websocket
