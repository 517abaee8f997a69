#include "websocket/frame.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace roost::websocket {
namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string out;
  for (const int v : values) out.push_back(static_cast<char>(v));
  return out;
}

}  // namespace

TEST_CASE("Frame.HeaderIsJudgedAsSoonAsItsBytesAreThere") {
  const std::vector<std::pair<std::string, HeaderStatus>> cases = {
      {"", HeaderStatus::incomplete},
      {bytes({0x81}), HeaderStatus::incomplete},
      {bytes({0xc1}), HeaderStatus::reserved_bits},
      {bytes({0xa1}), HeaderStatus::reserved_bits},
      {bytes({0x91}), HeaderStatus::reserved_bits},
      {bytes({0x83}), HeaderStatus::bad_opcode},
      {bytes({0x87}), HeaderStatus::bad_opcode},
      {bytes({0x8b}), HeaderStatus::bad_opcode},
      {bytes({0x8f}), HeaderStatus::bad_opcode},
      {bytes({0x09}), HeaderStatus::bad_control},
      {bytes({0x81, 0x05}), HeaderStatus::not_masked},
      {bytes({0x89, 0xfe}), HeaderStatus::bad_control},
      {bytes({0x88, 0xff}), HeaderStatus::bad_control},
      {bytes({0x81, 0xfe, 0x00, 0x7d}), HeaderStatus::bad_length},
      {bytes({0x81, 0xfe, 0x00, 0x7e}), HeaderStatus::incomplete},
      {bytes({0x81, 0xfe, 0x00, 0x7e, 1, 2, 3, 4}), HeaderStatus::complete},
      {bytes({0x81, 0xff, 0x80}), HeaderStatus::bad_length},
      {bytes({0x81, 0xff, 0, 0, 0, 0, 0, 0, 0xff, 0xff}), HeaderStatus::bad_length},
      {bytes({0x81, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 1, 2, 3, 4}), HeaderStatus::complete},
  };
  for (const auto& [input, want] : cases) {
    INFO(Catch::StringMaker<std::string>::convert(input));
    FrameHeader header;
    CHECK(parse_header(input, header) == want);
  }
}

TEST_CASE("Frame.ServerHeadersOfTheRfc") {  // RFC 6455 section 5.7
  char out[kMaxServerHeader];
  CHECK(std::string(out, write_header(out, Opcode::text, 5)) == bytes({0x81, 0x05}));
  CHECK(std::string(out, write_header(out, Opcode::text, 3, false)) == bytes({0x01, 0x03}));
  CHECK(std::string(out, write_header(out, Opcode::continuation, 2)) == bytes({0x80, 0x02}));
  CHECK(std::string(out, write_header(out, Opcode::ping, 5)) == bytes({0x89, 0x05}));
  CHECK(std::string(out, write_header(out, Opcode::binary, 256)) == bytes({0x82, 0x7e, 0x01, 0x00}));
  CHECK(std::string(out, write_header(out, Opcode::binary, 65536)) == bytes({0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0}));
}

TEST_CASE("Frame.UnmasksAnyLengthFromAnyOffset") {
  const uint8_t mask[4] = {0x37, 0xfa, 0x21, 0x3d};
  for (size_t size = 0; size < 70; ++size) {
    for (uint64_t offset = 0; offset < 5; ++offset) {
      std::string data(size, 'x'), want(size, 'x');
      for (size_t i = 0; i < size; ++i) want[i] = static_cast<char>('x' ^ mask[(offset + i) % 4]);
      unmask(data.data(), size, mask, offset);
      CHECK(data == want);
    }
  }
}

}  // namespace roost::websocket
