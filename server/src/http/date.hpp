// HTTP dates (RFC 9110 section 5.6.7): seconds since 1970, UTC. Pure functions, no locale; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace roost::http {

inline constexpr size_t kDateSize = 29;

// Writes exactly kDateSize bytes: "Sun, 06 Nov 1994 08:49:37 GMT". Years 0 to 9999.
void format_date(int64_t seconds, char* out) noexcept;

// IMF-fixdate, RFC 850 and asctime forms. now: decides the century of RFC 850's two-digit years. Nothing for anything
// else, and for dates that do not exist.
std::optional<int64_t> parse_date(std::string_view text, int64_t now) noexcept;

}  // namespace roost::http
