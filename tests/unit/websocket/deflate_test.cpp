#include "websocket/deflate.hpp"

#include <catch2/catch.hpp>

#include "websocket/session.hpp"

namespace roost::websocket {

TEST_CASE("Deflate.Negotiates") {
  const std::string plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
  const struct {
    const char* offers;
    std::string want;  // empty: declined
    int bits;
  } cases[] = {
      {"permessage-deflate", plain, 15},
      {"permessage-deflate; client_max_window_bits", plain, 15},
      {"permessage-deflate;client_max_window_bits=8;server_no_context_takeover", plain, 15},
      {"permessage-deflate; server_max_window_bits=8", plain + "; server_max_window_bits=8", 8},
      {"foo, permessage-deflate; server_max_window_bits=\"11\"", plain + "; server_max_window_bits=11", 11},
      {"permessage-deflate; server_max_window_bits=7, permessage-deflate", plain, 15},
      {"permessage-deflate; server_max_window_bits=7", "", 0},
      {"permessage-deflate; server_max_window_bits=010", "", 0},
      {"permessage-deflate; server_max_window_bits", "", 0},
      {"permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", "", 0},
      {"permessage-deflate; client_max_window_bits=x", "", 0},
      {"permessage-deflate; client_no_context_takeover=1", "", 0},
      {"permessage-deflate; mystery", "", 0},
      {"permessage-deflate;", "", 0},
      {"permessage-deflates", "", 0},
      {"", "", 0},
  };
  for (const auto& c : cases) {
    INFO(c.offers);
    DeflateParameters parameters;
    std::string answer;
    CHECK(negotiate_deflate(c.offers, parameters, answer) == !c.want.empty());
    CHECK(answer == c.want);
    if (!c.want.empty()) CHECK(parameters.server_bits == c.bits);
  }
}

TEST_CASE("Deflate.BackAndForth") {
  Deflater deflater;
  Inflater inflater;
  for (const size_t size : {size_t{64}, size_t{1000}, size_t{16384}, size_t{65536}, size_t{1} << 20}) {
    for (uint8_t bits = 8; bits <= 15; ++bits) {
      INFO(size << " " << int{bits});
      std::string text;
      for (size_t i = 0; text.size() < size; ++i) text += "line " + std::to_string(i % 97) + "\n";
      text.resize(size);
      const std::string packed(deflater.deflate(text, bits));
      CHECK(packed.empty() == (bits == 8));
      if (bits == 8) continue;
      CHECK(packed.size() < size);
      REQUIRE(inflater.inflate(packed, size) == Inflater::Result::complete);
      CHECK(inflater.output() == text);
      CHECK(inflater.inflate(packed, size - 1) == Inflater::Result::too_big);
    }
  }
}

TEST_CASE("Deflate.ExamplesOfTheStandard") {
  // RFC 7692 section 7.2.3: a shared block, one that is not compressed, a final one, two blocks.
  const std::string cases[] = {
      {"\xf2\x48\xcd\xc9\xc9\x07\x00", 7},
      {"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00", 11},
      {"\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8},
      {"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00", 13},
  };
  Inflater inflater;
  for (const std::string& packed : cases) {
    REQUIRE(inflater.inflate(packed, 5) == Inflater::Result::complete);
    CHECK(inflater.output() == "Hello");
  }
  CHECK(inflater.inflate(std::string("\x00", 1), 5) == Inflater::Result::complete);
  CHECK(inflater.output().empty());
  CHECK(inflater.inflate("\xff\xff", 5) == Inflater::Result::invalid);
}

TEST_CASE("Deflate.NothingIsSentThatDidNotBecomeShorter") {
  std::string noise;
  uint32_t state = 1;
  for (int i = 0; i < 5000; ++i) noise.push_back(static_cast<char>((state = state * 1664525 + 1013904223) >> 24));
  CHECK(Deflater().deflate(noise, 15).empty());
  CHECK(Deflater().deflate("", 15).empty());
}

}  // namespace roost::websocket
