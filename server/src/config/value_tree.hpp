// YAML as the plain C tree that plugins are configured with (roost_value), variables replaced. The tree owns its nodes
// and texts; pointers into it stay valid as long as it lives.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "config/node.hpp"
#include "roost/abi.h"

namespace roost::config {

class ValueTree {
 public:
  // Throws ConfigError for a variable that is not set.
  const roost_value* add(const Node& node, const std::string& key = {});

 private:
  roost_str keep(std::string text);

  std::deque<roost_value> values_;
  std::deque<std::string> texts_;
  std::deque<std::vector<const roost_value*>> items_;
};

}  // namespace roost::config
