#include "websocket/utf8.hpp"

#include <cstring>

namespace roost::websocket {

bool Utf8::feed(std::string_view bytes) {
  const char* p = bytes.data();
  const char* const end = p + bytes.size();
  uint8_t needed = needed_, lowest = lowest_, highest = highest_;
  while (p < end) {
    if (needed == 0) {
      while (end - p >= 16) {
        uint64_t low, high;
        std::memcpy(&low, p, 8);
        std::memcpy(&high, p + 8, 8);
        if ((low | high) & 0x8080808080808080u) break;
        p += 16;
      }
      while (p < end && static_cast<uint8_t>(*p) < 0x80) ++p;
      if (p == end) break;
      const auto byte = static_cast<uint8_t>(*p++);
      lowest = 0x80;
      highest = 0xbf;
      if (byte < 0xc2) return false;  // a continuation, or an overlong form of ASCII
      if (byte < 0xe0) {
        needed = 1;
      } else if (byte < 0xf0) {
        needed = 2;
        if (byte == 0xe0) lowest = 0xa0;   // overlong
        if (byte == 0xed) highest = 0x9f;  // surrogates
      } else if (byte < 0xf5) {
        needed = 3;
        if (byte == 0xf0) lowest = 0x90;   // overlong
        if (byte == 0xf4) highest = 0x8f;  // above U+10FFFF
      } else {
        return false;
      }
    } else {
      const auto byte = static_cast<uint8_t>(*p++);
      if (byte < lowest || byte > highest) return false;
      lowest = 0x80;
      highest = 0xbf;
      --needed;
    }
  }
  needed_ = needed;
  lowest_ = lowest;
  highest_ = highest;
  return true;
}

bool Utf8::valid(std::string_view text) {
  Utf8 check;
  return check.feed(text) && check.complete();
}

}  // namespace roost::websocket
