#include "routing/route_table.hpp"

#include <catch2/catch.hpp>

using namespace roost::routing;

namespace {

RouteTable table_of(const std::vector<Pattern>& patterns) {
  RouteTable table;
  for (const Pattern& pattern : patterns) table.add(pattern);
  table.freeze();
  return table;
}

std::string described(const RouteTable& table, std::string_view host, std::string_view path, std::string_view method) {
  MatchBuffer buffer;
  const Match match = table.match(host, path, method, buffer);
  std::string text;
  switch (match.outcome) {
    case Outcome::found:
      text = std::to_string(match.route);
      break;
    case Outcome::not_found:
      return "none";
    case Outcome::bad_path:
      return "bad";
    case Outcome::add_slash:
      return "slash " + std::to_string(match.route);
    case Outcome::method_not_allowed:
      return "allow " + std::string(match.allow);
  }
  for (const roost_field& field : buffer.params) {
    text += " " + std::string(field.name.data, field.name.size) + "=" + std::string(field.value.data, field.value.size);
  }
  return text;
}

}  // namespace

TEST_CASE("RouteTable.MostSpecificPatternThatAcceptsTheMethodWins") {
  const RouteTable table = table_of({
      {"", "/", {"GET"}, 0},
      {"", "/users/me", {"GET"}, 1},
      {"", "/users/:id", {"GET", "DELETE"}, 2},
      {"", "/users/:id/posts/:post", {"GET"}, 3},
      {"", "/users/*rest", {"GET", "POST"}, 4},
      {"", "/files/*", {"GET"}, 5, true},
      {"", "/both", {"GET"}, 6},
      {"", "/both", {"POST"}, 7},
      {"a.example", "/users/me", {"GET"}, 8},
      {"", "/any/*", {}, 9},
  });
  struct Case {
    const char *host, *path, *method, *want;
  };
  const Case cases[] = {
      {"x", "/", "GET", "0"},
      {"x", "/users/me", "GET", "1"},
      {"x", "/users/me", "HEAD", "1"},
      {"x", "/users/me", "DELETE", "2 id=me"},
      {"x", "/users/me", "POST", "4 rest=me"},
      {"x", "/users/7", "GET", "2 id=7"},
      {"x", "/users/7/posts/9", "GET", "3 id=7 post=9"},
      {"x", "/users/7/posts", "GET", "4 rest=7/posts"},
      {"x", "/users/", "GET", "4 rest="},
      {"x", "/users", "GET", "4 rest="},
      {"x", "/users/a%2Fb", "GET", "2 id=a/b"},
      {"x", "/users/a%20b/posts/%C3%A9", "GET", "3 id=a b post=\xC3\xA9"},
      {"x", "/users/x/../me", "GET", "1"},
      {"x", "/users/x/%2e%2E/me", "GET", "1"},
      {"x", "/users/%2e/me", "GET", "1"},
      {"x", "/users/a/b%20c/d", "GET", "4 rest=a/b c/d"},
      {"x", "/../x", "GET", "bad"},
      {"x", "/users/%00", "GET", "bad"},
      {"x", "/users/%zz", "GET", "bad"},
      {"x", "/files", "GET", "slash 5"},
      {"x", "/files/", "GET", "5 *="},
      {"x", "/files/a/b.txt", "GET", "5 *=a/b.txt"},
      {"x", "/users/me", "PATCH", "allow DELETE, GET, HEAD, OPTIONS, POST"},
      {"x", "/both", "PUT", "allow GET, HEAD, OPTIONS, POST"},
      {"x", "/nothing", "GET", "none"},
      {"A.Example:8080", "/users/me", "GET", "8"},
      {"a.example", "/users/7", "GET", "2 id=7"},
      {"x", "/any/thing", "PURGE", "9 *=thing"},
  };
  for (const Case& c : cases) {
    INFO(c.host << " " << c.method << " " << c.path);
    CHECK(described(table, c.host, c.path, c.method) == c.want);
  }
}

TEST_CASE("RouteTable.FinalSlashIsLookedPastWhereNothingElseMatches") {
  const RouteTable table = table_of({
      {.host = "", .path = "/", .methods = {"GET"}, .route = 0, .slash = true},
      {.host = "", .path = "/a", .methods = {"GET"}, .route = 1, .slash = true},
      {.host = "", .path = "/a/:id", .methods = {"GET"}, .route = 2, .slash = true},
      {.host = "", .path = "/strict", .methods = {"GET"}, .route = 3},
      {.host = "", .path = "/b", .methods = {"GET"}, .route = 4, .slash = true},
      {.host = "", .path = "/b/*", .methods = {"GET"}, .route = 5},
      {.host = "", .path = "/c", .methods = {"GET"}, .route = 6, .slash = true},
      {.host = "", .path = "/c/", .methods = {"GET"}, .route = 7},
  });
  const std::pair<const char*, const char*> cases[] = {
      {"/", "0"},       {"//", "none"},       {"/a/", "1"},    {"/a//", "none"}, {"/a/7/", "2 id=7"},
      {"/strict", "3"}, {"/strict/", "none"}, {"/b/", "5 *="}, {"/c/", "7"},     {"/a/.", "1"},
  };
  for (const auto& [path, want] : cases) {
    INFO(path);
    CHECK(described(table, "x", path, "GET") == want);
  }
  CHECK(described(table, "x", "/a/", "POST") == "allow GET, HEAD, OPTIONS");
}

TEST_CASE("RouteTable.FallbackTakesWhatNoOtherPatternAnswers") {
  const RouteTable table = table_of({
      {.host = "", .path = "/x/a", .methods = {"GET"}, .route = 0},
      {.host = "", .path = "/x/:id", .methods = {"POST"}, .route = 1},
      {.host = "", .path = "/x/*", .methods = {}, .route = 2, .fallback = true},
      {.host = "", .path = "/x/*", .methods = {}, .route = 3, .fallback = true},
      {.host = "", .path = "/y", .methods = {"GET"}, .route = 4},
  });
  struct Case {
    const char *path, *method, *want;
  };
  const Case cases[] = {
      {"/x/a", "GET", "0"},
      {"/x/a", "HEAD", "0"},
      {"/x/a", "POST", "1 id=a"},
      {"/x/a", "DELETE", "2 *=a allow=GET, HEAD, OPTIONS, POST"},
      {"/x/%C3%A9/%20", "GET", "2 *=\xC3\xA9/ "},
      {"/x/%61", "OPTIONS", "2 *=a allow=GET, HEAD, OPTIONS, POST"},
      {"/x", "PURGE", "2 *="},
      {"/y", "POST", "allow GET, HEAD, OPTIONS"},
      {"/z", "GET", "none"},
      {"/x/%00", "GET", "bad"},
  };
  for (const Case& c : cases) {
    INFO(c.method << " " << c.path);
    CHECK(described(table, "x", c.path, c.method) == c.want);
  }
}

TEST_CASE("RouteTable.RefusesMalformedAndTakenPatterns") {
  for (const char* path : {"", "users", "/a/*/b", "/a/:", "/:x/:x", "/a/../b", "/%zz"}) {
    INFO(path);
    RouteTable table;
    CHECK_THROWS_AS(table.add({"", path, {"GET"}, 0}), std::invalid_argument);
  }
  RouteTable table;
  table.add({"", "/users/:id", {"GET"}, 3});
  table.add({"", "/users/:name", {"POST"}, 4});
  try {
    table.add({"", "/users/:name", {"GET"}, 5});
    FAIL("not refused");
  } catch (const RouteTaken& taken) {
    CHECK(taken.route == 3);
  }
}
