#include "http/response_writer.hpp"

#include <charconv>
#include <cstring>

#include "http/characters.hpp"
#include "http/date.hpp"
#include "http/scan.hpp"
#include "http/status.hpp"

namespace roost::http {
namespace {

// Status line, Date, Content-Length, Connection, and slack for copies of 16 bytes at a time.
constexpr size_t kFixedBytes = 256;

template <size_t N>
char* put(char* out, const char (&text)[N]) {
  std::memcpy(out, text, N - 1);
  return out + N - 1;
}

// Copies while it checks; nullptr on a byte that does not belong. May write up to 15 bytes too many.
char* copy_value(char* out, const char* p, size_t size) {
  const char* const end = p + size;
#if defined(__SSE2__)
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), bytes);
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    if (_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del)) != 0) return nullptr;
    p += 16;
    out += 16;
  }
#endif
  uint8_t good = kFieldChar;
  for (; p != end; ++p) {
    good &= detail::kCharacterClasses[static_cast<uint8_t>(*p)];
    *out++ = *p;
  }
  return good != 0 ? out : nullptr;
}

char* copy_name(char* out, const char* p, size_t size) {
  uint8_t good = kTokenChar;
  for (size_t i = 0; i < size; ++i) {
    good &= detail::kCharacterClasses[static_cast<uint8_t>(p[i])];
    out[i] = p[i];
  }
  return good != 0 && size != 0 ? out + size : nullptr;
}

char* copy_field(char* out, const roost_field& field) {
  out = copy_name(out, field.name.data, field.name.size);
  if (out == nullptr) return nullptr;
  *out++ = ':';
  *out++ = ' ';
  out = copy_value(out, field.value.data, field.value.size);
  return out == nullptr ? nullptr : put(out, "\r\n");
}

enum class Ours : uint8_t { no, content_length, connection, other };

// Fields that the server decides about.
Ours ours(const roost_field& field) {
  const std::string_view name{field.name.data, field.name.size};
  switch (name.size()) {
    case 4:
      return equals_ignore_case(name, "date") ? Ours::other : Ours::no;
    case 10:
      if (equals_ignore_case(name, "connection")) return Ours::connection;
      return equals_ignore_case(name, "keep-alive") ? Ours::other : Ours::no;
    case 14:
      return equals_ignore_case(name, "content-length") ? Ours::content_length : Ours::no;
    case 17:
      return equals_ignore_case(name, "transfer-encoding") ? Ours::other : Ours::no;
    default:
      return Ours::no;
  }
}

}  // namespace

size_t response_head_bound(const roost_field* fields, size_t count) noexcept {
  size_t bytes = kFixedBytes;
  for (size_t i = 0; i < count; ++i) bytes += fields[i].name.size + fields[i].value.size + 4;
  return bytes;
}

char* write_decimal(char* out, uint64_t value) noexcept {
  return std::to_chars(out, out + 20, value).ptr;
}

char* write_response_head(char* out, uint16_t status, const roost_field* fields, size_t count,
                          const HeadOptions& options) noexcept {
  if (status < 100 || status > 599) return nullptr;
  if (status == 200) {
    out = put(out, "HTTP/1.1 200 OK\r\n");
  } else if (const std::string_view line = status_line(status); !line.empty()) {
    std::memcpy(out, line.data(), line.size());
    out += line.size();
  } else {
    out = write_decimal(put(out, "HTTP/1.1 "), status);
    out = put(out, " Unknown\r\n");
  }
  if (options.date != nullptr) {
    out = put(out, "Date: ");
    std::memcpy(out, options.date, kDateSize);
    out = put(out + kDateSize, "\r\n");
  }
  bool has_length = false;
  for (size_t i = 0; i < count; ++i) {
    const Ours kind = ours(fields[i]);
    if (kind != Ours::no) {
      const bool kept = kind == Ours::content_length ? options.framing == Framing::head && !has_length
                                                     : kind == Ours::connection && options.upgrade;
      if (!kept) continue;
      if (kind == Ours::content_length) {
        if (!all_are({fields[i].value.data, fields[i].value.size}, kDigit)) return nullptr;
        has_length = true;
      }
    }
    out = copy_field(out, fields[i]);
    if (out == nullptr) return nullptr;
  }
  if (options.framing == Framing::length) {
    out = write_decimal(put(out, "Content-Length: "), options.length);
    out = put(out, "\r\n");
  } else if (options.framing == Framing::chunked) {
    out = put(out, "Transfer-Encoding: chunked\r\n");
  }
  if (options.close) {
    out = put(out, "Connection: close\r\n");
  } else if (options.keep_alive_1_0) {
    out = put(out, "Connection: keep-alive\r\n");
  }
  return put(out, "\r\n");
}

char* write_chunk_head(char* out, uint64_t size) noexcept {
  return put(std::to_chars(out, out + 16, size, 16).ptr, "\r\n");
}

size_t last_chunk_bound(const roost_field* trailers, size_t count) noexcept {
  return response_head_bound(trailers, count);
}

char* write_last_chunk(char* out, const roost_field* trailers, size_t count) noexcept {
  out = put(out, "0\r\n");
  for (size_t i = 0; i < count; ++i) {
    if (ours(trailers[i]) != Ours::no) continue;
    out = copy_field(out, trailers[i]);
    if (out == nullptr) return nullptr;
  }
  return put(out, "\r\n");
}

}  // namespace roost::http
