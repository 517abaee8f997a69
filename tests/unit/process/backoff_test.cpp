#include "process/backoff.hpp"

#include <catch2/catch.hpp>
#include <vector>

using roost::process::Backoff;
using std::chrono::milliseconds;

TEST_CASE("Backoff.OnlyRepeatedFastDeathsWait") {
  const struct {
    std::vector<int> lived_ms;
    int want_ms;  // after the last death
  } cases[] = {
      {{0}, 0},
      {{60'000}, 0},
      {{0, 0}, 100},
      {{0, 0, 0}, 200},
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 5000},
      {{0, 0, 0, 2000}, 0},
      {{0, 0, 0, 2000, 10}, 100},
  };
  for (const auto& [lived, want] : cases) {
    Backoff backoff;
    milliseconds delay{-1};
    for (const int ms : lived) delay = backoff.after_death(milliseconds(ms));
    INFO(lived.size() << " deaths, the last after " << lived.back() << " ms");
    CHECK(delay == milliseconds(want));
  }
}
