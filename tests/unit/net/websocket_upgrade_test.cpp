#include "net/websocket_upgrade.hpp"

#include <catch2/catch.hpp>
#include <vector>

namespace roost::net {
namespace {

roost_str str(std::string_view text) {
  return {text.data(), text.size()};
}

http::RequestHead good() {
  http::RequestHead head;
  head.upgrade_websocket = true;
  head.websocket_version = "13";
  head.websocket_key = "dGhlIHNhbXBsZSBub25jZQ==";
  return head;
}

}  // namespace

TEST_CASE("WebSocketUpgrade.Check") {
  config::Websocket settings;
  CHECK(check_upgrade(good(), {}, settings) == 0);
  CHECK(check_upgrade(good(), "https://evil.example", settings) == 0);
  auto head = good();
  head.upgrade_websocket = false;
  CHECK(check_upgrade(head, {}, settings) == 426);
  head = good();
  head.websocket_version = "8";
  CHECK(check_upgrade(head, {}, settings) == 426);
  head = good();
  head.websocket_key = "short";
  CHECK(check_upgrade(head, {}, settings) == 400);
  head = good();
  head.websocket_repeated = true;
  CHECK(check_upgrade(head, {}, settings) == 400);

  settings.origins = {"https://app.example.com"};
  CHECK(check_upgrade(good(), {}, settings) == 0);
  CHECK(check_upgrade(good(), "https://App.example.com", settings) == 0);
  CHECK(check_upgrade(good(), "https://app.example.com.evil", settings) == 403);
  CHECK(check_upgrade(good(), "null", settings) == 403);
  CHECK(check_upgrade(good(), "", settings) == 403);
}

TEST_CASE("WebSocketUpgrade.SwitchingProtocols") {
  const std::vector<roost_field> fields{{str("Sec-WebSocket-Key"), str("dGhlIHNhbXBsZSBub25jZQ==")},
                                        {str("sec-websocket-protocol"), str("chat, notes")}};
  roost_request request{};
  request.headers = fields.data();
  request.header_count = fields.size();
  const std::vector<roost_field> more{{str("X-Room"), str("blue")}};
  roost_ws_accept accept{};
  accept.protocol = str("notes");
  accept.headers = more.data();
  accept.header_count = 1;
  std::string out;
  websocket::DeflateParameters deflate;
  CHECK(write_switching_protocols(out, request, accept, nullptr, deflate) == ROOST_OK);
  CHECK(out ==
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: notes\r\nX-Room: blue\r\n\r\n");

  out.clear();
  accept.protocol = str("Notes");
  CHECK(write_switching_protocols(out, request, accept, nullptr, deflate) == ROOST_INVALID);
  accept.protocol = str("");
  for (const roost_field& bad : {roost_field{str("X"), str("a\r\nb")}, roost_field{str("Upgrade"), str("h2c")}}) {
    accept.headers = &bad;
    CHECK(write_switching_protocols(out, request, accept, nullptr, deflate) == ROOST_INVALID);
  }
  CHECK(out.empty());
}

}  // namespace roost::net
