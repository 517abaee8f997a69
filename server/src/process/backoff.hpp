// How long to wait before a dead worker is replaced: not at all, unless workers keep dying right after they began to
// serve. One thread's.
#pragma once

#include <algorithm>
#include <chrono>

namespace roost::process {

class Backoff {
 public:
  using milliseconds = std::chrono::milliseconds;

  // lived: since it began to serve; zero when it never did. The first fast death is replaced at once, those that follow
  // after 100 ms, 200 ms, ... 5 s; one that lived longer than a second starts that anew.
  milliseconds after_death(milliseconds lived) {
    if (lived >= kFast) fast_deaths_ = 0;
    const unsigned before = fast_deaths_++;
    return before == 0 ? milliseconds(0) : std::min(milliseconds(100) * (1u << std::min(before - 1, 10u)), kLongest);
  }

 private:
  static constexpr milliseconds kFast{1000}, kLongest{5000};
  unsigned fast_deaths_ = 0;
};

}  // namespace roost::process
