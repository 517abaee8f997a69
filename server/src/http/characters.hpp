// The character classes of RFC 9110 and RFC 3986 as one table of bits, and ASCII case folding. Constant; thread-safe.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace roost::http {

enum CharacterClass : uint8_t {
  kTokenChar = 1,    // tchar (RFC 9110 section 5.6.2)
  kFieldChar = 2,    // HTAB, SP, VCHAR, obs-text (RFC 9110 section 5.5)
  kTargetChar = 4,   // every VCHAR but '#': wider than RFC 3986, as browsers send them
  kHostChar = 8,     // unreserved, sub-delims and '%' (RFC 3986 section 3.2.2)
  kUnreserved = 16,  // RFC 3986 section 2.3
  kDigit = 32,
  kHexDigit = 64
};

namespace detail {

constexpr std::array<uint8_t, 256> make_character_classes() {
  std::array<uint8_t, 256> table{};
  auto mark = [&table](std::string_view characters, uint8_t bits) {
    for (char c : characters) table[static_cast<uint8_t>(c)] |= bits;
  };
  constexpr std::string_view letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  mark(letters, kTokenChar | kHostChar | kUnreserved);
  mark("0123456789", kTokenChar | kHostChar | kUnreserved | kDigit | kHexDigit);
  mark("abcdefABCDEF", kHexDigit);
  mark("!#$%&'*+-.^_`|~", kTokenChar);
  mark("-._~", kHostChar | kUnreserved);
  mark("!$&'()*+,;=%", kHostChar);
  for (int c = 0x20; c < 0x100; ++c) {
    if (c != 0x7f) table[c] |= kFieldChar;
  }
  table['\t'] |= kFieldChar;
  for (int c = 0x21; c < 0x7f; ++c) {
    if (c != '#') table[c] |= kTargetChar;
  }
  return table;
}

inline constexpr std::array<uint8_t, 256> kCharacterClasses = make_character_classes();

}  // namespace detail

constexpr bool is(char c, CharacterClass wanted) {
  return (detail::kCharacterClasses[static_cast<uint8_t>(c)] & wanted) != 0;
}

// True when text is not empty and every byte of it is in the class.
constexpr bool all_are(std::string_view text, CharacterClass wanted) {
  for (char c : text) {
    if (!is(c, wanted)) return false;
  }
  return !text.empty();
}

constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
}

// -1 when c is no hexadecimal digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c = to_lower(c);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

constexpr bool equals_ignore_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

// Without spaces and tabs at either end (OWS, RFC 9110 section 5.6.3).
constexpr std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace roost::http
