#include <catch2/catch.hpp>

#include "fake_exchange.hpp"
#include "middleware/cors.hpp"

namespace roost::middleware {
namespace {

config::Cors settings(std::vector<std::string> origins, bool credentials) {
  config::Cors config;
  config.origins = std::move(origins);
  config.credentials = credentials;
  return config;
}

}  // namespace

TEST_CASE("Cors.TellsWhichOriginsMayRead") {
  struct Case {
    config::Cors config;
    std::string origin, allow, credentials, vary;
  };
  const std::vector<Case> cases = {
      {settings({"https://a.example"}, false), "https://a.example", "https://a.example", "", "Origin"},
      {settings({"https://a.example"}, true), "https://a.example", "https://a.example", "true", "Origin"},
      {settings({"https://a.example"}, true), "https://b.example", "", "", "Origin"},
      {settings({"https://a.example"}, true), "https://a.example.evil", "", "", "Origin"},
      {settings({"https://a.example"}, true), "", "", "", "Origin"},
      {settings({"*"}, false), "https://b.example", "*", "", ""},
      {settings({"*"}, true), "https://b.example", "https://b.example", "true", "Origin"},
      {settings({"*"}, true), "null", "", "", "Origin"},
      {settings({"*"}, false), "null", "*", "", ""},
      {settings({}, false), "https://a.example", "", "", "Origin"},
  };
  for (const Case& test : cases) {
    INFO(test.origin);
    Cors cors("cors", test.config);
    test::FakeExchange::Pairs headers;
    if (!test.origin.empty()) headers.emplace_back("Origin", test.origin);
    test::FakeExchange exchange("GET", "/", headers);
    void* context = nullptr;
    CHECK(cors.before(exchange, context) == ROOST_CONTINUE);
    cors.after(exchange, exchange.head, context);
    CHECK(exchange.field("Access-Control-Allow-Origin") == test.allow);
    CHECK(exchange.field("Access-Control-Allow-Credentials") == test.credentials);
    CHECK(exchange.field("Vary") == test.vary);
  }
}

TEST_CASE("Cors.AnswersPreflights") {
  config::Cors config = settings({"https://a.example"}, true);
  test::FakeExchange::Pairs headers = {{"Origin", "https://a.example"},
                                       {"Access-Control-Request-Method", "PUT"},
                                       {"Access-Control-Request-Headers", "x-one, X-Two"}};
  void* context = nullptr;
  SECTION("what is asked for is allowed when nothing is listed") {
    Cors cors("cors", config);
    test::FakeExchange exchange("OPTIONS", "/", headers);
    CHECK(cors.before(exchange, context) == ROOST_RESPOND);
    cors.after(exchange, exchange.head, context);
    CHECK(exchange.status == 204);
    CHECK(exchange.field("Access-Control-Allow-Origin") == "https://a.example");
    CHECK(exchange.field("Access-Control-Allow-Methods") == "PUT");
    CHECK(exchange.field("Access-Control-Allow-Headers") == "x-one, X-Two");
    CHECK(exchange.field("Access-Control-Max-Age") == "600");
    CHECK(exchange.field("Vary") == "Access-Control-Request-Method, Access-Control-Request-Headers, Origin");
  }
  SECTION("lists are sent as they are") {
    config.methods = {"GET", "POST"};
    config.headers = {"X-One"};
    config.expose_headers = {"X-Three"};
    Cors cors("cors", config);
    test::FakeExchange exchange("OPTIONS", "/", headers);
    CHECK(cors.before(exchange, context) == ROOST_RESPOND);
    cors.after(exchange, exchange.head, context);
    CHECK(exchange.field("Access-Control-Allow-Methods") == "GET, POST");
    CHECK(exchange.field("Access-Control-Allow-Headers") == "X-One");
    CHECK(exchange.field("Access-Control-Expose-Headers") == "X-Three");
  }
  SECTION("another origin gets nothing to read") {
    headers[0].second = "https://b.example";
    Cors cors("cors", config);
    test::FakeExchange exchange("OPTIONS", "/", headers);
    CHECK(cors.before(exchange, context) == ROOST_RESPOND);
    cors.after(exchange, exchange.head, context);
    CHECK(exchange.status == 204);
    CHECK(exchange.head.fields.size() == 1);  // Vary
  }
  SECTION("a plain OPTIONS goes on") {
    Cors cors("cors", config);
    test::FakeExchange exchange("OPTIONS", "/", {{"Origin", "https://a.example"}});
    CHECK(cors.before(exchange, context) == ROOST_CONTINUE);
  }
}

}  // namespace roost::middleware
