#include <catch2/catch.hpp>

#include "roost/request.hpp"
#include "sdk/fake_host.hpp"

using namespace roost;

TEST_CASE("Request.QueryParamFindsTheFirstAndDecodes") {
  test::fake_host();
  struct {
    const char* query;
    const char* name;
    std::optional<std::string> want;
  } cases[] = {{"", "a", std::nullopt}, {"a=1", "a", "1"},           {"b=2&a=1&a=3", "a", "1"},     {"a", "a", ""},
               {"a=", "a", ""},         {"aa=1", "a", std::nullopt}, {"&&a=x%26y+z", "a", "x&y z"}, {"%61=1", "a", "1"},
               {"a+b=1", "a b", "1"},   {"a=b=c", "a", "b=c"}};
  for (const auto& c : cases) {
    CAPTURE(c.query, c.name);
    roost_request raw{};
    raw.query = str(c.query);
    CHECK(Request(raw).query_param(c.name) == c.want);
  }
}

TEST_CASE("Request.PathParameterIsTypedAndKnown") {
  test::fake_host();
  const roost_field params[] = {{str("id"), str("42")}, {str("name"), str("x")}};
  roost_request raw{};
  raw.params = params;
  raw.param_count = 2;
  const Request request(raw);
  CHECK(request.path("name") == "x");
  CHECK(request.path<int>("id") == 42);
  CHECK_THROWS_AS(request.path<int>("name"), HttpError);
  CHECK_THROWS_AS(request.path("nothing"), std::out_of_range);
}
