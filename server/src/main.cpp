#include <cstdio>

#include "base/version.hpp"

int main() {
  std::printf("roost %s\n", roost::version());
  return 0;
}
