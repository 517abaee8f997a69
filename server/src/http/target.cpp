#include "http/target.hpp"

#include "http/characters.hpp"

namespace roost::http {

bool percent_decode(std::string_view raw, std::string& out) {
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] != '%') {
      out += raw[i];
      continue;
    }
    if (raw.size() - i < 3) return false;
    const int high = hex_value(raw[i + 1]);
    const int low = hex_value(raw[i + 2]);
    if (high < 0 || low < 0) return false;
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return true;
}

void percent_encode(std::string_view text, std::string& out) {
  constexpr char digits[] = "0123456789ABCDEF";
  for (char c : text) {
    if (is(c, kUnreserved)) {
      out += c;
    } else {
      out += '%';
      out += digits[static_cast<uint8_t>(c) >> 4];
      out += digits[static_cast<uint8_t>(c) & 15];
    }
  }
}

bool normalize_path(std::string_view raw, std::string& out) {
  out.clear();
  if (raw.empty() || raw.front() != '/') return false;
  size_t start = 1;
  for (;;) {
    const size_t slash = raw.find('/', start);
    const bool last = slash == std::string_view::npos;
    const size_t segment = out.size() + 1;
    out += '/';
    if (!percent_decode(raw.substr(start, last ? raw.size() - start : slash - start), out)) return false;
    const std::string_view decoded = std::string_view(out).substr(segment);
    if (decoded.find('/') != std::string_view::npos || decoded.find('\0') != std::string_view::npos) return false;
    if (decoded == "." || decoded == "..") {
      const bool up = decoded.size() == 2;
      out.resize(segment - 1);
      if (up) {
        if (out.empty()) return false;
        out.resize(out.rfind('/'));
      }
      // "/a/.." and "/a/." mean the directory: its slash stays.
      if (last) out += '/';
    }
    if (last) return true;
    start = slash + 1;
  }
}

}  // namespace roost::http
