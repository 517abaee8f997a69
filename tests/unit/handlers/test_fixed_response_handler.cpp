#include <catch2/catch.hpp>
#include <stdexcept>

#include "fake_exchange.hpp"
#include "handlers/fixed_response_handler.hpp"

namespace roost::handlers {

TEST_CASE("FixedResponseHandler.AnswersTheSameEachTime") {
  FixedResponseHandler handler(0, "User-agent: *", {});
  for (int i = 0; i < 2; ++i) {
    test::FakeExchange exchange("GET", "/robots.txt");
    handler.handle(exchange);
    CHECK(exchange.status == 200);
    CHECK(exchange.body == "User-agent: *");
    CHECK(exchange.field("content-type") == "text/plain; charset=utf-8");
  }
  FixedResponseHandler typed(404, "{}", {{"content-type", "application/json"}});
  test::FakeExchange exchange("GET", "/");
  typed.handle(exchange);
  CHECK(exchange.status == 404);
  CHECK(exchange.head.fields.size() == 1);
}

TEST_CASE("FixedResponseHandler.RefusesWhatCannotBeSent") {
  CHECK_THROWS_AS(FixedResponseHandler(99, "", {}), std::invalid_argument);
  CHECK_THROWS_AS(FixedResponseHandler(200, "", {{"a b", "c"}}), std::invalid_argument);
  CHECK_THROWS_AS(FixedResponseHandler(200, "", {{"a", "b\r\nc: d"}}), std::invalid_argument);
}

}  // namespace roost::handlers
