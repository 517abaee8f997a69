// The server's version, for --version, the plugins and the Python package.
#pragma once

#define ROOST_EXPORT __attribute__((visibility("default")))

namespace roost {

ROOST_EXPORT const char* version();

}  // namespace roost
