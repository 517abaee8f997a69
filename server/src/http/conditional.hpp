// Conditional requests (RFC 9110 section 13) and byte ranges (section 14) against one representation. Pure functions of
// the fields; thread-safe.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "roost/abi.h"

namespace roost::http {

struct Validators {
  std::string_view etag;      // with quotes, and W/ when weak; empty: none
  int64_t last_modified = 0;  // seconds
};

enum class Precondition : uint8_t { proceed, not_modified, failed };

// If-Match, If-Unmodified-Since, If-None-Match, If-Modified-Since for GET and HEAD, in the order of section 13.2.2.
Precondition check_preconditions(const roost_field* fields, size_t count, const Validators& validators,
                                 int64_t now) noexcept;

// Whether Range is to be looked at: no If-Range, or one that holds (a strong ETag, or exactly the date).
bool if_range_holds(const roost_field* fields, size_t count, const Validators& validators, int64_t now) noexcept;

struct ByteRange {
  uint64_t first = 0, last = 0;  // both inclusive
  uint64_t size() const { return last - first + 1; }
};

enum class RangeResult : uint8_t {
  none,           // no such field, another unit, or malformed: answer with the whole
  satisfiable,    // ranges hold at least one
  unsatisfiable,  // 416
};

// Ranges that overlap or touch become one, in order of the first. More than 16 that remain, or ranges asked for so
// often that they are an attack (section 17.15), answer none.
RangeResult parse_range(std::string_view value, uint64_t size, std::vector<ByteRange>& ranges);

// The quality, 0 to 1000, of a content coding in Accept-Encoding (section 12.5.3): 0 when it is not acceptable.
// value: data() is nullptr without such a field, then only identity is taken.
int coding_quality(std::string_view value, std::string_view coding) noexcept;

}  // namespace roost::http
