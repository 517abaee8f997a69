// The status line and field lines of a response while middleware may still change them. Used only for routes that
// have middleware; others are serialised straight from roost_response. One thread's at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "roost/abi.h"

// The opaque head of the ABI is the ResponseHead itself.
struct roost_response_head {};

namespace roost::http {

class ResponseHead : public roost_response_head {
 public:
  struct Field {
    std::string name;
    std::string value;
  };

  uint16_t status = 200;
  std::vector<Field> fields;

  // First field of that name, ASCII case-insensitive; nullptr when there is none.
  const std::string* get(std::string_view name) const;
  // ROOST_INVALID for a name that is no token, or a value with control characters (RFC 9110 sections 5.1, 5.5).
  roost_status set(std::string_view name, std::string_view value);
  roost_status add(std::string_view name, std::string_view value);
  void remove(std::string_view name);
};

}  // namespace roost::http
