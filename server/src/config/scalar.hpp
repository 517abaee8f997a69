// Scalars of the configuration as values: sizes, durations, numbers, switches, address ranges, and the variables inside
// them. Pure functions; nullopt is "not of that form".
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/config.hpp"

namespace roost::config {

// "0", "512B", "32KiB", "10 MiB", "2GiB". A bare number is bytes.
std::optional<size_t> parse_size(std::string_view text);
// "0", "250ms", "10s", "5m", "1h". Fractions are allowed: "0.5s". A bare number other than 0 is refused.
std::optional<milliseconds> parse_duration(std::string_view text);
// As the two above read them, in the largest unit that is exact: "10MiB", "1025B", "60s".
std::string size_text(size_t bytes);
std::string duration_text(milliseconds duration);
std::optional<uint64_t> parse_unsigned(std::string_view text);
// YAML 1.2's core schema: true and false; and yes, no, on, off as operators write them.
std::optional<bool> parse_switch(std::string_view text);
// "10.0.0.0/8", "::1/128", "192.168.1.1".
std::optional<Network> parse_network(std::string_view text);

struct Interpolated {
  std::string text;
  std::string missing;     // the name of a variable that is not set and has no default; empty: all were replaced
  bool malformed = false;  // "${" without "}", or an empty name
};
// ${NAME}, ${NAME:-default} (also when NAME is set but empty), $$.
Interpolated interpolate(std::string_view text);

}  // namespace roost::config
