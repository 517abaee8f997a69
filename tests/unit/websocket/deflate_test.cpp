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
    CHECK(negotiate_deflate(c.offers, {}, parameters, answer) == !c.want.empty());
    CHECK(answer == c.want);
    if (!c.want.empty()) CHECK(parameters.server_bits == c.bits);
  }
}

TEST_CASE("Deflate.NegotiatesContextTakeoverAndWindows") {
  DeflateOptions options;
  options.context_takeover = true;
  options.window_bits = 11;
  const struct {
    const char* offers;
    const char* want;
    int server_bits, client_bits;
    bool server_takeover, client_takeover;
  } cases[] = {
      {"permessage-deflate", "permessage-deflate; server_max_window_bits=11", 11, 15, true, true},
      {"permessage-deflate; server_no_context_takeover",
       "permessage-deflate; server_no_context_takeover; server_max_window_bits=11", 11, 15, false, true},
      {"permessage-deflate; client_no_context_takeover",
       "permessage-deflate; client_no_context_takeover; server_max_window_bits=11", 11, 15, true, false},
      {"permessage-deflate; client_max_window_bits",
       "permessage-deflate; server_max_window_bits=11; client_max_window_bits=11", 11, 11, true, true},
      {"permessage-deflate; client_max_window_bits=9; server_max_window_bits=10",
       "permessage-deflate; server_max_window_bits=10", 10, 9, true, true},
      {"permessage-deflate; client_max_window_bits=13; server_max_window_bits=13",
       "permessage-deflate; server_max_window_bits=11; client_max_window_bits=11", 11, 11, true, true},
  };
  for (const auto& c : cases) {
    INFO(c.offers);
    DeflateParameters parameters;
    std::string answer;
    REQUIRE(negotiate_deflate(c.offers, options, parameters, answer));
    CHECK(answer == c.want);
    CHECK(parameters.server_bits == c.server_bits);
    CHECK(parameters.client_bits == c.client_bits);
    CHECK(parameters.server_takeover == c.server_takeover);
    CHECK(parameters.client_takeover == c.client_takeover);
  }
}

TEST_CASE("Deflate.ContextIsSharedByMessagesAndSurvivesOthers") {
  DeflateParameters parameters;
  parameters.agreed = parameters.server_takeover = parameters.client_takeover = true;
  Deflater deflater;
  DeflateContext sender(parameters, deflater), receiver(parameters, deflater);
  std::string text;
  for (int i = 0; i < 300; ++i) text += std::to_string(i * 7919);
  const auto arrives = [&](std::string_view compressed) {
    REQUIRE(!compressed.empty());
    const std::string copy(compressed);
    CHECK(receiver.inflater().inflate(copy, 1 << 20) == Inflater::Result::complete);
    CHECK(receiver.inflater().output() == text);
    return copy.size();
  };
  const size_t first = arrives(sender.deflate(text));
  CHECK(arrives(sender.deflate(text)) < first / 10);
  // One that another compressor made, as for a topic.
  arrives(deflater.deflate(text, 15));
  sender.forget();
  CHECK(arrives(sender.deflate(text)) > first / 2);
  // What does not become shorter goes out as it is, and is in no window.
  CHECK(sender.deflate("\x01\x9c\x33").empty());
  arrives(sender.deflate(text));
  CHECK(arrives(sender.deflate(text)) < first / 10);
}

TEST_CASE("Deflate.ContextSurvivesAFinalBlock") {
  DeflateParameters parameters;
  parameters.client_takeover = true;
  Deflater deflater;
  DeflateContext receiver(parameters, deflater);
  // "Hello" with BFINAL set and the padding byte (RFC 7692 section 7.2.3.4), then "Hello" that refers to it (7.2.3.2).
  CHECK(receiver.inflater().inflate(std::string_view("\xf3\x48\xcd\xc9\xc9\x07\x00\x00", 8), 100) ==
        Inflater::Result::complete);
  CHECK(receiver.inflater().output() == "Hello");
  CHECK(receiver.inflater().inflate(std::string_view("\xf2\x00\x11\x00\x00", 5), 100) == Inflater::Result::complete);
  CHECK(receiver.inflater().output() == "Hello");
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
