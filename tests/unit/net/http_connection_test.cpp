#include "net/http_connection.hpp"

#include <catch2/catch.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "http_worker.hpp"

namespace roost::test {
namespace {

const std::string kHello = "  - { path: /hello, respond: { body: Hello } }\n";

TEST_CASE("HttpConnection.KeepsAlive") {
  HttpWorker worker(kHello);
  RawClient client(worker);
  for (int i = 0; i < 3; ++i) {
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string response = client.response();
    CHECK(status_of(response) == 200);
    CHECK(body_of(response) == "Hello");
    CHECK(response.find("Connection:") == std::string::npos);
  }
}

TEST_CASE("HttpConnection.AnswersPipelinedRequestsInOrder") {
  HttpWorker worker(kHello + "  - { path: /two, respond: { body: Two } }\n");
  RawClient client(worker);
  client.send(
      "GET /hello HTTP/1.1\r\nHost: x\r\n\r\nGET /two HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: "
      "x\r\n\r\n");
  CHECK(body_of(client.response()) == "Hello");
  CHECK(body_of(client.response()) == "Two");
  CHECK(status_of(client.response()) == 404);
}

TEST_CASE("HttpConnection.Statuses") {
  struct Case {
    std::string request;
    int status;
    std::string has;
  };
  const std::string host = "Host: x\r\n\r\n";
  const Case cases[] = {
      {"GET /hello HTTP/1.1\r\n" + host, 200, "\r\n\r\nHello"},
      {"HEAD /hello HTTP/1.1\r\n" + host, 200, "Content-Length: 5\r\n"},
      {"GET /none HTTP/1.1\r\n" + host, 404, "Not Found\n"},
      {"POST /hello HTTP/1.1\r\n" + host, 405, "Allow: GET, HEAD, OPTIONS\r\n"},
      {"OPTIONS /hello HTTP/1.1\r\n" + host, 204, "Allow: GET, HEAD, OPTIONS\r\n"},
      {"OPTIONS * HTTP/1.1\r\n" + host, 204, ""},
      {"GET /hello HTTP/2.0\r\n" + host, 505, "Connection: close"},
      {"GET /hello HTTP/1.1\r\n\r\n", 400, "Bad Request\n"},
      {"CONNECT a:1 HTTP/1.1\r\n" + host, 501, "Connection: close"},
      {"GET /hello HTTP/1.1\r\nExpect: more\r\n" + host, 417, "Connection: close"},
      {"GET /" + std::string(9000, 'x') + " HTTP/1.1\r\n" + host, 414, ""},
      {"GET / HTTP/1.1\r\nX: " + std::string(40000, 'x') + "\r\n" + host, 431, ""},
      {"GET /%2 HTTP/1.1\r\n" + host, 400, ""},
      {"GET /hello HTTP/1.0\r\n\r\n", 200, "Connection: close"},
      {"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 200, "Connection: keep-alive"},
      {"POST /none HTTP/1.1\r\nContent-Length: 99999999\r\n" + host, 413, "Connection: close"},
      {"POST /none HTTP/1.1\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n" + host, 413, "Connection: close"},
  };
  HttpWorker worker(kHello);
  for (const Case& it : cases) {
    INFO(it.request.substr(0, 60));
    RawClient client(worker);
    client.send(it.request);
    const std::string response = client.response(it.request.starts_with("HEAD"));
    CHECK(status_of(response) == it.status);
    CHECK(response.find(it.has) != std::string::npos);
  }
}

TEST_CASE("HttpConnection.TakesRequestsByteByByte") {
  HttpWorker worker(kHello);
  RawClient client(worker);
  const std::string request = "GET /hello HTTP/1.1\r\nHost: x\r\n\r\n";
  for (int round = 0; round < 2; ++round) {
    for (const char& c : request) client.send({&c, 1});
    CHECK(body_of(client.response()) == "Hello");
  }
}

TEST_CASE("HttpConnection.AnswersAHalfClosedClient") {
  HttpWorker worker(kHello);
  RawClient client(worker);
  client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  client.shut();
  CHECK(body_of(client.rest()) == "Hello");
}

TEST_CASE("HttpConnection.ClosesAfterAskedTo") {
  HttpWorker worker(kHello);
  RawClient client(worker);
  client.send("GET /hello HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string all = client.rest();
  CHECK(body_of(all) == "Hello");
  CHECK(all.find("Connection: close\r\n") != std::string::npos);
}

TEST_CASE("HttpConnection.TimesOut") {
  HttpWorker worker(kHello, "  timeouts: { header: 50ms, keep_alive: 50ms, body: 50ms }");
  SECTION("a head that does not end") {
    RawClient client(worker);
    client.send("GET /hello HTTP/1.1\r\nHo");
    CHECK(status_of(client.rest()) == 408);
  }
  SECTION("a body that does not come") {
    RawClient client(worker);
    client.send("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nab");
    CHECK(status_of(client.rest()) == 408);
  }
  SECTION("an idle connection") {
    RawClient client(worker);
    client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    CHECK(body_of(client.response()) == "Hello");
    CHECK(client.rest().empty());
  }
}

TEST_CASE("HttpConnection.ConnectionsAboveTheLimitWait") {
  HttpWorker worker(kHello, "  limits: { connections: 1 }");
  auto first = std::make_unique<RawClient>(worker);
  first->send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(body_of(first->response()) == "Hello");
  RawClient second(worker);
  second.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(worker.slot().connections.load() == 1);
  first.reset();
  CHECK(body_of(second.response()) == "Hello");
}

TEST_CASE("HttpConnection.ConnectionsOfOneAddressAboveTheLimitAreRefused") {
  HttpWorker worker(kHello, "  threads: 2\n  limits: { per_address: 2 }");
  std::vector<std::unique_ptr<RawClient>> held;
  const auto served = [&worker, &held] {
    held.push_back(std::make_unique<RawClient>(worker));
    held.back()->send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
    return body_of(held.back()->response()) == "Hello";
  };
  REQUIRE(served());
  REQUIRE(served());
  // Over and over: what goes gives its place back exactly once, and what is refused takes none.
  for (int i = 0; i < 100; ++i) {
    CHECK(status_of(RawClient(worker).rest()) == 503);
    held.erase(held.begin());
    while (worker.slot().connections.load() != 1) std::this_thread::yield();
    REQUIRE(served());
  }
}

TEST_CASE("HttpConnection.DrainAnswersWithCloseAndEnds") {
  HttpWorker worker(kHello);
  RawClient client(worker);
  client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(body_of(client.response()) == "Hello");
  worker.server->begin_drain();
  client.send("GET /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string last = client.rest();
  CHECK(body_of(last) == "Hello");
  CHECK(last.find("Connection: close\r\n") != std::string::npos);
  client.close();
  CHECK(worker.server->wait_drained(std::chrono::seconds(60)));
}

}  // namespace
}  // namespace roost::test
