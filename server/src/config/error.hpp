// What is wrong with a configuration, in one line for the operator. Thrown at start-up and by `roost check` only.
#pragma once

#include <stdexcept>
#include <string>

#include "config/config.hpp"

namespace roost::config {

// what(): "conf/full.yaml:12:13: routes[3].plugin: no plugin named "helo" (did you mean "hello"?)"
// The file is shown as the user gave it on the command line.
class ConfigError : public std::runtime_error {
 public:
  ConfigError(const Place& place, const std::string& key, const std::string& problem);
};

}  // namespace roost::config
