#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "http/request_parser.hpp"

namespace roost::http {
namespace {

using namespace std::string_literals;

// What a head comes to: 0 when it was accepted, the error's status, or -1 when it is incomplete.
int outcome(RequestParser& parser, const std::string& bytes) {
  switch (parser.parse(bytes.data(), bytes.size())) {
    case ParseResult::done:
      return 0;
    case ParseResult::error:
      return parser.status();
    case ParseResult::need_more:
      break;
  }
  return -1;
}

// The same, with the bytes arriving one at a time in a buffer that ends where they end.
int outcome_split(RequestParser& parser, const std::string& bytes) {
  size_t seen = 0;
  for (size_t size = 1; size <= bytes.size(); ++size) {
    const std::vector<char> piece(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    const ParseResult result = parser.parse(piece.data(), size, seen);
    if (result == ParseResult::done) return 0;
    if (result == ParseResult::error) return parser.status();
    seen = size;
  }
  return -1;
}

std::string get(const std::string& fields) {
  return "GET / HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
}

}  // namespace

TEST_CASE("RequestParser.OneReadingOnly") {
  struct Case {
    std::string input;
    int want;
  };
  const std::string path_8k(9000, 'a');
  const std::vector<Case> cases = {
      // Request line (RFC 9112 section 3).
      {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {" GET / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /  HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\rHost: a\r\n\r\n", 400},
      {"GET /\r\n\r\n", 400},
      {"G@T / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.10\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.\r\nHost: a\r\n\r\n", 400},
      {"GET / http/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505},
      {"GET / HTTP/0.9\r\nHost: a\r\n\r\n", 505},
      {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505},
      {"GET / HTTP/1.0\r\n\r\n", 0},
      {std::string(33, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {std::string(256, 'A') + " / HTTP/1.1\r\nHost: a\r\n\r\n", 501},
      {std::string(257, 'A'), 400},
      {"GET /" + path_8k + " HTTP/1.1\r\nHost: a\r\n\r\n", 414},
      {"GET /" + path_8k, 414},
      // Targets (RFC 9112 section 3.2).
      {"GET /a{}|\\^`\"<>[]?{}|\\^`\"<>[]? HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\x7f HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\x80 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n"s, 400},
      {"GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET a:443 HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"GET HTTPS://b HTTP/1.1\r\nHost: a\r\n\r\n", 0},
      {"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://u@b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET http://b:99999/ HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      {"GET ftp://b/x HTTP/1.1\r\nHost: a\r\n\r\n", 400},
      // Host (RFC 9112 section 3.2, RFC 9110 section 7.2).
      {"GET / HTTP/1.1\r\n\r\n", 400},
      {"GET http://b/ HTTP/1.1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost:\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a:80:80\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: %zz\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0},
      {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nHost: [zz]\r\n\r\n", 400},
      {"GET / HTTP/1.1\r\nhOsT:\t a:80 \t\r\n\r\n", 0},
      // Fields (RFC 9112 section 5, RFC 9110 section 5.5).
      {get("A : b\r\n"), 400},
      {get("A\t: b\r\n"), 400},
      {get(": b\r\n"), 400},
      {get("A b\r\n"), 400},
      {get("A\r\n"), 400},
      {get("A\xc3\xa9: b\r\n"), 400},
      {get("A(: b\r\n"), 400},
      {get("A: b\r\n c\r\n"), 400},
      {get("A: b\r\n\tc\r\n"), 400},
      {"GET / HTTP/1.1\r\n Host: a\r\n\r\n", 400},
      {get("A: b\rc\r\n"), 400},
      {get("A: b\nC: d\r\n"), 400},
      {get("A: b\0c\r\n"s), 400},
      {get("A: b\x01\r\n"), 400},
      {get("A: b\x7f\r\n"), 400},
      {get("A: \xff\x80 b\tc\r\n"), 0},
      {get("A:\r\n"), 0},
      {get("A: 0123456789abcdef0123456789abcde\x01"
           "f\r\n"),
       400},
      // Content-Length (RFC 9112 section 6.3).
      {get("Content-Length: 0\r\n"), 0},
      {get("Content-Length:5\r\n"), 0},
      {get("Content-Length:  5\r\n"), 400},
      {get("Content-Length:\t5\r\n"), 400},
      {get("Content-Length: 5 \r\n"), 400},
      {get("Content-Length: 05\r\n"), 400},
      {get("Content-Length: 00\r\n"), 400},
      {get("Content-Type: a/b\r\ncontent-type: a/b\r\n"), 400},
      {get("Content-Length: 5\r\nContent-Length: 5\r\n"), 400},
      {get("Content-Length: 5\r\nContent-Length: 6\r\n"), 400},
      {get("Content-Length: 5, 5\r\n"), 400},
      {get("Content-Length: +5\r\n"), 400},
      {get("Content-Length: -5\r\n"), 400},
      {get("Content-Length: 0x5\r\n"), 400},
      {get("Content-Length: 5 5\r\n"), 400},
      {get("Content-Length: 5.0\r\n"), 400},
      {get("Content-Length:\r\n"), 400},
      {get("Content-Length: 9223372036854775807\r\n"), 0},
      {get("Content-Length: 9223372036854775808\r\n"), 400},
      {get("Content-Length: 18446744073709551616\r\n"), 400},
      {get("Content-Length: 99999999999999999999999999\r\n"), 400},
      // Transfer-Encoding (RFC 9112 section 6.1).
      {get("Transfer-Encoding: chunked\r\n"), 0},
      {get("TRANSFER-encoding: CHUNKED\r\n"), 0},
      {get("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400},
      {get("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400},
      {get("Content-Length: 5\r\nTransfer-Encoding: x\r\n"), 400},
      {get("Transfer-Encoding: chunked, chunked\r\n"), 400},
      {get("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400},
      {get("Transfer-Encoding:chunked\r\n"), 0},
      {get("Transfer-Encoding:  chunked\r\n"), 400},
      {get("Transfer-Encoding:\tchunked\r\n"), 400},
      {get("Transfer-Encoding: chunked\t\r\n"), 400},
      {get("Transfer-Encoding: chunked, gzip\r\n"), 400},
      {get("Transfer-Encoding: gzip, chunked\r\n"), 501},
      {get("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 501},
      {get("Transfer-Encoding: identity\r\n"), 501},
      {get("Transfer-Encoding: xchunked\r\n"), 501},
      {get("Transfer-Encoding: chunked;q=1\r\n"), 400},
      {get("Transfer-Encoding: \"chunked\"\r\n"), 400},
      {get("Transfer-Encoding: chunked,\r\n"), 400},
      {get("Transfer-Encoding: , chunked\r\n"), 400},
      {get("Transfer-Encoding:\r\n"), 400},
      {get("Transfer-Encoding:\x0b"
           "chunked\r\n"),
       400},
      {get("Transfer-Encoding : chunked\r\n"), 400},
      {get("Transfer_Encoding: chunked\r\nContent-Length: 5\r\n"), 0},
      {"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400},
      // Incomplete.
      {"", -1},
      {"\r", -1},
      {"GET", -1},
      {"GET / HTTP/1.1\r", -1},
      {"GET / HTTP/1.1\r\nHost: a\r\n", -1},
      {"GET / HTTP/1.1\r\nHost: a\r\n\r", -1},
      {"GET / HTTP/1.1\r\nHost: a\r\n\rX", 400},
  };
  RequestParser parser({});
  for (const Case& test : cases) {
    INFO(test.input);
    CHECK(outcome(parser, test.input) == test.want);
    CHECK(outcome_split(parser, test.input) == test.want);
  }
}

TEST_CASE("RequestParser.LimitsOfTheHead") {
  RequestParser parser({.header_bytes = 4096, .headers = 3, .target_bytes = 1024});
  CHECK(outcome(parser, get("A: b\r\nC: d\r\n")) == 0);
  CHECK(outcome(parser, get("A: b\r\nC: d\r\nE: f\r\n")) == 431);
  CHECK(outcome(parser, get("A: " + std::string(5000, 'x') + "\r\n")) == 431);
  CHECK(outcome_split(parser, get("A: " + std::string(5000, 'x') + "\r\n")) == 431);
  CHECK(outcome(parser, get("A: " + std::string(5000, 'x'))) == 431);
  CHECK(outcome(parser, "GET /" + std::string(1023, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n") == 0);
  CHECK(outcome(parser, "GET /" + std::string(1024, 'x') + " HTTP/1.1\r\nHost: a\r\n\r\n") == 414);
  CHECK(outcome_split(parser, get("A: " + std::string(3000, 'x') + "\x01\r\n")) == 400);
  CHECK(outcome_split(parser, get("A: " + std::string(3000, 'x') + "\r\n")) == 0);
}

TEST_CASE("RequestParser.DigestsConnectionAndExpect") {
  struct Case {
    std::string version, fields;
    bool keep_alive, expect_continue, unknown_expectation, websocket;
  };
  const std::vector<Case> cases = {
      {"1.1", "", true, false, false, false},
      {"1.0", "", false, false, false, false},
      {"1.1", "Connection: close\r\n", false, false, false, false},
      {"1.1", "Connection: foo, CLOSE ,bar\r\n", false, false, false, false},
      {"1.1", "Connection: foo\r\nConnection: close\r\n", false, false, false, false},
      {"1.0", "Connection: Keep-Alive\r\n", true, false, false, false},
      {"1.0", "Connection: keep-alive, close\r\n", false, false, false, false},
      {"1.1", "Connection: closed\r\n", true, false, false, false},
      {"1.1", "Expect: 100-Continue\r\n", true, true, false, false},
      {"1.1", "Expect: 200-ok\r\n", true, false, true, false},
      {"1.1", "Expect: 100-continue\r\nExpect: x\r\n", true, false, true, false},
      {"1.0", "Expect: 100-continue\r\n", false, false, false, false},
      {"1.1", "Connection: keep-alive, Upgrade\r\nUpgrade: h2c, WebSocket\r\n", true, false, false, true},
      {"1.1", "Upgrade: websocket\r\n", true, false, false, false},
      {"1.0", "Connection: Upgrade\r\nUpgrade: websocket\r\n", false, false, false, false},
  };
  RequestParser parser({});
  for (const Case& test : cases) {
    const std::string input = "GET / HTTP/" + test.version + "\r\nHost: a\r\n" + test.fields + "\r\n";
    INFO(input);
    REQUIRE(outcome(parser, input) == 0);
    CHECK(parser.head().keep_alive == test.keep_alive);
    CHECK(parser.head().expect_continue == test.expect_continue);
    CHECK(parser.head().unknown_expectation == test.unknown_expectation);
    CHECK(parser.head().upgrade_websocket == test.websocket);
  }
}

TEST_CASE("RequestParser.SplitsTheTarget") {
  struct Case {
    std::string method, target, path, query, authority;
    bool has_query;
    TargetForm form;
  };
  const std::vector<Case> cases = {
      {"GET", "/", "/", "", "a", false, TargetForm::origin},
      {"GET", "/a/b?c=d?e", "/a/b", "c=d?e", "a", true, TargetForm::origin},
      {"GET", "/0123456789abcdefgh?", "/0123456789abcdefgh", "", "a", true, TargetForm::origin},
      {"GET", "//b/c", "//b/c", "", "a", false, TargetForm::origin},
      {"GET", "http://b:80/c?d", "/c", "d", "b:80", true, TargetForm::absolute},
      {"GET", "http://b?d", "/", "d", "b", true, TargetForm::absolute},
      {"GET", "http://b", "/", "", "b", false, TargetForm::absolute},
      {"OPTIONS", "http://b", "*", "", "b", false, TargetForm::absolute},
      {"OPTIONS", "*", "*", "", "a", false, TargetForm::asterisk},
      {"CONNECT", "b:443", "", "", "b:443", false, TargetForm::authority},
  };
  RequestParser parser({});
  for (const Case& test : cases) {
    const std::string input = test.method + " " + test.target + " HTTP/1.1\r\nHost: a\r\n\r\n";
    INFO(input);
    REQUIRE(outcome(parser, input) == 0);
    const RequestHead& head = parser.head();
    CHECK(head.path == test.path);
    CHECK(head.query == test.query);
    CHECK((head.query.data() != nullptr) == test.has_query);
    CHECK(head.authority == test.authority);
    CHECK(head.form == test.form);
  }
}

TEST_CASE("RequestParser.ViewsMoveWithTheBytes") {
  RequestParser parser({});
  std::string bytes = "\r\nPOST http://b HTTP/1.1\r\nHost: a\r\nX-One:  two \r\nContent-Length: 7\r\n\r\nrest";
  REQUIRE(parser.parse(bytes.data(), bytes.size()) == ParseResult::done);
  CHECK(parser.head().bytes == bytes.size() - 4);
  CHECK(parser.head().content_length == 7);
  const std::string copy = bytes;
  parser.relocate(bytes.data(), bytes.size(), copy.data());
  bytes.assign(bytes.size(), '!');
  const RequestHead& head = parser.head();
  CHECK(head.method == "POST");
  CHECK(head.path == "/");
  CHECK(head.authority == "b");
  CHECK(head.host == "a");
  REQUIRE(head.field_count == 3);
  CHECK(std::string_view(head.fields[1].name.data, head.fields[1].name.size) == "X-One");
  CHECK(std::string_view(head.fields[1].value.data, head.fields[1].value.size) == "two");
}

}  // namespace roost::http
