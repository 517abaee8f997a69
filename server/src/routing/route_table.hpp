// Which route answers a request: host, then path, then method. Built once in the prototype, immutable and
// thread-safe afterwards. A match costs one step for each segment of the path, whatever the number of routes.
//
// Patterns: literal segments, `:name` for one segment, a trailing `*` or `*rest` for the remainder (which may be
// empty: "/api/*" takes "/api" as well). Literal beats `:name` beats `*`, segment by segment, with backtracking; the
// most specific pattern that accepts the method wins. The target's path is split into segments raw and each is
// decoded once, so "%2F" stays inside its segment. Dot segments, raw or encoded, are resolved before matching.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "roost/abi.h"

namespace roost::routing {

// Where a match leaves its parameters. Reused from request to request: it allocates only to grow.
class MatchBuffer {
 public:
  std::vector<roost_field> params;  // values point into the request, or into `decoded` where they held escapes
  std::string decoded;
  std::string allow;  // where more than one pattern refused the method
  void clear() {
    params.clear();
    decoded.clear();
  }
};

enum class Outcome : uint8_t { found, not_found, method_not_allowed, bad_path, add_slash };

struct Match {
  Outcome outcome = Outcome::not_found;
  uint32_t route = 0;      // when found
  std::string_view allow;  // when method_not_allowed: "GET, HEAD, OPTIONS"; lives as long as the table and the buffer
};

struct Pattern {
  std::string host;                  // empty: any
  std::string path;                  // "/users/:id", "/files/*rest"
  std::vector<std::string> methods;  // empty: every method
  uint32_t route = 0;                // what a match answers
  bool directory = false;            // a request for the mount without its final slash answers add_slash
  bool slash = false;                // takes its path with a final slash more, too, where no other pattern does
  bool fallback = false;             // asked when no other pattern matches, or none takes the method
};

// Thrown by add(): the same host, path shape and method lead to another route already.
class RouteTaken : public std::invalid_argument {
 public:
  explicit RouteTaken(uint32_t route) : std::invalid_argument("taken"), route(route) {}
  const uint32_t route;
};

class RouteTable {
 public:
  RouteTable();
  ~RouteTable();
  RouteTable(RouteTable&&) noexcept;
  RouteTable& operator=(RouteTable&&) noexcept;

  // Throws std::invalid_argument, naming the pattern, when it is malformed; RouteTaken when its place is taken.
  void add(const Pattern& pattern);
  // After the last add().
  void freeze();

  // path: the target's raw path. host: lower or upper case, with or without port. HEAD falls back to GET. OPTIONS that
  // no pattern accepts answers method_not_allowed with `allow`, which the caller turns into 204. A fallback that is
  // found in place of that has a parameter `allow`.
  Match match(std::string_view host, std::string_view path, std::string_view method,
              MatchBuffer& buffer) const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roost::routing
