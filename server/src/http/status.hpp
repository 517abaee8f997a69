// Status codes: reason phrases and whether a response may have a body (RFC 9110 sections 6.4.1, 15). Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace roost::http {

// "Not Found"; "Unknown" for a code that is not registered. Static.
std::string_view reason_phrase(uint16_t status) noexcept;

// "HTTP/1.1 404 Not Found\r\n"; empty for a code that is not registered. Static.
std::string_view status_line(uint16_t status) noexcept;

// 1xx, 204 and 304 end after their head.
constexpr bool has_no_body(uint16_t status) {
  return status < 200 || status == 204 || status == 304;
}

// 205 has a length, which is 0 (RFC 9110 section 15.3.6).
constexpr bool has_no_content(uint16_t status) {
  return has_no_body(status) || status == 205;
}

}  // namespace roost::http
