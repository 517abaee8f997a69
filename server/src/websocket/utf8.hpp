// Checks UTF-8 as it arrives, in pieces cut anywhere (RFC 3629 section 4): surrogates, overlong forms and code points
// above U+10FFFF are refused, at the first byte that no continuation could make right. One thread's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace roost::websocket {

class Utf8 {
 public:
  // False when bytes, after those before, cannot be the beginning of valid UTF-8. After that: reset().
  bool feed(std::string_view bytes);
  // Whether the bytes so far end with a whole character.
  bool complete() const { return needed_ == 0; }
  void reset() { *this = Utf8(); }

  // Whether text is valid and complete.
  static bool valid(std::string_view text);

 private:
  uint8_t needed_ = 0;     // continuation bytes of the current character that are still to come
  uint8_t lowest_ = 0x80;  // bounds of the next one
  uint8_t highest_ = 0xbf;
};

}  // namespace roost::websocket
