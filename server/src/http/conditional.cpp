#include "http/conditional.hpp"

#include <algorithm>

#include "http/characters.hpp"
#include "http/date.hpp"
#include "http/field_lookup.hpp"

namespace roost::http {
namespace {

constexpr size_t kMaxRanges = 16;
constexpr size_t kMaxRangesAsked = 64;

bool is_weak(std::string_view tag) {
  return tag.substr(0, 2) == "W/";
}
std::string_view opaque(std::string_view tag) {
  return is_weak(tag) ? tag.substr(2) : tag;
}

// Section 8.8.3.2. "*" stands for any representation that exists.
bool list_matches(std::string_view list, std::string_view etag, bool strong) {
  return !each_list_element(list, [etag, strong](std::string_view tag) {
    if (tag == "*") return false;
    if (etag.empty() || (strong && (is_weak(tag) || is_weak(etag)))) return true;
    return opaque(tag) != opaque(etag);
  });
}

// A field that may come on several lines, as If-Match and If-None-Match.
bool any_line_matches(const roost_field* fields, size_t count, std::string_view name, std::string_view etag,
                      bool strong) {
  for (size_t i = 0; i < count; ++i) {
    if (equals_ignore_case({fields[i].name.data, fields[i].name.size}, name) &&
        list_matches({fields[i].value.data, fields[i].value.size}, etag, strong)) {
      return true;
    }
  }
  return false;
}

bool parse_number(std::string_view digits, uint64_t& value) {
  value = 0;
  for (char c : digits) {
    if (!is(c, kDigit)) return false;
    // A number past any file is as good as the largest one.
    value = value > UINT64_MAX / 10 - 1 ? UINT64_MAX - 1 : value * 10 + static_cast<uint64_t>(c - '0');
  }
  return !digits.empty();
}

}  // namespace

Precondition check_preconditions(const roost_field* fields, size_t count, const Validators& validators,
                                 int64_t now) noexcept {
  const std::string_view if_match = find_field(fields, count, "if-match");
  if (if_match.data() != nullptr) {
    if (!any_line_matches(fields, count, "if-match", validators.etag, true)) return Precondition::failed;
  } else if (const std::string_view since = find_field(fields, count, "if-unmodified-since"); since.data() != nullptr) {
    const auto date = parse_date(since, now);
    if (date && validators.last_modified > *date) return Precondition::failed;
  }
  const std::string_view if_none_match = find_field(fields, count, "if-none-match");
  if (if_none_match.data() != nullptr) {
    return any_line_matches(fields, count, "if-none-match", validators.etag, false) ? Precondition::not_modified
                                                                                    : Precondition::proceed;
  }
  if (const std::string_view since = find_field(fields, count, "if-modified-since"); since.data() != nullptr) {
    const auto date = parse_date(since, now);
    // A date to come says nothing about what the client has: its clock is wrong.
    if (date && *date <= now && validators.last_modified <= *date) return Precondition::not_modified;
  }
  return Precondition::proceed;
}

bool if_range_holds(const roost_field* fields, size_t count, const Validators& validators, int64_t now) noexcept {
  const std::string_view value = find_field(fields, count, "if-range");
  if (value.data() == nullptr) return true;
  if (!value.empty() && (value.front() == '"' || is_weak(value))) {
    return !is_weak(value) && !is_weak(validators.etag) && value == validators.etag;
  }
  const auto date = parse_date(value, now);
  // A date is a strong validator only when the file has rested for a second or more (section 8.8.2.2).
  return date && *date == validators.last_modified && !is_weak(validators.etag);
}

RangeResult parse_range(std::string_view value, uint64_t size, std::vector<ByteRange>& ranges) {
  ranges.clear();
  const size_t equals = value.find('=');
  if (equals == std::string_view::npos || !equals_ignore_case(value.substr(0, equals), "bytes")) {
    return RangeResult::none;
  }
  size_t asked = 0;
  const bool good = each_list_element(value.substr(equals + 1), [&](std::string_view spec) {
    const size_t dash = spec.find('-');
    if (dash == std::string_view::npos || ++asked > kMaxRangesAsked) return false;
    const std::string_view from = spec.substr(0, dash), to = spec.substr(dash + 1);
    uint64_t first = 0, last = 0;
    if (from.empty()) {  // the last so many bytes
      if (!parse_number(to, last)) return false;
      if (last != 0 && size != 0) ranges.push_back({last < size ? size - last : 0, size - 1});
      return true;
    }
    if (!parse_number(from, first)) return false;
    if (to.empty()) {
      last = UINT64_MAX;
    } else if (!parse_number(to, last) || last < first) {
      return false;
    }
    if (first < size) ranges.push_back({first, std::min(last, size - 1)});
    return true;
  });
  if (!good) return RangeResult::none;
  if (ranges.empty()) return RangeResult::unsatisfiable;
  for (size_t i = 0; i < ranges.size(); ++i) {
    for (size_t j = i + 1; j < ranges.size();) {
      const bool apart = ranges[j].first > ranges[i].last + 1 || ranges[i].first > ranges[j].last + 1;
      if (apart) {
        ++j;
        continue;
      }
      ranges[i] = {std::min(ranges[i].first, ranges[j].first), std::max(ranges[i].last, ranges[j].last)};
      ranges.erase(ranges.begin() + static_cast<std::ptrdiff_t>(j));
      j = i + 1;  // the wider one may reach others
    }
  }
  return ranges.size() > kMaxRanges ? RangeResult::none : RangeResult::satisfiable;
}

int coding_quality(std::string_view value, std::string_view coding) noexcept {
  const bool identity = coding == "identity";
  if (value.data() == nullptr) return identity ? 1000 : 0;
  int exact = -1, any = -1;
  each_list_element(value, [&](std::string_view element) {
    const size_t semicolon = element.find(';');
    const std::string_view name = trim(element.substr(0, semicolon));
    int quality = 1000;
    if (semicolon != std::string_view::npos) {
      const std::string_view weight = trim(element.substr(semicolon + 1));
      if (weight.size() < 3 || to_lower(weight[0]) != 'q' || weight[1] != '=') return true;
      quality = weight[2] == '1' ? 1000 : 0;
      int scale = 100;
      for (size_t i = 4; quality < 1000 && i < weight.size() && is(weight[i], kDigit); ++i, scale /= 10) {
        quality += (weight[i] - '0') * scale;
      }
    }
    if (equals_ignore_case(name, coding) || (coding == "gzip" && equals_ignore_case(name, "x-gzip"))) exact = quality;
    if (name == "*") any = quality;
    return true;
  });
  if (exact >= 0) return exact;
  if (any >= 0) return any;
  // Identity is acceptable unless it is excluded, but the least of what is asked for.
  return identity ? 1 : 0;
}

}  // namespace roost::http
