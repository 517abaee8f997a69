#include "json_unescape.hpp"

#include <cstdint>

namespace roost::bridge {

namespace {

// -1 when these are not four hexadecimal digits. Moves behind them.
int32_t read_hex4(const char*& at, const char* end) {
  if (end - at < 4) return -1;
  int32_t value = 0;
  for (int i = 0; i < 4; ++i) {
    const char c = *at++;
    const char lower = static_cast<char>(c | 0x20);
    if (c >= '0' && c <= '9') {
      value = value * 16 + (c - '0');
    } else if (lower >= 'a' && lower <= 'f') {
      value = value * 16 + (lower - 'a' + 10);
    } else {
      return -1;
    }
  }
  return value;
}

void append_utf8(std::string& out, int32_t c) {
  const auto put = [&out](int32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
}

// Behind "\u"; of two such escapes where they are a surrogate pair. nullptr, or what is wrong.
const char* append_unicode_escape(const char*& at, const char* end, std::string& out) {
  int32_t c = read_hex4(at, end);
  if (c < 0) return "Invalid \\uXXXX escape";
  if (c >= 0xD800 && c <= 0xDFFF) {
    int32_t low = -1;
    if (c <= 0xDBFF && end - at >= 2 && at[0] == '\\' && at[1] == 'u') {
      at += 2;
      low = read_hex4(at, end);
    }
    if (low < 0xDC00 || low > 0xDFFF) return "Lone surrogate in a \\uXXXX escape";
    c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
  }
  append_utf8(out, c);
  return nullptr;
}

// The character that a letter behind a backslash stands for; 0: none.
char escaped(char letter) {
  switch (letter) {
    case '"':
    case '\\':
    case '/':
      return letter;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return 0;
  }
}

}  // namespace

const char* unescape_json(const char*& at, const char* end, std::string& out) {
  constexpr const char* kUnterminated = "Unterminated string starting at";
  for (;;) {
    const char* const plain = at;
    while (at < end && *at != '"' && *at != '\\' && static_cast<unsigned char>(*at) >= 0x20) ++at;
    out.append(plain, at);
    if (at == end) return kUnterminated;
    if (*at == '"') {
      ++at;
      return nullptr;
    }
    if (*at != '\\') return "Invalid control character at";
    const char* const backslash = at++;
    if (at == end) return kUnterminated;
    const char letter = *at++;
    if (letter == 'u') {
      if (const char* why = append_unicode_escape(at, end, out)) {
        at = backslash;
        return why;
      }
    } else if (const char c = escaped(letter)) {
      out.push_back(c);
    } else {
      at = backslash;
      return "Invalid \\escape";
    }
  }
}

}  // namespace roost::bridge
