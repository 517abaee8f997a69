#include "websocket/frame.hpp"

#include <cstring>

namespace roost::websocket {
namespace {

// Sixteen bytes as one SIMD register, for gcc and clang on every processor that has one.
using Block = uint8_t __attribute__((vector_size(16), aligned(1), may_alias));

uint64_t big_endian(const char* p, size_t n) {
  uint64_t value = 0;
  for (size_t i = 0; i < n; ++i) value = (value << 8) | static_cast<uint8_t>(p[i]);
  return value;
}

}  // namespace

const char* describe(HeaderStatus status) {
  switch (status) {
    case HeaderStatus::complete:
      return "complete";
    case HeaderStatus::incomplete:
      return "incomplete";
    case HeaderStatus::reserved_bits:
      return "reserved bits set";
    case HeaderStatus::bad_opcode:
      return "unknown opcode";
    case HeaderStatus::not_masked:
      return "frame without mask";
    case HeaderStatus::bad_control:
      return "malformed control frame";
    case HeaderStatus::bad_length:
      return "malformed payload length";
  }
  return "";
}

HeaderStatus parse_header(std::string_view bytes, FrameHeader& header, bool deflate) {
  if (bytes.empty()) return HeaderStatus::incomplete;
  const auto first = static_cast<uint8_t>(bytes[0]);
  const uint8_t opcode = first & 0x0f;
  const bool may_compress = deflate && (opcode == 1 || opcode == 2);
  if (first & (may_compress ? 0x30 : 0x70)) return HeaderStatus::reserved_bits;
  header.compressed = (first & 0x40) != 0;
  if ((opcode & 7) > 2) return HeaderStatus::bad_opcode;
  header.opcode = static_cast<Opcode>(opcode);
  header.fin = (first & 0x80) != 0;
  const bool control = is_control(header.opcode);
  if (control && !header.fin) return HeaderStatus::bad_control;

  if (bytes.size() < 2) return HeaderStatus::incomplete;
  const auto second = static_cast<uint8_t>(bytes[1]);
  if (!(second & 0x80)) return HeaderStatus::not_masked;
  const uint8_t length = second & 0x7f;
  if (control && length > kMaxControlPayload) return HeaderStatus::bad_control;
  const size_t extended = length == 127 ? 8 : length == 126 ? 2 : 0;
  if (extended == 8 && bytes.size() > 2 && (static_cast<uint8_t>(bytes[2]) & 0x80)) return HeaderStatus::bad_length;
  if (bytes.size() < 2 + extended) return HeaderStatus::incomplete;
  header.payload = extended ? big_endian(bytes.data() + 2, extended) : length;
  if (extended && header.payload < (extended == 2 ? 126u : 65536u)) return HeaderStatus::bad_length;

  header.size = static_cast<uint8_t>(2 + extended + 4);
  if (bytes.size() < header.size) return HeaderStatus::incomplete;
  std::memcpy(header.mask, bytes.data() + 2 + extended, 4);
  return HeaderStatus::complete;
}

size_t write_header(char* out, Opcode opcode, uint64_t payload, bool fin) {
  out[0] = static_cast<char>((fin ? 0x80 : 0) | static_cast<uint8_t>(opcode));
  if (payload < 126) {
    out[1] = static_cast<char>(payload);
    return 2;
  }
  const size_t extended = payload < 65536 ? 2 : 8;
  out[1] = static_cast<char>(extended == 2 ? 126 : 127);
  for (size_t i = 0; i < extended; ++i) out[2 + i] = static_cast<char>(payload >> (8 * (extended - 1 - i)));
  return 2 + extended;
}

void unmask(char* data, size_t size, const uint8_t mask[4], uint64_t offset) {
  uint8_t key[16];
  for (size_t i = 0; i < 16; ++i) key[i] = mask[(offset + i) & 3];
  Block block;
  std::memcpy(&block, key, 16);
  size_t i = 0;
  for (; i + 16 <= size; i += 16) {
    Block bytes;
    std::memcpy(&bytes, data + i, 16);
    bytes ^= block;
    std::memcpy(data + i, &bytes, 16);
  }
  for (; i < size; ++i) data[i] = static_cast<char>(data[i] ^ key[i & 15]);
}

}  // namespace roost::websocket
