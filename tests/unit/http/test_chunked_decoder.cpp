#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "http/chunked_decoder.hpp"

namespace roost::http {
namespace {

struct Outcome {
  int status;  // 0: complete, -1: incomplete, else the error's
  std::string body, rest, trailers;
};

Outcome decode(const std::string& bytes, size_t piece, const ChunkedLimits& limits = {}) {
  ChunkedDecoder decoder(limits);
  Outcome outcome{-1, "", "", ""};
  for (size_t start = 0; start < bytes.size(); start += piece) {
    const std::vector<char> part(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                                 bytes.begin() + static_cast<std::ptrdiff_t>(std::min(start + piece, bytes.size())));
    size_t at = 0;
    for (;;) {
      const ChunkedDecoder::Step step = decoder.next(part.data() + at, part.size() - at);
      at += step.consumed;
      outcome.body += step.data;
      if (step.status == ChunkedDecoder::Status::need_more) {
        CHECK(at == part.size());
        break;
      }
      if (step.status == ChunkedDecoder::Status::error) {
        outcome.status = decoder.error_status();
        return outcome;
      }
      if (step.status == ChunkedDecoder::Status::done) {
        outcome.status = 0;
        outcome.rest = bytes.substr(start + at);
        for (const roost_field& field : decoder.trailers()) {
          outcome.trailers.append(field.name.data, field.name.size).append("=");
          outcome.trailers.append(field.value.data, field.value.size).append(";");
        }
        return outcome;
      }
    }
  }
  return outcome;
}

}  // namespace

TEST_CASE("ChunkedDecoder.OneReadingOnly") {
  struct Case {
    std::string input;
    int want;
    std::string body, rest, trailers;
  };
  const std::vector<Case> cases = {
      {"0\r\n\r\n", 0, "", "", ""},
      {"5\r\nhello\r\n0\r\n\r\nGET", 0, "hello", "GET", ""},
      {"5\r\nhello\r\nA\r\n0123456789\r\n000\r\n\r\n", 0, "hello0123456789", "", ""},
      {"1;a\r\nx\r\n0;b=c;d=\"e;\\\"f\"\r\n\r\n", 0, "x", "", ""},
      {"1\r\nx\r\n0\r\nA: b\r\nC:d \r\n\r\n", 0, "x", "", "A=b;C=d;"},
      {"0\r\nCookie: c\r\nA: b\r\n\r\n", 0, "", "", "A=b;"},
      {"0\r\nContent-Length: 5\r\n\r\n", 400, "", "", ""},
      {"0\r\nA: b\r\ntransfer-encoding: chunked\r\n\r\n", 400, "", "", ""},
      {"0\r\nHost: a\r\n\r\n", 400, "", "", ""},
      {"0\r\nAuthorization: x\r\n\r\n", 400, "", "", ""},
      {"0\r\nContent-Type: x\r\n\r\n", 400, "", "", ""},
      {"5\r\nhel", -1, "hel", "", ""},
      {"\r\n0\r\n\r\n", 400, "", "", ""},
      {"0x1\r\nx\r\n", 400, "", "", ""},
      {"+1\r\nx\r\n", 400, "", "", ""},
      {"-1\r\nx\r\n", 400, "", "", ""},
      {" 1\r\nx\r\n", 400, "", "", ""},
      {"1 \r\nx\r\n", 400, "", "", ""},
      {"1 ;a\r\nx\r\n", 400, "", "", ""},
      {"1;\r\nx\r\n", 400, "", "", ""},
      {"1; a\r\nx\r\n", 400, "", "", ""},
      {"1;a=\r\nx\r\n", 400, "", "", ""},
      {"1;a=\"b\r\nx\r\n", 400, "", "", ""},
      {"1;a\nx\r\n", 400, "", "", ""},
      {"1\nx\r\n", 400, "", "", ""},
      {"1\rx\r\n", 400, "", "", ""},
      {"1\r\nxy\r\n", 400, "x", "", ""},
      {"1\r\nx\n0\r\n\r\n", 400, "x", "", ""},
      {"g\r\n", 400, "", "", ""},
      {"ffffffffffffffff\r\n", 400, "", "", ""},
      {"10000000000000000\r\n", 400, "", "", ""},
      {"0000000000000000000001\r\nx\r\n", 400, "", "", ""},
      {"0\r\nA b\r\n\r\n", 400, "", "", ""},
      {"0\r\nA : b\r\n\r\n", 400, "", "", ""},
      {"0\r\nA: b\r\n c\r\n\r\n", 400, "", "", ""},
      {"0\r\nA: b\nC: d\r\n\r\n", 400, "", "", ""},
      {"0\r\n\n", 400, "", "", ""},
      {"0\r\n\rX", 400, "", "", ""},
  };
  for (const Case& test : cases) {
    for (size_t piece : {size_t{1}, size_t{3}, size_t{1000}}) {
      INFO(test.input << " in pieces of " << piece);
      const Outcome outcome = decode(test.input, piece);
      CHECK(outcome.status == test.want);
      CHECK(outcome.body == test.body);
      CHECK(outcome.rest == test.rest);
      CHECK(outcome.trailers == test.trailers);
    }
  }
}

TEST_CASE("ChunkedDecoder.LimitsOfExtensionsAndTrailers") {
  const ChunkedLimits limits{.extension_bytes = 20, .trailer_bytes = 40, .trailers = 2};
  CHECK(decode("1;a=bcdef\r\nx\r\n0\r\n\r\n", 1, limits).status == 0);
  CHECK(decode("1;a=bcdef\r\nx\r\n1;a=bcdef\r\nx\r\n1;a=bcdef\r\nx\r\n0\r\n\r\n", 1, limits).status == 400);
  CHECK(decode("0\r\nA: b\r\nC: d\r\n\r\n", 1, limits).status == 0);
  CHECK(decode("0\r\nA: b\r\nC: d\r\nE: f\r\n\r\n", 1, limits).status == 431);
  CHECK(decode("0\r\nA: " + std::string(50, 'b'), 1, limits).status == 431);
}

}  // namespace roost::http
