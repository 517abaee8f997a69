#include "net/resp.hpp"

#include <catch2/catch.hpp>

using namespace roost::net;
using Type = RespReply::Type;

TEST_CASE("Resp.ReadsEachKindOfReplyWhole") {
  const struct {
    std::string_view bytes;
    Type type;
    std::string_view text;
    int64_t number;
  } cases[] = {
      {"+PONG\r\n", Type::text, "PONG", 0},
      {"-ERR no\r\n", Type::error, "ERR no", 0},
      {":-7\r\n", Type::integer, "", -7},
      {"$5\r\na\r\nbc\r\n", Type::bulk, "a\r\nbc", 0},
      {"$0\r\n\r\n", Type::bulk, "", 0},
      {"$-1\r\n", Type::null, "", 0},
      {"*-1\r\n", Type::null, "", 0},
      {"*0\r\n", Type::array, "", 0},
      {"*2\r\n$1\r\nx\r\n:3\r\n", Type::array, "", 0},
  };
  for (const auto& test : cases) {
    INFO(test.bytes);
    RespReply reply;
    size_t taken = 0;
    REQUIRE(read_reply(std::string(test.bytes) + "+next", reply, taken) == RespStatus::complete);
    CHECK(taken == test.bytes.size());
    CHECK(reply.type == test.type);
    CHECK(reply.number == test.number);
    for (size_t end = 0; end < test.bytes.size(); ++end) {
      CHECK(read_reply(test.bytes.substr(0, end), reply, taken) == RespStatus::incomplete);
    }
    REQUIRE(read_reply(test.bytes, reply, taken) == RespStatus::complete);
    CHECK(reply.text == test.text);
  }
}

TEST_CASE("Resp.RefusesWhatIsNoReply") {
  for (const std::string_view bytes :
       {"HTTP/1.1 400 Bad Request\r\n", "\r\n", ":x\r\n", ":\r\n", "$x\r\n", "$-2\r\n", "$99999999999\r\n",
        "$1\r\nab\r\n", "*99999999\r\n", "*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n"}) {
    INFO(bytes);
    RespReply reply;
    size_t taken = 0;
    CHECK(read_reply(bytes, reply, taken) == RespStatus::invalid);
  }
}

TEST_CASE("Resp.WritesCommandsAsArrays") {
  std::string out;
  write_command(out, {"PUBLISH", "a b", std::string_view("\0\r\n", 3)});
  CHECK(out == std::string("*3\r\n$7\r\nPUBLISH\r\n$3\r\na b\r\n$3\r\n\0\r\n\r\n", 35));
}
