#include "config/scalar.hpp"

#include <arpa/inet.h>

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>

namespace roost::config {

namespace {

// A number and the word behind it: "10 MiB" -> 10, "MiB".
template <class Number>
std::optional<std::pair<Number, std::string_view>> number_and_unit(std::string_view text) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{}) return std::nullopt;
  std::string_view unit(end, static_cast<size_t>(text.data() + text.size() - end));
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  return std::pair{number, unit};
}

}  // namespace

std::string size_text(size_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB"};
  size_t unit = 0;
  for (; bytes != 0 && bytes % 1024 == 0 && unit + 1 < std::size(kUnits); ++unit) bytes /= 1024;
  return std::to_string(bytes) + kUnits[unit];
}

std::string duration_text(milliseconds duration) {
  const auto count = duration.count();
  if (count == 0) return "0";
  if (count % 3'600'000 == 0) return std::to_string(count / 3'600'000) + "h";
  if (count % 60'000 == 0 && count > 60'000) return std::to_string(count / 60'000) + "m";
  if (count % 1000 == 0) return std::to_string(count / 1000) + "s";
  return std::to_string(count) + "ms";
}

std::optional<uint64_t> parse_unsigned(std::string_view text) {
  const auto parts = number_and_unit<uint64_t>(text);
  if (!parts || !parts->second.empty()) return std::nullopt;
  return parts->first;
}

std::optional<size_t> parse_size(std::string_view text) {
  const auto parts = number_and_unit<uint64_t>(text);
  if (!parts) return std::nullopt;
  uint64_t factor = 0;
  if (parts->second.empty() || parts->second == "B") factor = 1;
  if (parts->second == "KiB") factor = uint64_t{1} << 10;
  if (parts->second == "MiB") factor = uint64_t{1} << 20;
  if (parts->second == "GiB") factor = uint64_t{1} << 30;
  if (factor == 0 || parts->first > std::numeric_limits<int64_t>::max() / factor) return std::nullopt;
  return parts->first * factor;
}

std::optional<milliseconds> parse_duration(std::string_view text) {
  const auto parts = number_and_unit<double>(text);
  if (!parts || !std::isfinite(parts->first) || parts->first < 0) return std::nullopt;
  double factor = 0;
  if (parts->second.empty() && parts->first == 0) factor = 1;
  if (parts->second == "ms") factor = 1;
  if (parts->second == "s") factor = 1000;
  if (parts->second == "m") factor = 60'000;
  if (parts->second == "h") factor = 3'600'000;
  const double value = parts->first * factor;
  // A year is more than any time-out means.
  if (factor == 0 || value > 366.0 * 24 * 3'600'000) return std::nullopt;
  return milliseconds(static_cast<int64_t>(std::llround(value)));
}

std::optional<bool> parse_switch(std::string_view text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  return std::nullopt;
}

std::optional<Network> parse_network(std::string_view text) {
  Network network;
  std::string address(text);
  std::optional<uint64_t> bits;
  if (const size_t slash = text.find('/'); slash != std::string_view::npos) {
    address.resize(slash);
    bits = parse_unsigned(text.substr(slash + 1));
    if (!bits) return std::nullopt;
  }
  uint8_t v4[4];
  if (inet_pton(AF_INET, address.c_str(), v4) == 1) {
    if (bits.value_or(32) > 32) return std::nullopt;
    network.address[10] = network.address[11] = 0xff;
    std::memcpy(network.address.data() + 12, v4, 4);
    network.prefix = static_cast<uint8_t>(96 + bits.value_or(32));
    return network;
  }
  if (inet_pton(AF_INET6, address.c_str(), network.address.data()) != 1 || bits.value_or(128) > 128)
    return std::nullopt;
  network.prefix = static_cast<uint8_t>(bits.value_or(128));
  return network;
}

Interpolated interpolate(std::string_view text) {
  Interpolated result;
  size_t at = 0;
  while (at < text.size()) {
    const size_t dollar = text.find('$', at);
    result.text += text.substr(at, dollar - at);
    if (dollar == std::string_view::npos) break;
    at = dollar + 1;
    if (at < text.size() && text[at] == '$') {
      result.text += '$';
      ++at;
      continue;
    }
    if (at >= text.size() || text[at] != '{') {
      result.text += '$';
      continue;
    }
    const size_t end = text.find('}', at);
    if (end == std::string_view::npos) {
      result.malformed = true;
      return result;
    }
    std::string name(text.substr(at + 1, end - at - 1));
    std::optional<std::string> fallback;
    if (const size_t colon = name.find(":-"); colon != std::string::npos) {
      fallback = name.substr(colon + 2);
      name.resize(colon);
    }
    if (name.empty()) {
      result.malformed = true;
      return result;
    }
    const char* value = std::getenv(name.c_str());
    if (value && (*value != '\0' || !fallback)) {
      result.text += value;
    } else if (fallback) {
      result.text += *fallback;
    } else if (result.missing.empty()) {
      result.missing = name;
    }
    at = end + 1;
  }
  return result;
}

}  // namespace roost::config
