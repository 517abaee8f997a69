// Text as it may stand in an HTML page, between tags and in quoted attributes
// (https://html.spec.whatwg.org/multipage/syntax.html#character-references). A header alone, since the Python bridge
// shares it without linking the server. Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace roost {

inline void append_html(std::string& page, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        page += "&amp;";
        break;
      case '<':
        page += "&lt;";
        break;
      case '>':
        page += "&gt;";
        break;
      case '"':
        page += "&quot;";
        break;
      case '\'':
        page += "&#39;";
        break;
      default:
        page += c;
    }
  }
}

}  // namespace roost
