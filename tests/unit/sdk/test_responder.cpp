#include <catch2/catch.hpp>
#include <memory>
#include <stdexcept>

#include "roost/responder.hpp"
#include "sdk/fake_host.hpp"

using namespace roost;

namespace {

// Registers f as the plugin's only handler and calls it once.
template <class F>
std::string outcome_of(F f, roost_status refuse_with = ROOST_OK) {
  test::fake_host();
  test::FakeRegistry registry;
  const roost_registry table = registry.table();
  roost_value nothing{};
  nothing.struct_size = sizeof nothing;
  Plugin plugin("test", table, nothing);
  plugin.handler("f", std::move(f));
  const roost_request request{};
  roost_responder responder;
  responder.refuse_with = refuse_with;
  const roost_handler& handler = registry.handlers.front().second;
  handler.handle(handler.self, &request, &responder);
  return responder.outcome + (responder.status == 0 ? "" : " " + std::to_string(responder.status));
}

}  // namespace

TEST_CASE("Responder.EveryWayOutOfAHandlerAnswersOnce") {
  CHECK(outcome_of([](const Request&) { return Response::text("x"); }) == "respond 200");
  CHECK(outcome_of([](const Request&) -> Response { throw std::runtime_error("why"); }) == "fail: why");
  CHECK(outcome_of([](const Request&) -> Response { throw HttpError(404, "none"); }) == "respond 404");
  CHECK(outcome_of([](const Request&) -> Response { throw 1; }) == "fail: an exception that is no std::exception");
  CHECK(outcome_of([](const Request&) { return Response(); }, ROOST_INVALID).find("fail: the status, or") == 0);
  CHECK(outcome_of([](const Request&) { return Response(); }, ROOST_GONE) == "");
  CHECK(outcome_of([](Request, Responder responder) { responder.respond(Response::status(204)); }) == "respond 204");
  CHECK(outcome_of([](Request, Responder) {}) == "drop");
  CHECK(outcome_of([](Request, Responder) { throw std::runtime_error("why"); }) == "fail: why");
  CHECK(outcome_of([](Request, Responder) { throw HttpError(409, "no"); }) == "respond 409");
  CHECK(outcome_of([](Request, Responder responder) {
          responder.start(Response());
          responder.write("x");
          responder.finish();
        }) == "finish 200");
  CHECK(outcome_of([](Request, Responder responder) {
          responder.start(Response());
          throw HttpError(404, "too late");
        }) == "fail: too late 200");
  CHECK(outcome_of([](Request, Responder responder) {
          responder.respond(Response());
          responder.respond(Response());
        }) == "respond 200");
}

TEST_CASE("Responder.AnExceptionAfterItWasGivenAwayIsOnlyLogged") {
  test::logged().clear();
  std::unique_ptr<Responder> kept;
  roost_responder responder;
  test::fake_host();
  detail::answered_by_value(Responder(&responder), [&](Responder given) {
    kept = std::make_unique<Responder>(std::move(given));
    throw std::runtime_error("afterwards");
  });
  CHECK(responder.outcome.empty());
  CHECK(test::logged().back() == "plugin: a handler that gave its responder away failed: afterwards");
  kept->respond(Response::text("later"));
  CHECK(responder.body == "later");
}

TEST_CASE("Responder.MovesAndIsCompletedOnce") {
  test::fake_host();
  roost_responder responder;
  Responder first(&responder);
  Responder second = std::move(first);
  CHECK_FALSE(static_cast<bool>(first));
  CHECK(static_cast<bool>(second));
  second.respond(Response::json(1));
  CHECK(responder.body == "1");
  CHECK_THROWS_AS(second.respond(Response()), std::logic_error);
  CHECK_THROWS_AS(second.write("x"), std::logic_error);
  CHECK(second.cancelled());
}

TEST_CASE("Responder.ReadsABodyInPieces") {
  test::fake_host();
  roost_responder responder;
  {
    Responder reading(&responder);
    auto total = std::make_shared<size_t>(0);
    std::move(reading).read_body([total](std::string_view bytes, Responder&) { *total += bytes.size(); },
                                 [total](Responder done) { done.respond(Response::text(*total)); });
  }
  CHECK(responder.outcome.empty());
  responder.reader->on_data(responder.reader_arg, "abc", 3);
  responder.reader->on_data(responder.reader_arg, "de", 2);
  responder.reader->on_end(responder.reader_arg, nullptr, 0);
  CHECK(responder.body == "5");
}

TEST_CASE("Responder.BodyThatBreaksOffIsAnsweredByItsStatus") {
  test::fake_host();
  for (const auto& [status, want] : {std::pair{408, "respond"}, std::pair{499, "drop"}}) {
    CAPTURE(status);
    roost_responder responder;
    Responder reading(&responder);
    std::move(reading).read_body([](std::string_view, Responder&) {}, [](Responder) {});
    responder.reader->on_error(responder.reader_arg, status, str("why"));
    CHECK(responder.outcome == want);
  }
}

TEST_CASE("Response.LargeBodiesAreHandedOverAndFreed") {
  test::fake_host();
  roost_responder responder;
  Responder(&responder).respond(Response::text(std::string(1 << 20, 'x')));
  CHECK(responder.body.size() == 1 << 20);
}

TEST_CASE("Response.KeepsManyHeadersAndOneContentType") {
  test::fake_host();
  roost_responder responder;
  Response response = Response::json("{}").header("content-TYPE", "application/problem+json");
  for (int i = 0; i < 20; ++i) response.header("X-" + std::to_string(i), "v");
  Responder(&responder).respond(std::move(response));
  REQUIRE(responder.headers.size() == 21);
  CHECK(responder.headers[0].second == "application/problem+json");
  CHECK(responder.headers[20].first == "X-19");
}

TEST_CASE("Middleware.ContinuesRespondsAndFrees") {
  test::fake_host();
  test::FakeRegistry registry;
  const roost_registry table = registry.table();
  roost_value nothing{};
  nothing.struct_size = sizeof nothing;
  Plugin plugin("test", table, nothing);
  plugin.middleware("go", [](const Request&) -> std::optional<Response> { return std::nullopt; });
  plugin.middleware("stop", [](const Request&) -> std::optional<Response> { return Response::status(403); });
  plugin.middleware("break", [](const Request&) -> std::optional<Response> { throw std::runtime_error("why"); });
  plugin.middleware("later", [](Request, Deferred deferred) { deferred.resume(); });
  plugin.middleware("break_later", [](Request, Deferred) { throw std::runtime_error("why"); });
  plugin.middleware("forget", [](Request, Deferred) {});
  plugin.middleware<std::string>("context", [](const Request&, std::string& text) -> std::optional<Response> {
    text = "kept";
    return std::nullopt;
  });
  struct {
    roost_decision decision;
    const char* outcome;
  } want[] = {{ROOST_CONTINUE, ""},    {ROOST_RESPOND, "respond"}, {ROOST_RESPOND, "fail: why"},
              {ROOST_LATER, "resume"}, {ROOST_LATER, "fail: why"}, {ROOST_LATER, "drop"},
              {ROOST_CONTINUE, ""}};
  REQUIRE(registry.middleware.size() == std::size(want));
  for (size_t i = 0; i < std::size(want); ++i) {
    const auto& [name, middleware] = registry.middleware[i];
    CAPTURE(name);
    const roost_request request{};
    roost_responder responder;
    void* context = nullptr;
    CHECK(middleware.before(middleware.self, &request, &responder, &context) == want[i].decision);
    CHECK(responder.outcome == want[i].outcome);
    CHECK((context != nullptr) == (name == "context"));
    if (middleware.finish != nullptr) middleware.finish(middleware.self, context);
  }
}
