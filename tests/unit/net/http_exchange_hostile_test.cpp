#include <atomic>
#include <catch2/catch.hpp>
#include <thread>

#include "http_handlers.hpp"

namespace roost::test {
namespace {

// Requests of all kinds, whole and broken, cut anywhere by clients that close, reset, half-close or just go on.
TEST_CASE("HttpExchange.SurvivesHostileClients") {
  Elsewhere elsewhere;
  TestPlugin plugin;
  plugin.handlers.push_back(kEcho);
  plugin.handlers.push_back({"later", 0,
                             [](void* arg, const roost_request*, roost_responder* responder) -> roost_status {
                               static_cast<Elsewhere*>(arg)->post([responder] { answer(responder, "late"); });
                               return ROOST_OK;
                             },
                             &elsewhere});
  plugin.handlers.push_back({"stream", 0,
                             [](void* arg, const roost_request*, roost_responder* responder) -> roost_status {
                               static_cast<Elsewhere*>(arg)->post([responder] {
                                 http::Exchange& exchange = exchange_of(responder);
                                 exchange.start(response_of("begin"));
                                 for (int i = 0; i < 50; ++i) exchange.write(std::string(5000, 'w'));
                                 exchange.finish(nullptr, 0);
                               });
                               return ROOST_OK;
                             },
                             &elsewhere});
  plugin.handlers.push_back(
      {"block", ROOST_HANDLER_BLOCKING, [](void*, const roost_request* request, roost_responder* responder) {
         return answer(responder, view(request->body));
       }});
  plugin.handlers.push_back(
      {"upload", ROOST_HANDLER_STREAM_BODY,
       [](void*, const roost_request*, roost_responder* responder) -> roost_status {
         static const roost_body_callbacks callbacks = {
             sizeof callbacks, [](void*, const char*, size_t) {},
             [](void* it, const roost_field*, size_t) { answer(static_cast<roost_responder*>(it), "end"); },
             [](void* it, int, roost_str) { exchange_of(static_cast<roost_responder*>(it)).drop(); }};
         exchange_of(responder).read_body(callbacks, responder);
         return ROOST_OK;
       }});
  HttpWorker worker(route("/echo", "echo", ", methods: [POST]") + route("/later", "later") +
                        route("/stream", "stream") + route("/block", "block", ", methods: [POST]") +
                        route("/upload", "upload", ", methods: [POST]"),
                    "  threads: 2\n  limits: { spill: 1KiB, body_bytes: 64KiB }", plugin);
  const std::string chunked = " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::vector<std::string> requests = {
      post("/echo", "abc"),
      post("/echo", std::string(5000, 'e')),
      post("/echo", std::string(70'000, 'e')),
      "POST /echo" + chunked + "5\r\nhello\r\n0\r\n\r\n",
      "POST /echo" + chunked + "5\r\nhello\r\nxyz",
      "POST /upload" + chunked + "1000\r\n" + std::string(4096, 'c') + "\r\n0\r\n\r\n",
      "POST /upload" + chunked + "ffffffffffffffffff\r\n",
      post("/upload", std::string(30'000, 'u')),
      post("/block", "b"),
      get("/later"),
      get("/later") + get("/later") + get("/none"),
      get("/stream"),
      get("/stream") + get("/stream"),
      "HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n",
      "GET /stream HTTP/1.0\r\n\r\n",
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\nabc",
      std::string("\0\1\2", 3),
      "GET / HTTP/9.9\r\n\r\n",
      "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
  };
  std::atomic<int> total{0};
  auto attack = [&](uint32_t seed) {
    auto random = [&seed](size_t below) {
      seed = seed * 1664525u + 1013904223u;
      return static_cast<size_t>(seed >> 8) % below;
    };
    for (int round = 0; round < 300; ++round) {
      RawClient client(worker);
      std::string bytes;
      for (size_t i = 0; i <= random(3); ++i) bytes += requests[random(requests.size())];
      const size_t end = random(3) == 0 ? random(bytes.size()) : bytes.size();
      for (size_t at = 0; at < end;) {
        const size_t count = std::min(end - at, random(4) == 0 ? 1 + random(50) : bytes.size());
        client.send(std::string_view(bytes).substr(at, count));
        at += count;
      }
      const linger now{1, 0};
      switch (random(4)) {
        case 0:
          ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
          break;
        case 1:
          client.shut();
          client.rest();
          break;
        case 2:
          if (end == bytes.size()) client.shut();
          break;
        default:
          break;
      }
      ++total;
    }
  };
  std::thread other(attack, 7);
  attack(99);
  other.join();
  CHECK(total == 600);
  RawClient client(worker);
  client.send(get("/later"));
  CHECK(body_of(client.response()) == "late");
  worker.server->begin_drain();
  client.close();
  CHECK(worker.server->wait_drained(std::chrono::seconds(60)));
  elsewhere.stop();
}

}  // namespace
}  // namespace roost::test
