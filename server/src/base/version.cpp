#include "base/version.hpp"

namespace roost {

const char* version() {
  return "0.1.0";
}

}  // namespace roost
