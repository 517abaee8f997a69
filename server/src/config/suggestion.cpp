#include "config/suggestion.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace roost::config {

namespace {

// Levenshtein, with a swap of neighbours counted as one edit ("optimal string alignment").
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), previous(b.size() + 1), current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), 0);
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    before.swap(previous);
    previous.swap(current);
  }
  return previous[b.size()];
}

// The nearest of them, the first of several, and how far away it is; nullptr where there is none.
std::pair<const std::string*, size_t> closest(std::string_view written, const std::vector<std::string>& known) {
  std::pair<const std::string*, size_t> best{nullptr, 0};
  for (const auto& name : known) {
    const size_t distance = edit_distance(written, name);
    if (!best.first || distance < best.second) best = {&name, distance};
  }
  return best;
}

}  // namespace

std::string nearest(std::string_view written, const std::vector<std::string>& known, size_t most) {
  const auto [best, distance] = closest(written, known);
  return best && distance <= most ? *best : std::string();
}

std::string suggestion(std::string_view written, const std::vector<std::string>& known) {
  const auto [best, distance] = closest(written, known);
  if (best && distance <= std::max<size_t>(1, std::max(written.size(), best->size()) / 3)) {
    return " (did you mean \"" + *best + "\"?)";
  }
  if (known.empty() || known.size() > 24) return "";
  std::string all = " (known: ";
  for (const auto& name : known) {
    if (&name != &known.front()) all += ", ";
    all += name;
  }
  return all + ")";
}

}  // namespace roost::config
