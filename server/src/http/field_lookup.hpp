// Looking up fields by name and walking comma-separated lists (RFC 9110 sections 5.1, 5.6.1). Views into the caller's
// fields. Thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

#include "http/characters.hpp"
#include "roost/abi.h"

namespace roost::http {

// First field of that name, ASCII case-insensitive; data() is nullptr when there is none.
inline std::string_view find_field(const roost_field* fields, size_t count, std::string_view name) {
  for (size_t i = 0; i < count; ++i) {
    if (fields[i].name.size == name.size() && equals_ignore_case({fields[i].name.data, name.size()}, name)) {
      return {fields[i].value.data, fields[i].value.size};
    }
  }
  return {};
}

// Calls each(std::string_view element) for every element, trimmed, empty ones too. Commas within quoted strings do not
// separate. each returns false to stop; so does this then.
template <typename Each>
bool each_list_element(std::string_view list, Each&& each) {
  size_t start = 0;
  bool quoted = false;
  for (size_t i = 0; i <= list.size(); ++i) {
    if (i < list.size() && quoted) {
      if (list[i] == '\\') {
        ++i;
      } else if (list[i] == '"') {
        quoted = false;
      }
      if (i < list.size()) continue;
    }
    if (i < list.size() && list[i] == '"') {
      quoted = true;
    } else if (i >= list.size() || list[i] == ',') {
      const size_t stop = i < list.size() ? i : list.size();
      if (!each(trim(list.substr(start, stop - start)))) return false;
      start = i + 1;
    }
  }
  return true;
}

// True when the list has that token, ASCII case-insensitive.
inline bool list_has(std::string_view list, std::string_view token) {
  return !each_list_element(list, [token](std::string_view element) { return !equals_ignore_case(element, token); });
}

}  // namespace roost::http
