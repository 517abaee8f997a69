#include <catch2/catch.hpp>
#include <stdexcept>

#include "fake_exchange.hpp"
#include "handlers/redirect_handler.hpp"

namespace roost::handlers {

TEST_CASE("RedirectHandler.PutsParametersAndQueryIn") {
  struct Case {
    std::string target, request;
    test::FakeExchange::Pairs params;
    std::string want;
  };
  const std::vector<Case> cases = {
      {"/new", "/old", {}, "/new"},
      {"/new", "/old?a=b", {}, "/new?a=b"},
      {"/new?x=y", "/old?a=b", {}, "/new?x=y&a=b"},
      {"/new#part", "/old?a=b", {}, "/new?a=b#part"},
      {"/new/:id", "/old/7", {{"id", "7"}}, "/new/7"},
      {"/new/:id/x/:name", "/", {{"name", "n"}, {"id", "i"}}, "/new/i/x/n"},
      {"/new/:id", "/", {{"id", "a/b?c d\r\n\xc3\xa9"}}, "/new/a%2Fb%3Fc%20d%0D%0A%C3%A9"},
      {"/new?id=:id", "/", {{"id", "a&b"}}, "/new?id=a%26b"},
      {"https://example.com:8443/:id", "/", {{"id", "7"}}, "https://example.com:8443/7"},
      {"https://example.com/*rest", "/", {{"rest", "a/b c"}}, "https://example.com/a/b%20c"},
      {"/*", "/", {{"*", "/evil.example/x"}}, "/evil.example/x"},
      {"/new/:id", "/", {}, "/new/"},
  };
  for (const Case& test : cases) {
    INFO(test.target << " for " << test.request);
    test::FakeExchange exchange("GET", test.request, {}, test.params);
    RedirectHandler(test.target, 0).handle(exchange);
    CHECK(exchange.status == 308);
    CHECK(exchange.field("location") == test.want);
  }
  CHECK(RedirectHandler("/a/:id/*rest", 302).parameters() == std::vector<std::string>{"id", "rest"});
}

TEST_CASE("RedirectHandler.RefusesWhatCannotBeSent") {
  CHECK_THROWS_AS(RedirectHandler("/a", 200), std::invalid_argument);
  CHECK_THROWS_AS(RedirectHandler("", 0), std::invalid_argument);
  CHECK_THROWS_AS(RedirectHandler("/a\r\nb", 0), std::invalid_argument);
  CHECK_THROWS_AS(RedirectHandler("/a b", 0), std::invalid_argument);
}

}  // namespace roost::handlers
