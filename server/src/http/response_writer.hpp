// Serialises the head of an HTTP/1 response into memory that the caller has set aside: status line, Date, the given
// fields (checked while they are copied), framing and Connection. No allocation, no state; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "roost/abi.h"

namespace roost::http {

// How the end of the body is told (RFC 9112 section 6).
enum class Framing : uint8_t {
  length,       // Content-Length: HeadOptions::length
  chunked,      // Transfer-Encoding: chunked
  until_close,  // by closing, for streams to HTTP/1.0
  none,         // 1xx, 204, 304: no framing fields
  head          // in answer to HEAD: the given Content-Length is kept, none is added
};

struct HeadOptions {
  const char* date = nullptr;  // kDateSize bytes; nullptr: no Date
  uint64_t length = 0;
  Framing framing = Framing::length;
  bool close = false;           // Connection: close
  bool keep_alive_1_0 = false;  // Connection: keep-alive, for a persistent connection with an HTTP/1.0 client
  bool upgrade = false;         // 101: the given Connection and Upgrade are kept
};

// Enough for write_response_head() of these fields.
size_t response_head_bound(const roost_field* fields, size_t count) noexcept;

// Writes the head with the empty line at its end and returns the byte after it. Content-Length, Transfer-Encoding,
// Connection, Keep-Alive and Date among the fields are left out, as HeadOptions decides about them. nullptr when a name
// is no token, a value holds a control character, or status is not 100 .. 599: what was written is then to be
// discarded. REQUIRES: room for response_head_bound() bytes at out.
char* write_response_head(char* out, uint16_t status, const roost_field* fields, size_t count,
                          const HeadOptions& options) noexcept;

inline constexpr size_t kMaxChunkHead = 18;  // 16 digits and CRLF

// The line before a chunk's data; after the data comes CRLF. size is not 0. Returns the byte after it.
char* write_chunk_head(char* out, uint64_t size) noexcept;

// Enough for write_last_chunk() of these trailers.
size_t last_chunk_bound(const roost_field* trailers, size_t count) noexcept;
// "0", the trailers, the final empty line. nullptr when a trailer is malformed.
char* write_last_chunk(char* out, const roost_field* trailers, size_t count) noexcept;

// Decimal digits of value; at most 20. Returns the byte after them.
char* write_decimal(char* out, uint64_t value) noexcept;

}  // namespace roost::http
