#include "dispatch/dispatcher.hpp"

#include <catch2/catch.hpp>
#include <mutex>
#include <thread>

#include "http_worker.hpp"

namespace roost::test {
namespace {

using http::exchange_of;
using http::str;
using http::view;

roost_status answer(roost_responder* responder, std::string_view body, uint16_t status = 200) {
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = status;
  response.body = str(body);
  response.file = -1;
  return exchange_of(responder).respond(response);
}

// What links of the chain did, in order, on the server's threads: Catch's assertions are the main thread's alone.
struct Diary {
  std::mutex mutex;
  std::string text;
  void add(const std::string& what) {
    const std::lock_guard lock(mutex);
    text += what + " ";
  }
  std::string take() {
    const std::lock_guard lock(mutex);
    return std::exchange(text, {});
  }
};

struct Link {
  Diary* diary;
  std::string name;
  roost_decision decision = ROOST_CONTINUE;
  std::thread thread{};
};

roost_decision before(void* self, const roost_request*, roost_responder* responder, void** context) {
  auto& link = *static_cast<Link*>(self);
  link.diary->add(link.name + "<");
  *context = self;
  if (link.decision == ROOST_RESPOND) answer(responder, "refused", 403);
  if (link.decision == ROOST_LATER) {
    if (link.thread.joinable()) link.thread.join();
    link.thread = std::thread([responder] { exchange_of(responder).resume(); });
  }
  return link.decision;
}

void after(void* self, const roost_request*, roost_response_head* head, void* context) {
  auto& link = *static_cast<Link*>(self);
  link.diary->add(link.name + (context == self ? ">" : "?"));
  static_cast<http::ResponseHead*>(head)->add("X-" + link.name, "1");
}

void finish(void* self, void* context) {
  auto& link = *static_cast<Link*>(self);
  link.diary->add(link.name + (context == self ? "." : "?"));
}

TestPlugin chain(std::vector<Link>& links) {
  TestPlugin plugin;
  for (Link& link : links) {
    roost_middleware middleware{};
    middleware.before = before;
    middleware.after = after;
    middleware.finish = finish;
    middleware.self = &link;
    plugin.middleware.push_back({link.name, middleware});
  }
  plugin.handlers.push_back({"hi", ROOST_HANDLER_IMMEDIATE,
                             [](void* self, const roost_request*, roost_responder* responder) {
                               static_cast<Diary*>(self)->add("handler");
                               return answer(responder, "hi");
                             },
                             links[0].diary});
  return plugin;
}

const std::string kRest =
    "middleware:\n  - plugin: test.a\n  - plugin: test.b\n  - plugin: test.c\n    paths: [/api/*]";
const std::string kRoutes = "  - { path: /hi, plugin: test.hi }\n  - { path: /api/hi, plugin: test.hi }\n";

TEST_CASE("Dispatcher.RunsTheChainInsideOut") {
  Diary diary;
  std::vector<Link> links;
  links.push_back({&diary, "a"});
  links.push_back({&diary, "b"});
  links.push_back({&diary, "c"});
  HttpWorker worker(kRoutes, "", chain(links), kRest);
  RawClient client(worker);
  client.send("GET /hi HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string response = client.response();
  CHECK(body_of(response) == "hi");
  CHECK(response.find("X-b: 1\r\nX-a: 1\r\n") != std::string::npos);
  CHECK(diary.take() == "a< b< handler b> a> b. a. ");
  client.send("GET /api/hi HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(body_of(client.response()) == "hi");
  CHECK(diary.take() == "a< b< c< handler c> b> a> c. b. a. ");
}

TEST_CASE("Dispatcher.ALinkMayAnswer") {
  Diary diary;
  std::vector<Link> links;
  links.push_back({&diary, "a"});
  links.push_back({&diary, "b", ROOST_RESPOND});
  links.push_back({&diary, "c"});
  HttpWorker worker(kRoutes, "", chain(links), kRest);
  RawClient client(worker);
  client.send("GET /api/hi HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(status_of(client.response()) == 403);
  CHECK(diary.take() == "a< b< b> a> b. a. ");
}

TEST_CASE("Dispatcher.ALinkMayGoOnLater") {
  Diary diary;
  std::vector<Link> links;
  links.push_back({&diary, "a", ROOST_LATER});
  links.push_back({&diary, "b", ROOST_LATER});
  links.push_back({&diary, "c"});
  {
    HttpWorker worker(kRoutes, "", chain(links), kRest);
    RawClient client(worker);
    for (int i = 0; i < 50; ++i) {
      client.send("GET /hi HTTP/1.1\r\nHost: x\r\n\r\nGET /none HTTP/1.1\r\nHost: x\r\n\r\n");
      CHECK(body_of(client.response()) == "hi");
      const std::string missing = client.response();
      CHECK(status_of(missing) == 404);
      CHECK(missing.find("X-a: 1\r\n") != std::string::npos);
    }
  }
  for (Link& link : links) {
    if (link.thread.joinable()) link.thread.join();
  }
}

TEST_CASE("Dispatcher.RunsForWhatNoRouteTakes") {
  Diary diary;
  std::vector<Link> links;
  links.push_back({&diary, "a"});
  links.push_back({&diary, "b"});
  links.push_back({&diary, "c"});
  HttpWorker worker(kRoutes + "  - { path: /www, directory: /tmp }\n", "", chain(links), kRest);
  RawClient client(worker);
  struct Case {
    std::string line;
    int status;
    std::string has;
  };
  for (const Case& it :
       {Case{"POST /hi", 405, "Allow: GET, HEAD, OPTIONS\r\n"}, Case{"OPTIONS /hi", 204, "Allow: "},
        Case{"GET /www?x=1", 308, "Location: /www/?x=1\r\n"}, Case{"GET //www", 404, ""}, Case{"GET /none", 404, ""}}) {
    INFO(it.line);
    client.send(it.line + " HTTP/1.1\r\nHost: x\r\n\r\n");
    const std::string response = client.response(it.status == 204);
    CHECK(status_of(response) == it.status);
    CHECK(response.find(it.has) != std::string::npos);
    CHECK(response.find("X-a: 1\r\n") != std::string::npos);
  }
}

TEST_CASE("Dispatcher.WebSocketHandlersWantAHandshake") {
  TestPlugin plugin;
  plugin.handlers.push_back(
      {"ws", ROOST_HANDLER_WEBSOCKET,
       [](void*, const roost_request*, roost_responder* responder) { return answer(responder, "declined", 403); }});
  HttpWorker worker("  - { path: /ws, plugin: test.ws }\n", "  websocket: { origins: [\"http://good\"] }", plugin);
  const std::string upgrade = "GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n";
  struct Case {
    std::string request;
    int status;
  };
  for (const Case& it : {
           Case{"GET /ws HTTP/1.1\r\nHost: x\r\n\r\n", 426},
           Case{upgrade + "Sec-WebSocket-Version: 12\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 426},
           Case{upgrade + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: short\r\n\r\n", 400},
           Case{upgrade + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                          "Origin: http://bad\r\n\r\n",
                403},
           Case{upgrade + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n", 403},
       }) {
    INFO(it.request);
    RawClient client(worker);
    client.send(it.request);
    CHECK(status_of(client.response()) == it.status);
  }
}

}  // namespace
}  // namespace roost::test
