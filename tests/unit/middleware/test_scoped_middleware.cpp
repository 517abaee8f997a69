#include <catch2/catch.hpp>

#include "fake_exchange.hpp"
#include "middleware/scoped_middleware.hpp"

namespace roost::middleware {
namespace {

class Counting : public Middleware {
 public:
  Counting() : Middleware("counting") {}
  roost_decision before(http::Exchange&, void*& context) noexcept override {
    context = this;
    ++befores;
    return ROOST_CONTINUE;
  }
  void after(http::Exchange&, http::ResponseHead&, void* context) noexcept override { afters += context == this; }
  void finish(void* context) noexcept override { finishes += context == this; }
  int befores = 0, afters = 0, finishes = 0;
};

}  // namespace

TEST_CASE("ScopedMiddleware.RunsForItsPathsAndMethodsAlone") {
  struct Case {
    const char *method, *target;
    int runs;
  };
  const Case cases[] = {
      {"GET", "/private", 1},       {"GET", "/private/a?b=c", 1}, {"HEAD", "/private/a", 1},
      {"POST", "/private/a", 0},    {"GET", "/privates", 0},      {"GET", "/", 0},
      {"GET", "/%70rivate/a", 1},   {"GET", "/x/../private", 1},  {"GET", "/x/%2e%2E/private/y", 1},
      {"GET", "/private%2Fa", 0},   {"GET", "/private/%zz", 0},   {"GET", "/a/secret", 1},
      {"GET", "/a/secret/more", 0},
  };
  for (const Case& c : cases) {
    INFO(c.method << " " << c.target);
    Counting counting;
    ScopedMiddleware scoped(counting, {"/private/*", "/private/*", "/:any/secret"}, {"GET"});
    test::FakeExchange exchange(c.method, c.target);
    void* context = nullptr;
    CHECK(scoped.before(exchange, context) == ROOST_CONTINUE);
    scoped.after(exchange, exchange.head, context);
    scoped.finish(context);
    CHECK(counting.befores == c.runs);
    CHECK(counting.afters == c.runs);
    CHECK(counting.finishes == c.runs);
  }
}

TEST_CASE("ScopedMiddleware.RefusesAMalformedPath") {
  Counting counting;
  CHECK_THROWS_AS(ScopedMiddleware(counting, {"/*/x"}, {}), std::invalid_argument);
}

}  // namespace roost::middleware
