// The leaves of a JSON document as text: strings, integers, floats. Each writes at `out` and returns the end; the
// caller has made the room that each names. Every text is what orjson writes, so that a document is the same by either
// way.
#pragma once

#include <Python.h>

#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace roost::bridge::json_text {

// A character takes at most so many bytes; a string two quotes more, and what wide stores write beyond its end.
inline constexpr size_t kBytesPerCharacter = 6;
inline constexpr size_t kStringSlack = 32;
inline constexpr size_t kNumberRoom = 40;

// RFC 8259 section 7: what a byte below 0x80 becomes; 0: itself, 'u': \u00XX, else the character behind a backslash.
inline constexpr std::array<char, 128> kEscapes = [] {
  std::array<char, 128> table{};
  for (int c = 0; c < 0x20; ++c) table[c] = 'u';
  table['\b'] = 'b';
  table['\t'] = 't';
  table['\n'] = 'n';
  table['\f'] = 'f';
  table['\r'] = 'r';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}();

inline char* write_ascii(char* out, unsigned char c) {
  const char escape = kEscapes[c];
  if (escape == 0) [[likely]] {
    *out++ = static_cast<char>(c);
    return out;
  }
  *out++ = '\\';
  *out++ = escape;
  if (escape == 'u') {
    constexpr char kDigits[] = "0123456789abcdef";
    *out++ = '0';
    *out++ = '0';
    *out++ = kDigits[c >> 4];
    *out++ = kDigits[c & 15];
  }
  return out;
}

// UTF-8, where every byte from 0x80 on is part of a valid sequence. Room: size * kBytesPerCharacter + kStringSlack.
inline char* write_utf8(char* out, const unsigned char* text, size_t size) {
  size_t i = 0;
#if defined(__SSE2__)
  char* const begin = out;
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  const auto special = [&](__m128i chunk) {
    return static_cast<unsigned>(
        _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(chunk, quote), _mm_cmpeq_epi8(chunk, backslash)),
                                       _mm_cmpeq_epi8(_mm_min_epu8(chunk, control), chunk))));
  };
  if (size >= 16) {
    while (i + 16 <= size) {
      const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
      const unsigned mask = special(chunk);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(out), chunk);
      if (mask == 0) [[likely]] {
        out += 16;
        i += 16;
        continue;
      }
      const int plain = __builtin_ctz(mask);
      out = write_ascii(out + plain, text[i + plain]);
      i += plain + 1;
    }
    // The rest, together with bytes before it that stand in `out` as they are.
    if (const size_t rest = size - i; rest > 0 && out - begin == static_cast<std::ptrdiff_t>(i)) {
      const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + size - 16));
      if (special(chunk) == 0) [[likely]] {
        _mm_storeu_si128(reinterpret_cast<__m128i*>(begin + size - 16), chunk);
        return begin + size;
      }
    }
  } else if (size >= 8) {
    uint64_t low = 0, high = 0;
    std::memcpy(&low, text, 8);
    std::memcpy(&high, text + size - 8, 8);
    if (special(_mm_set_epi64x(static_cast<int64_t>(high), static_cast<int64_t>(low))) == 0) [[likely]] {
      std::memcpy(out, &low, 8);
      std::memcpy(out + size - 8, &high, 8);
      return out + size;
    }
  } else if (size >= 4) {
    uint32_t low = 0, high = 0;
    std::memcpy(&low, text, 4);
    std::memcpy(&high, text + size - 4, 4);
    const uint64_t both = low | static_cast<uint64_t>(high) << 32;
    if ((special(_mm_set_epi64x(0, static_cast<int64_t>(both))) & 0xFF) == 0) [[likely]] {
      std::memcpy(out, &low, 4);
      std::memcpy(out + size - 4, &high, 4);
      return out + size;
    }
  }
#endif
  for (; i < size; ++i) {
    if (text[i] < 0x80)
      out = write_ascii(out, text[i]);
    else
      *out++ = static_cast<char>(text[i]);
  }
  return out;
}

// From one of CPython's three fixed-width representations. nullptr at a lone surrogate. Room: as for write_utf8().
template <typename CodeUnit>
char* write_wide(char* out, const CodeUnit* text, size_t size) {
  for (size_t i = 0; i < size; ++i) {
    const uint32_t c = text[i];
    if (c < 0x80) {
      out = write_ascii(out, static_cast<unsigned char>(c));
    } else if (c < 0x800) {
      *out++ = static_cast<char>(0xC0 | (c >> 6));
      *out++ = static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      if (c >= 0xD800 && c <= 0xDFFF) [[unlikely]]
        return nullptr;
      out[0] = static_cast<char>(0xE0 | (c >> 12));
      out[1] = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      out[2] = static_cast<char>(0x80 | (c & 0x3F));
      out += 3;
    } else {
      *out++ = static_cast<char>(0xF0 | (c >> 18));
      *out++ = static_cast<char>(0x80 | ((c >> 12) & 0x3F));
      *out++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      *out++ = static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  return out;
}

// number: an int or of a subclass. False: it is larger than that, and no exception is set.
inline bool small_int(PyObject* number, int64_t& value) {
  auto* object = reinterpret_cast<PyLongObject*>(number);
#if PY_VERSION_HEX >= 0x030C0000
  if (PyUnstable_Long_IsCompact(object)) {
    value = PyUnstable_Long_CompactValue(object);
    return true;
  }
#else
  const Py_ssize_t size = Py_SIZE(object);
  if (size == 0 || size == 1 || size == -1) {
    value = size * static_cast<int64_t>(object->ob_digit[0]);
    return true;
  }
#endif
  int overflow = 0;
  value = PyLong_AsLongLongAndOverflow(number, &overflow);
  return overflow == 0;
}

// Room: kNumberRoom, as for floats.
inline char* write_int64(char* out, int64_t value) {
  if (value >= 0 && value < 10) {
    *out = static_cast<char>('0' + value);
    return out + 1;
  }
  return std::to_chars(out, out + kNumberRoom, value).ptr;
}

char* write_float(char* out, double value);

}  // namespace roost::bridge::json_text
