// What the rest of the plugin SDK stands on: the server's function table and the way between views and roost_str.
// Part of <roost/plugin.hpp>; C++17, standard library alone.
#pragma once

#include <exception>
#include <string_view>

#include "abi.h"

// Everything here is a plugin's own, never shared with another plugin in the process (GCC gives inline variables a
// process-wide identity otherwise, even in libraries that are loaded with local symbols).
#define ROOST_SDK __attribute__((visibility("hidden")))

namespace roost ROOST_SDK {

inline std::string_view view(roost_str s) noexcept {
  return {s.data, s.size};
}
inline roost_str str(std::string_view s) noexcept {
  return {s.data(), s.size()};
}

namespace detail {

// Set when the plugin is configured; the worker when it starts.
inline const roost_host* host = nullptr;
inline roost_worker* worker = nullptr;
inline std::string_view plugin_name = "plugin";

// Calls work(); what it throws becomes a message for failed(), which must not throw. Nothing leaves a plugin as an
// exception.
template <class Work, class Failed>
bool guarded(Work&& work, Failed&& failed) noexcept {
  try {
    work();
    return true;
  } catch (const std::exception& thrown) {
    failed(std::string_view(thrown.what()));
  } catch (...) {
    failed(std::string_view("an exception that is no std::exception"));
  }
  return false;
}

// Truncated to fit.
inline void say(roost_error* error, std::string_view message) noexcept {
  if (error == nullptr) return;
  const size_t size = message.copy(error->message, sizeof error->message - 1);
  error->message[size] = '\0';
}

}  // namespace detail

enum class LogLevel {
  debug = ROOST_LOG_DEBUG,
  info = ROOST_LOG_INFO,
  warning = ROOST_LOG_WARNING,
  error = ROOST_LOG_ERROR
};

}  // namespace ROOST_SDK
