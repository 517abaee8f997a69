#include "routing/pattern_relation.hpp"

#include <string>
#include <vector>

#include "http/target.hpp"

namespace roost::routing {

namespace {

struct Part {
  enum class Kind : uint8_t { literal, parameter, remainder } kind;
  std::string text;  // of a literal, decoded
};

std::vector<Part> parts_of(std::string_view pattern) {
  std::vector<Part> parts;
  for (size_t at = 1; at <= pattern.size();) {
    const size_t end = std::min(pattern.find('/', at), pattern.size());
    const std::string_view segment = pattern.substr(at, end - at);
    if (segment.starts_with('*')) {
      parts.push_back({Part::Kind::remainder, {}});
      break;
    }
    if (segment.starts_with(':')) {
      parts.push_back({Part::Kind::parameter, {}});
    } else {
      std::string text;
      http::percent_decode(segment, text);
      parts.push_back({Part::Kind::literal, std::move(text)});
    }
    at = end + 1;
  }
  return parts;
}

}  // namespace

Relation relate(std::string_view outer_pattern, std::string_view inner_pattern) {
  const std::vector<Part> outer = parts_of(outer_pattern), inner = parts_of(inner_pattern);
  Relation so_far = Relation::covers;
  for (size_t i = 0;; ++i) {
    if (i < outer.size() && outer[i].kind == Part::Kind::remainder) return so_far;
    if (i < inner.size() && inner[i].kind == Part::Kind::remainder) return Relation::overlaps;
    if (i == outer.size() || i == inner.size()) return outer.size() == inner.size() ? so_far : Relation::disjoint;
    const Part &a = outer[i], &b = inner[i];
    if (a.kind == Part::Kind::literal && b.kind == Part::Kind::literal) {
      if (a.text != b.text) return Relation::disjoint;
    } else if (a.kind == Part::Kind::literal) {
      if (a.text.empty()) return Relation::disjoint;  // a parameter is never empty
      so_far = Relation::overlaps;
    } else if (b.kind == Part::Kind::literal && b.text.empty()) {
      return Relation::disjoint;
    }
  }
}

}  // namespace roost::routing
