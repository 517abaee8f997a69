#include "net/http_exchange.hpp"

#include <atomic>
#include <catch2/catch.hpp>

#include "http_handlers.hpp"

namespace roost::test {
namespace {

TEST_CASE("HttpExchange.CompletesFromOtherThreads") {
  Elsewhere elsewhere[2];
  std::atomic<unsigned> next{0};
  struct Self {
    Elsewhere* elsewhere;
    std::atomic<unsigned>* next;
  } self{elsewhere, &next};
  TestPlugin plugin;
  plugin.handlers.push_back({"later", 0,
                             [](void* arg, const roost_request* request, roost_responder* responder) -> roost_status {
                               auto& it = *static_cast<Self*>(arg);
                               it.elsewhere[(*it.next)++ % 2].post([request, responder] {
                                 const std::string body =
                                     std::string(view(request->params[0].value)) + std::string(view(request->body));
                                 answer(responder, body);
                               });
                               return ROOST_OK;
                             },
                             &self});
  HttpWorker worker(route("/later/:id", "later", ", methods: [GET, POST]"), "  threads: 2", plugin);
  std::vector<std::unique_ptr<RawClient>> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(std::make_unique<RawClient>(worker));
  for (int round = 0; round < 50; ++round) {
    for (size_t i = 0; i < clients.size(); ++i) {
      const std::string id = std::to_string(round * 100 + static_cast<int>(i));
      clients[i]->send(get("/later/%41" + id) + post("/later/b" + id, "body"));
    }
    for (size_t i = 0; i < clients.size(); ++i) {
      const std::string id = std::to_string(round * 100 + static_cast<int>(i));
      CHECK(body_of(clients[i]->response()) == "A" + id);
      CHECK(body_of(clients[i]->response()) == "b" + id + "body");
    }
  }
  for (Elsewhere& thread : elsewhere) thread.stop();
}

TEST_CASE("HttpExchange.ClientsThatGoBeforeTheAnswer") {
  Elsewhere elsewhere;
  TestPlugin plugin;
  plugin.handlers.push_back({"later", 0,
                             [](void* arg, const roost_request*, roost_responder* responder) -> roost_status {
                               static_cast<Elsewhere*>(arg)->post([responder] { answer(responder, "late"); });
                               return ROOST_OK;
                             },
                             &elsewhere});
  HttpWorker worker(route("/later", "later"), "", plugin);
  for (int round = 0; round < 200; ++round) {
    RawClient client(worker);
    client.send(get("/later"));
    const linger now{1, 0};
    if (round % 2 == 0) ::setsockopt(client.fd(), SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  RawClient client(worker);
  client.send(get("/later"));
  CHECK(body_of(client.response()) == "late");
  elsewhere.stop();
}

TEST_CASE("HttpExchange.BlockingHandlersRunOnThePool") {
  TestPlugin plugin;
  plugin.handlers.push_back(
      {"block", ROOST_HANDLER_BLOCKING,
       [](void*, const roost_request*, roost_responder* responder) { return answer(responder, "blocked"); }});
  HttpWorker worker(route("/block", "block"), "", plugin);
  RawClient client(worker);
  for (int i = 0; i < 10; ++i) {
    client.send(get("/block") + get("/block"));
    CHECK(body_of(client.response()) == "blocked");
    CHECK(body_of(client.response()) == "blocked");
  }
}

TEST_CASE("HttpExchange.LargeBodiesAndFiles") {
  static std::atomic<int> released{0};
  static const std::string large(5'000'000, 'L');
  released = 0;
  TestPlugin plugin;
  plugin.handlers.push_back(
      {"large", ROOST_HANDLER_IMMEDIATE, [](void*, const roost_request* request, roost_responder* responder) {
         roost_response response = response_of(large);
         if (view(request->query) == "release") {
           response.release = [](void*) { ++released; };
         }
         return exchange_of(responder).respond(response);
       }});
  plugin.handlers.push_back(
      {"file", ROOST_HANDLER_IMMEDIATE, [](void*, const roost_request*, roost_responder* responder) {
         roost_response response = response_of("");
         char name[] = "/tmp/roost-test-XXXXXX";
         response.file = mkstemp(name);
         unlink(name);
         for (int i = 0; i < 5; ++i) {
           if (::write(response.file, large.data(), 1'000'000) < 0) return ROOST_ERROR;
         }
         response.flags = ROOST_RESPONSE_FILE;
         response.file_offset = 1000;
         response.file_size = 4'000'000;
         return exchange_of(responder).respond(response);
       }});
  HttpWorker worker(route("/large", "large") + route("/file", "file"), "", plugin);
  RawClient client(worker);
  client.send(get("/large") + get("/large?release") + get("/file") + get("/large"));
  CHECK(body_of(client.response()) == large);
  CHECK(body_of(client.response()) == large);
  CHECK(body_of(client.response()).size() == 4'000'000);
  CHECK(body_of(client.response()) == large);
  CHECK(released == 1);
  client.send("HEAD /large?release HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(client.response(true).find("Content-Length: 5000000\r\n") != std::string::npos);
  CHECK(released == 2);
}

struct Stream {
  roost_responder* responder = nullptr;
  int left = 0;
  void run() {
    const std::string piece(100'000, 's');
    while (left > 0) {
      --left;
      // The writable callback may run before this returns: nothing of this is touched after it.
      if (exchange_of(responder).write(piece) == ROOST_WOULD_BLOCK) return;
    }
    exchange_of(responder).finish(nullptr, 0);
    delete this;
  }
};

TEST_CASE("HttpExchange.Streams") {
  static std::atomic<int> waits{0};
  waits = 0;
  Elsewhere elsewhere;
  TestPlugin plugin;
  plugin.handlers.push_back({"stream", 0,
                             [](void* arg, const roost_request* request, roost_responder* responder) -> roost_status {
                               auto* stream = new Stream;
                               stream->responder = responder;
                               stream->left = 30;
                               http::Exchange& exchange = exchange_of(responder);
                               exchange.on_writable(
                                   [](void* it) {
                                     ++waits;
                                     static_cast<Stream*>(it)->run();
                                   },
                                   stream);
                               auto begin = [stream, responder] {
                                 exchange_of(responder).start(response_of("first"));
                                 stream->run();
                               };
                               if (view(request->query) == "here") {
                                 begin();
                               } else {
                                 static_cast<Elsewhere*>(arg)->post(begin);
                               }
                               return ROOST_OK;
                             },
                             &elsewhere});
  plugin.handlers.push_back(
      {"trailers", 0, [](void*, const roost_request*, roost_responder* responder) -> roost_status {
         http::Exchange& exchange = exchange_of(responder);
         exchange.start(response_of(""));
         exchange.write("abc");
         const roost_field trailer{str("X-Sum"), str("6")};
         exchange.finish(&trailer, 1);
         return ROOST_OK;
       }});
  HttpWorker worker(route("/stream", "stream") + route("/trailers", "trailers"), "", plugin);
  RawClient client(worker);
  SECTION("chunked") {
    for (const char* target : {"/stream?here", "/stream"}) {
      client.send(get(target));
      const std::string response = client.response();
      CHECK(response.find("5\r\nfirst\r\n186a0\r\nsss") != std::string::npos);
      CHECK(response.size() > 3'000'000);
    }
    CHECK(waits > 0);
  }
  SECTION("to HTTP/1.0") {
    client.send("GET /stream HTTP/1.0\r\n\r\n");
    CHECK(body_of(client.rest()).size() == 3'000'005);
  }
  SECTION("for HEAD") {
    client.send("HEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n" + get("/trailers"));
    CHECK(status_of(client.response(true)) == 200);
    CHECK(body_of(client.response()) == "3\r\nabc\r\n0\r\nX-Sum: 6\r\n\r\n");
  }
  elsewhere.stop();
}

TEST_CASE("HttpExchange.UnfinishedResponders") {
  TestPlugin plugin;
  plugin.handlers.push_back({"drop", 0, [](void*, const roost_request*, roost_responder* responder) -> roost_status {
                               exchange_of(responder).drop();
                               return ROOST_OK;
                             }});
  plugin.handlers.push_back(
      {"fail", ROOST_HANDLER_IMMEDIATE, [](void*, const roost_request*, roost_responder* responder) -> roost_status {
         exchange_of(responder).fail("on purpose");
         return ROOST_ERROR;
       }});
  plugin.handlers.push_back({"silent", ROOST_HANDLER_IMMEDIATE,
                             [](void*, const roost_request*, roost_responder*) -> roost_status { return ROOST_OK; }});
  plugin.handlers.push_back({"cut", 0, [](void*, const roost_request*, roost_responder* responder) -> roost_status {
                               exchange_of(responder).start(response_of("part"));
                               exchange_of(responder).drop();
                               return ROOST_OK;
                             }});
  plugin.handlers.push_back(
      {"twice", ROOST_HANDLER_IMMEDIATE, [](void*, const roost_request*, roost_responder* responder) -> roost_status {
         answer(responder, "once");
         CHECK(answer(responder, "again") == ROOST_TOO_LATE);
         return ROOST_OK;
       }});
  plugin.handlers.push_back(
      {"invalid", ROOST_HANDLER_IMMEDIATE, [](void*, const roost_request*, roost_responder* responder) -> roost_status {
         const roost_field bad{str("X"), str("a\r\nb")};
         roost_response response = response_of("bad");
         response.headers = &bad;
         response.header_count = 1;
         CHECK(exchange_of(responder).respond(response) == ROOST_INVALID);
         return answer(responder, "good");
       }});
  std::string routes;
  for (const char* name : {"drop", "fail", "silent", "cut", "twice", "invalid"}) {
    routes += route(std::string("/") + name, name);
  }
  HttpWorker worker(routes, "", plugin);
  RawClient client(worker);
  for (const char* target : {"/drop", "/fail", "/silent"}) {
    client.send(get(target));
    CHECK(status_of(client.response()) == 500);
  }
  client.send(get("/twice") + get("/invalid") + get("/cut"));
  CHECK(body_of(client.response()) == "once");
  CHECK(body_of(client.response()) == "good");
  CHECK(body_of(client.rest()) == "4\r\npart\r\n");
}

struct Held {
  Latch called, cancelled, released;
  roost_responder* responder = nullptr;
};

TestPlugin holding(Held& held) {
  TestPlugin plugin;
  plugin.handlers.push_back(
      {"hold", 0,
       [](void* arg, const roost_request*, roost_responder* responder) -> roost_status {
         auto& it = *static_cast<Held*>(arg);
         it.responder = responder;
         exchange_of(responder).on_cancel([](void* held_arg) { static_cast<Held*>(held_arg)->cancelled.set(); }, arg);
         exchange_of(responder).on_release([](void* held_arg) { static_cast<Held*>(held_arg)->released.set(); }, arg);
         it.called.set();
         return ROOST_OK;
       },
       &held});
  return plugin;
}

TEST_CASE("HttpExchange.TellsThatTheClientWent") {
  Held held;
  HttpWorker worker(route("/hold", "hold"), "", holding(held));
  {
    RawClient client(worker);
    client.send(get("/hold"));
    held.called.wait();
    CHECK(!exchange_of(held.responder).cancelled());
  }
  held.cancelled.wait();
  CHECK(exchange_of(held.responder).cancelled());
  answer(held.responder, "nobody");
  held.released.wait();
}

TEST_CASE("HttpExchange.HandlerTimeOut") {
  Held held;
  HttpWorker worker(route("/hold", "hold", ", timeout: 20ms"), "", holding(held));
  RawClient client(worker);
  client.send(get("/hold"));
  CHECK(status_of(client.rest()) == 504);
  held.cancelled.wait();
  CHECK(answer(held.responder, "late") == ROOST_TOO_LATE);
  held.released.wait();
}

TEST_CASE("HttpExchange.TextsBehindATrustedProxy") {
  TestPlugin plugin;
  plugin.handlers.push_back(
      {"who", ROOST_HANDLER_IMMEDIATE, [](void*, const roost_request*, roost_responder* responder) {
         http::Exchange& exchange = exchange_of(responder);
         std::string all(exchange.text(ROOST_TEXT_CLIENT_IP));
         all += " " + std::string(exchange.text(ROOST_TEXT_SCHEME));
         all += " " + std::string(exchange.text(ROOST_TEXT_HOST));
         CHECK(exchange.text(ROOST_TEXT_REQUEST_ID).size() > 20);
         CHECK(exchange.text(ROOST_TEXT_PEER).starts_with("127.0.0.1:"));
         return answer(responder, all);
       }});
  const std::string request =
      "GET /who HTTP/1.1\r\nHost: inner\r\nX-Forwarded-For: 203.0.113.7\r\nX-Forwarded-Proto: https\r\n"
      "X-Forwarded-Host: outer\r\n\r\n";
  SECTION("trusted") {
    HttpWorker worker(route("/who", "who"), "  trusted_proxies: [127.0.0.0/8]", plugin);
    RawClient client(worker);
    client.send(request);
    CHECK(body_of(client.response()) == "203.0.113.7 https outer");
  }
  SECTION("not trusted") {
    HttpWorker worker(route("/who", "who"), "", plugin);
    RawClient client(worker);
    client.send(request);
    CHECK(body_of(client.response()) == "127.0.0.1 http inner");
  }
}

}  // namespace
}  // namespace roost::test
