#include "websocket/handshake.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace roost::websocket {

TEST_CASE("Handshake.AcceptKeyOfTheRfc") {  // RFC 6455 section 1.3
  const auto accept = accept_key("dGhlIHNhbXBsZSBub25jZQ==");
  CHECK(std::string(accept.data(), accept.size()) == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST_CASE("Handshake.KeyIsSixteenBytesInBase64") {
  CHECK(valid_key("dGhlIHNhbXBsZSBub25jZQ=="));
  for (const char* bad : {"", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ=A",
                          "dGhlIHNhbXBsZSBub25jZ!==", "dGhlIHNhbXBsZSBub25jZQAA", "dGhlIHNhbXBsZSBub25jZQ==AAAA"}) {
    INFO(bad);
    CHECK_FALSE(valid_key(bad));
  }
}

}  // namespace roost::websocket
