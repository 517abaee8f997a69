// Bodies of requests: whole, in pieces, spilled, streamed.
#include <unistd.h>

#include <catch2/catch.hpp>

#include "http_handlers.hpp"

namespace roost::test {
namespace {

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

}  // namespace
}  // namespace roost::test
