// How the paths that two patterns stand for relate: which middleware always, never or sometimes goes with a route is
// decided by it once, at start. Thread-safe.
#pragma once

#include <cstdint>
#include <string_view>

namespace roost::routing {

enum class Relation : uint8_t {
  covers,    // every path of the inner pattern is one of the outer's
  overlaps,  // some are
  disjoint,  // none is
};

// Both written as for RouteTable. REQUIRES: RouteTable::add() accepts both.
Relation relate(std::string_view outer, std::string_view inner);

}  // namespace roost::routing
