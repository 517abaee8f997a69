// Texts of requests and responses: percent-decoding, numbers from text, and parts joined into one string.
// Part of <roost/plugin.hpp>.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>

#include "host.hpp"

namespace roost ROOST_SDK {

// Percent-decodes once (RFC 3986 section 2.1); an escape that is none stays as it is. plus_is_space: as in a query that
// a form has made.
inline std::string percent_decode(std::string_view text, bool plus_is_space = false) {
  const auto digit = [](char c) {
    if (c >= '0' && c <= '9') return c - '0';
    const char lower = static_cast<char>(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
  };
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && digit(text[i + 1]) >= 0 && digit(text[i + 2]) >= 0) {
      decoded += static_cast<char>(digit(text[i + 1]) * 16 + digit(text[i + 2]));
      i += 2;
    } else {
      decoded += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return decoded;
}

// The whole text as a number, or nothing: no blanks, no "+", nothing behind it, nothing out of T's range. bool: true,
// false, 1, 0.
template <class T>
std::optional<T> number_from(std::string_view text) {
  static_assert(std::is_arithmetic_v<T>, "a number type is wanted");
  if constexpr (std::is_same_v<T, bool>) {
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return std::nullopt;
  } else if constexpr (std::is_integral_v<T>) {
    T number{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
  } else {
    // from_chars for floating point is younger than C++17 in some standard libraries.
    const std::string copy(text);
    if (copy.empty() || !(copy[0] == '-' || copy[0] == '.' || (copy[0] >= '0' && copy[0] <= '9'))) return std::nullopt;
    char* end = nullptr;
    const double number = std::strtod(copy.c_str(), &end);
    if (end != copy.c_str() + copy.size()) return std::nullopt;
    return static_cast<T>(number);
  }
}

namespace detail {

// One part of a text: what reads as text is borrowed, a number is written into the part itself.
class Part {
 public:
  template <class T>
  explicit Part(const T& value) noexcept {
    if constexpr (std::is_same_v<T, bool>) {
      view_ = value ? std::string_view("true") : std::string_view("false");
    } else if constexpr (std::is_same_v<T, char>) {
      buffer_[0] = value;
      size_ = 1;
    } else if constexpr (std::is_integral_v<T>) {
      size_ = static_cast<size_t>(std::to_chars(buffer_, buffer_ + sizeof buffer_, value).ptr - buffer_);
    } else if constexpr (std::is_floating_point_v<T>) {
      // The shortest of the two that reads back as the same number.
      for (const int digits : {std::numeric_limits<T>::digits10, std::numeric_limits<T>::max_digits10}) {
        const int written = std::snprintf(buffer_, sizeof buffer_, "%.*Lg", digits, static_cast<long double>(value));
        size_ = written < 0 ? 0 : static_cast<size_t>(written) % sizeof buffer_;
        if (static_cast<T>(std::strtold(buffer_, nullptr)) == value) break;
      }
    } else {
      static_assert(std::is_convertible_v<const T&, std::string_view>, "a part is text, a number, a char or a bool");
      view_ = value;
    }
  }
  std::string_view view() const noexcept { return size_ > 0 ? std::string_view(buffer_, size_) : view_; }

 private:
  std::string_view view_;
  size_t size_ = 0;
  char buffer_[40];
};

inline void append_all(std::string& out, std::initializer_list<std::string_view> parts) {
  size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  out.reserve(out.size() + size);
  for (const std::string_view part : parts) out.append(part);
}

}  // namespace detail

// All parts as one string, allocated once: text, numbers, characters and bools.
template <class... Parts>
std::string join(const Parts&... parts) {
  std::string joined;
  detail::append_all(joined, {detail::Part(parts).view()...});
  return joined;
}

// A line in the server's log, joined from its parts, under the plugin's name. Any thread; never blocks.
template <class... Parts>
void log(LogLevel level, const Parts&... parts) {
  if (detail::host == nullptr || detail::host->log_enabled(static_cast<roost_log_level>(level)) == 0) return;
  const std::string line = join(parts...);
  detail::host->log(static_cast<roost_log_level>(level), str(detail::plugin_name), str(line));
}
template <class... Parts>
void log_debug(const Parts&... parts) {
  log(LogLevel::debug, parts...);
}
template <class... Parts>
void log_info(const Parts&... parts) {
  log(LogLevel::info, parts...);
}
template <class... Parts>
void log_warning(const Parts&... parts) {
  log(LogLevel::warning, parts...);
}
template <class... Parts>
void log_error(const Parts&... parts) {
  log(LogLevel::error, parts...);
}

namespace detail {

// What a callback threw that answers no request.
inline void log_failure(std::string_view what, std::string_view why) noexcept {
  try {
    log_error(what, " failed: ", why);
  } catch (...) {  // out of memory: then without a word
  }
}

}  // namespace detail

}  // namespace ROOST_SDK
