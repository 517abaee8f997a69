#include "http/parameters.hpp"

#include "http/characters.hpp"
#include "http/target.hpp"

namespace roost::http {
namespace {

void skip_blanks(std::string_view& text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
}

std::string_view take_token(std::string_view& text) {
  size_t size = 0;
  while (size < text.size() && is(text[size], kTokenChar)) ++size;
  const std::string_view token = text.substr(0, size);
  text.remove_prefix(size);
  return token;
}

// Overlong forms, surrogates and what is above U+10FFFF are none (RFC 3629 section 4).
bool is_utf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    const size_t more = lead < 0x80 ? 0 : lead < 0xc2 ? 4 : lead < 0xe0 ? 1 : lead < 0xf0 ? 2 : lead < 0xf5 ? 3 : 4;
    if (more == 4 || text.size() - i <= more) return false;
    for (size_t j = 1; j <= more; ++j) {
      if ((static_cast<uint8_t>(text[i + j]) & 0xc0) != 0x80) return false;
    }
    const auto second = static_cast<uint8_t>(more == 0 ? 0 : text[i + 1]);
    if ((lead == 0xe0 && second < 0xa0) || (lead == 0xed && second > 0x9f) || (lead == 0xf0 && second < 0x90) ||
        (lead == 0xf4 && second > 0x8f)) {
      return false;
    }
    i += more + 1;
  }
  return true;
}

}  // namespace

bool Parameters::fail() {
  failed_ = true;
  return false;
}

bool Parameters::next(Parameter& parameter) {
  if (failed_) return false;
  skip_blanks(rest_);
  if (rest_.empty()) return false;
  if (rest_.front() != ';') return fail();
  rest_.remove_prefix(1);
  skip_blanks(rest_);
  // A semicolon at the end is common, and has one reading.
  if (rest_.empty()) return false;
  parameter.name = take_token(rest_);
  if (parameter.name.empty() || rest_.empty() || rest_.front() != '=') return fail();
  rest_.remove_prefix(1);
  parameter.quoted = !rest_.empty() && rest_.front() == '"';
  if (!parameter.quoted) {
    parameter.value = take_token(rest_);
    return !parameter.value.empty() || fail();
  }
  rest_.remove_prefix(1);
  size_t end = 0;
  while (end < rest_.size() && rest_[end] != '"') end += rest_[end] == '\\' ? 2 : 1;
  if (end >= rest_.size()) return fail();
  parameter.value = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return true;
}

std::string unquote(const Parameter& parameter, bool browser) {
  const std::string_view value = parameter.value;
  if (!parameter.quoted || value.find_first_of(browser ? "\\%" : "\\") == std::string_view::npos) {
    return std::string(value);
  }
  std::string plain;
  plain.reserve(value.size());
  for (size_t i = 0; i < value.size(); ++i) {
    const std::string_view rest = value.substr(i);
    if (rest.size() > 1 && rest[0] == '\\' && (rest[1] == '"' || rest[1] == '\\')) {
      plain += value[++i];
    } else if (browser && (rest.substr(0, 3) == "%22" || equals_ignore_case(rest.substr(0, 3), "%0d") ||
                           equals_ignore_case(rest.substr(0, 3), "%0a"))) {
      plain += rest[1] == '2' ? '"' : to_lower(rest[2]) == 'd' ? '\r' : '\n';
      i += 2;
    } else {
      plain += value[i];
    }
  }
  return plain;
}

bool decode_extended(std::string_view value, std::string& out) {
  const size_t first = value.find('\'');
  const size_t second = first == std::string_view::npos ? first : value.find('\'', first + 1);
  if (second == std::string_view::npos) return false;
  const std::string_view charset = value.substr(0, first);
  const std::string_view coded = value.substr(second + 1);
  std::string decoded;
  if (coded.find('\'') != std::string_view::npos || !percent_decode(coded, decoded)) return false;
  if (decoded.find('\0') != std::string::npos) return false;
  out.clear();
  if (equals_ignore_case(charset, "utf-8")) {
    out = std::move(decoded);
    return is_utf8(out);
  }
  if (!equals_ignore_case(charset, "iso-8859-1")) return false;
  append_latin1(decoded, out);
  return true;
}

void append_latin1(std::string_view text, std::string& out) {
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += static_cast<char>(0xc0 | (byte >> 6));
      out += static_cast<char>(0x80 | (byte & 0x3f));
    }
  }
}

}  // namespace roost::http
