#include "net/http_exchange.hpp"

#include <fcntl.h>

#include <atomic>
#include <catch2/catch.hpp>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

#include "http_worker.hpp"

namespace roost::test {
namespace {

using http::exchange_of;
using http::str;
using http::view;

roost_response response_of(std::string_view body, uint16_t status = 200) {
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = status;
  response.body = str(body);
  response.file = -1;
  return response;
}

roost_status answer(roost_responder* responder, std::string_view body, uint16_t status = 200) {
  return exchange_of(responder).respond(response_of(body, status));
}

// A thread that runs what handlers leave to it.
class Elsewhere {
 public:
  Elsewhere() : thread_([this] { run(); }) {}
  ~Elsewhere() { stop(); }
  // Before the worker is destroyed, as plugins' stop hooks are.
  void stop() {
    if (!thread_.joinable()) return;
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  void post(std::function<void()> job) {
    {
      const std::lock_guard lock(mutex_);
      jobs_.push_back(std::move(job));
    }
    changed_.notify_one();
  }

 private:
  void run() {
    std::unique_lock lock(mutex_);
    for (;;) {
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      auto job = std::move(jobs_.front());
      jobs_.pop_front();
      lock.unlock();
      job();
      lock.lock();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

class Latch {
 public:
  void set() {
    {
      const std::lock_guard lock(mutex_);
      ++count_;
    }
    changed_.notify_all();
  }
  void wait(int count = 1) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return count_ >= count; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int count_ = 0;
};

std::string route(const std::string& path, const std::string& name, const std::string& more = "") {
  return "  - { path: " + path + ", plugin: test." + name + more + " }\n";
}

std::string get(const std::string& path) {
  return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
}

std::string post(const std::string& path, const std::string& body) {
  return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

const NamedHandler kEcho{"echo", ROOST_HANDLER_IMMEDIATE,
                         [](void*, const roost_request* request, roost_responder* responder) {
                           return answer(responder, view(request->body));
                         }};

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

TEST_CASE("HttpExchange.Bodies") {
  TestPlugin plugin;
  plugin.handlers.push_back(kEcho);
  plugin.handlers.push_back(
      {"size", ROOST_HANDLER_IMMEDIATE, [](void*, const roost_request* request, roost_responder* responder) {
         std::string text = std::to_string(request->body_size);
         if (request->body_file >= 0) {
           char first[4];
           if (pread(request->body_file, first, 4, 0) == 4) text += " file " + std::string(first, 4);
         }
         if (request->trailer_count == 1) text += " " + std::string(view(request->trailers[0].value));
         return answer(responder, text);
       }});
  HttpWorker worker(route("/echo", "echo", ", methods: [POST]") +
                        route("/size", "size", ", methods: [POST], limits: { body_bytes: 1MiB }"),
                    "  limits: { body_bytes: 64KiB, spill: 100KiB }", plugin);
  RawClient client(worker);
  SECTION("whole") {
    client.send(post("/echo", "abc") + post("/echo", "def"));
    CHECK(body_of(client.response()) == "abc");
    CHECK(body_of(client.response()) == "def");
  }
  SECTION("in pieces") {
    const std::string body(50000, 'x');
    const std::string request = post("/echo", body);
    for (size_t at = 0; at < request.size(); at += 777) client.send(std::string_view(request).substr(at, 777));
    CHECK(body_of(client.response()) == body);
  }
  SECTION("chunked, with a request behind it") {
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    client.send("2\r\nde\r\n0\r\n\r\n" + post("/echo", "next"));
    CHECK(body_of(client.response()) == "abcde");
    CHECK(body_of(client.response()) == "next");
  }
  SECTION("trailers") {
    client.send(
        "POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 7\r\n\r\n");
    CHECK(body_of(client.response()) == "3 7");
  }
  SECTION("spilled to a file") {
    client.send(post("/size", "head" + std::string(300'000, 'x')));
    CHECK(body_of(client.response()) == "300004 file head");
    client.send("POST /size HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; ++i) client.send("2710\r\n" + std::string(10000, 'y') + "\r\n");
    client.send("0\r\n\r\n");
    CHECK(body_of(client.response()) == "200000 file yyyy");
  }
  SECTION("over the limit") {
    client.send(post("/echo", std::string(70'000, 'x')));
    const std::string response = client.rest();
    CHECK(status_of(response) == 413);
    CHECK(response.find("Connection: close") != std::string::npos);
  }
  SECTION("chunked over the limit") {
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 8; ++i) client.send("2710\r\n" + std::string(10000, 'y') + "\r\n");
    CHECK(status_of(client.rest()) == 413);
  }
  SECTION("malformed chunks") {
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n");
    CHECK(status_of(client.rest()) == 400);
  }
  SECTION("100-continue") {
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
    CHECK(client.response() == "HTTP/1.1 100 Continue\r\n\r\n");
    client.send("abc");
    CHECK(body_of(client.response()) == "abc");
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

struct Upload {
  roost_responder* responder = nullptr;
  std::string body;
  int pieces = 0;
  Elsewhere* elsewhere = nullptr;
};

TEST_CASE("HttpExchange.StreamsRequestBodies") {
  Elsewhere elsewhere;
  TestPlugin plugin;
  plugin.handlers.push_back(
      {"upload", ROOST_HANDLER_STREAM_BODY,
       [](void* arg, const roost_request*, roost_responder* responder) -> roost_status {
         auto* upload = new Upload;
         upload->responder = responder;
         upload->elsewhere = static_cast<Elsewhere*>(arg);
         static const roost_body_callbacks callbacks = {
             sizeof callbacks,
             [](void* it, const char* data, size_t size) {
               auto& self = *static_cast<Upload*>(it);
               self.body.append(data, size);
               if (++self.pieces % 3 != 0) return;
               exchange_of(self.responder).pause_body();
               self.elsewhere->post([responder = self.responder] { exchange_of(responder).resume_body(); });
             },
             [](void* it, const roost_field*, size_t) {
               auto* self = static_cast<Upload*>(it);
               answer(self->responder, std::to_string(self->body.size()));
               delete self;
             },
             [](void* it, int status, roost_str) {
               auto* self = static_cast<Upload*>(it);
               answer(self->responder, "error", static_cast<uint16_t>(status == 499 ? 400 : status));
               delete self;
             }};
         upload->elsewhere->post([upload] { exchange_of(upload->responder).read_body(callbacks, upload); });
         return ROOST_OK;
       },
       &elsewhere});
  HttpWorker worker(route("/upload", "upload", ", methods: [POST], limits: { body_bytes: 10MiB }"), "", plugin);
  RawClient client(worker);
  client.send(post("/upload", "abc") + post("/upload", std::string(3'000'000, 'u')) + post("/upload", ""));
  CHECK(body_of(client.response()) == "3");
  CHECK(body_of(client.response()) == "3000000");
  CHECK(body_of(client.response()) == "0");
  client.send("POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
  CHECK(client.response() == "HTTP/1.1 100 Continue\r\n\r\n");
  for (int i = 0; i < 100; ++i) client.send("2710\r\n" + std::string(10000, 'y') + "\r\n");
  client.send("0\r\n\r\n");
  CHECK(body_of(client.response()) == "1000000");
  client.send("POST /upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\nno\r\n");
  CHECK(status_of(client.rest()) == 400);
  elsewhere.stop();
}

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
