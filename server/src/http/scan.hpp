// Finding the end of a token, a field value or a target, 16 bytes at a time with SSE2 (part of every x86-64), byte by
// byte elsewhere and at the end of the buffer. Each returns the first byte that does not belong, or `end`.
#pragma once

#include "http/characters.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace roost::http {

// Letters, digits and '-' are taken by the vector; what else a token may hold is rare in field names.
inline const char* scan_token(const char* p, const char* end) {
#if defined(__SSE2__)
  const __m128i fold = _mm_set1_epi8(0x20);
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i lower = _mm_or_si128(bytes, fold);
    // Signed comparison: bytes from 0x80 up are negative and so in no range.
    const __m128i letter =
        _mm_and_si128(_mm_cmpgt_epi8(lower, _mm_set1_epi8('a' - 1)), _mm_cmplt_epi8(lower, _mm_set1_epi8('z' + 1)));
    const __m128i digit =
        _mm_and_si128(_mm_cmpgt_epi8(bytes, _mm_set1_epi8('0' - 1)), _mm_cmplt_epi8(bytes, _mm_set1_epi8('9' + 1)));
    const __m128i dash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('-'));
    const int good = _mm_movemask_epi8(_mm_or_si128(_mm_or_si128(letter, digit), dash));
    if (good == 0xffff) {
      p += 16;
      continue;
    }
    p += __builtin_ctz(static_cast<unsigned>(~good));
    if (!is(*p, kTokenChar)) return p;
    ++p;
  }
#endif
  while (p != end && is(*p, kTokenChar)) ++p;
  return p;
}

inline const char* scan_field_value(const char* p, const char* end) {
#if defined(__SSE2__)
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
    const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    const int bad = _mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, control), del));
    if (bad != 0) return p + __builtin_ctz(static_cast<unsigned>(bad));
    p += 16;
  }
#endif
  while (p != end && is(*p, kFieldChar)) ++p;
  return p;
}

// question: set to the first '?' before the result, left alone when there is none.
inline const char* scan_target(const char* p, const char* end, const char*& question) {
  bool found = false;
#if defined(__SSE2__)
  while (end - p >= 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i visible = _mm_cmpgt_epi8(bytes, _mm_set1_epi8(0x20));
    const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
    const __m128i hash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('#'));
    const unsigned good = static_cast<unsigned>(_mm_movemask_epi8(_mm_andnot_si128(_mm_or_si128(del, hash), visible)));
    const unsigned stop = static_cast<unsigned>(__builtin_ctz(~good));
    if (!found) {
      const unsigned marks =
          static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, _mm_set1_epi8('?')))) & ((1u << stop) - 1);
      if (marks != 0) {
        question = p + __builtin_ctz(marks);
        found = true;
      }
    }
    if (stop != 16) return p + stop;
    p += 16;
  }
#endif
  for (; p != end && is(*p, kTargetChar); ++p) {
    if (*p == '?' && !found) {
      question = p;
      found = true;
    }
  }
  return p;
}

// True when the bytes hold a control character other than HTAB: the end of a line, or something that is refused.
inline bool has_control(const char* p, const char* end) {
  return scan_field_value(p, end) != end;
}

}  // namespace roost::http
