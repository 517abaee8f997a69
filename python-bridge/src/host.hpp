// The server, as the bridge reaches it. Set once by configure(); the C functions that CPython calls have no other way.
#pragma once

#include <cstring>
#include <string_view>

#include "roost/abi.h"

namespace roost::bridge {

// nullptr in a process that only imported the package.
inline const roost_host* host = nullptr;

inline std::string_view view(roost_str text) {
  return {text.data, text.size};
}
inline roost_str str(std::string_view text) {
  return {text.data(), text.size()};
}
inline void log(roost_log_level level, std::string_view message) {
  host->log(level, str("python"), str(message));
}

// Fills in error, of which the end is kept where it is too long: there a traceback says what happened. ROOST_ERROR.
inline roost_status say(roost_error* error, std::string_view text) {
  constexpr size_t kRoom = sizeof error->message - 1;
  if (text.size() > kRoom) text.remove_prefix(text.size() - kRoom);
  std::memcpy(error->message, text.data(), text.size());
  error->message[text.size()] = '\0';
  return ROOST_ERROR;
}

}  // namespace roost::bridge
