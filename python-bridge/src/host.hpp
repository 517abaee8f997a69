// The server, as the bridge reaches it. Set once by configure(); the C functions that CPython calls have no other way.
#pragma once

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

}  // namespace roost::bridge
