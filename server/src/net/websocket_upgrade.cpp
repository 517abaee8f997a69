#include "net/websocket_upgrade.hpp"

#include "http/characters.hpp"
#include "http/exchange.hpp"
#include "http/field_lookup.hpp"
#include "http/response_head.hpp"
#include "websocket/handshake.hpp"

namespace roost::net {
namespace {

bool offers(const roost_request& request, std::string_view protocol) {
  for (size_t i = 0; i < request.header_count; ++i) {
    if (!http::equals_ignore_case(http::view(request.headers[i].name), "sec-websocket-protocol")) continue;
    // Protocols are compared as they are written (section 4.1, 10th point).
    if (!http::each_list_element(http::view(request.headers[i].value),
                                 [protocol](std::string_view element) { return element != protocol; })) {
      return true;
    }
  }
  return false;
}

bool of_the_handshake(std::string_view name) {
  for (const std::string_view own : {"connection", "upgrade", "sec-websocket-accept", "sec-websocket-protocol",
                                     "sec-websocket-extensions", "content-length", "transfer-encoding"}) {
    if (http::equals_ignore_case(name, own)) return true;
  }
  return false;
}

}  // namespace

uint16_t check_upgrade(const http::RequestHead& head, std::string_view origin, const config::Websocket& settings) {
  if (!head.upgrade_websocket) return 426;
  if (head.websocket_repeated || head.has_body()) return 400;
  if (head.websocket_version != "13") return 426;
  if (!websocket::valid_key(head.websocket_key)) return 400;
  if (settings.origins.empty() || origin.data() == nullptr) return 0;
  for (const std::string& allowed : settings.origins) {
    // Scheme and host are case-insensitive, and browsers write them in lower case (RFC 6454 section 6.1).
    if (http::equals_ignore_case(origin, allowed)) return 0;
  }
  return 403;
}

roost_status write_switching_protocols(std::string& out, const roost_request& request, const roost_ws_accept& accept,
                                       const websocket::DeflateOptions* options,
                                       websocket::DeflateParameters& deflate) {
  const std::string_view protocol = http::view(accept.protocol);
  if (!protocol.empty() && !offers(request, protocol)) return ROOST_INVALID;
  http::ResponseHead checked;
  for (size_t i = 0; i < accept.header_count; ++i) {
    const std::string_view name = http::view(accept.headers[i].name);
    if (of_the_handshake(name) || checked.add(name, http::view(accept.headers[i].value)) != ROOST_OK) {
      return ROOST_INVALID;
    }
  }
  const auto accepted =
      websocket::accept_key(http::find_field(request.headers, request.header_count, "sec-websocket-key"));
  out.append("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ");
  out.append(accepted.data(), accepted.size()).append("\r\n");
  if (!protocol.empty()) out.append("Sec-WebSocket-Protocol: ").append(protocol).append("\r\n");
  for (size_t i = 0; options != nullptr && !deflate.agreed && i < request.header_count; ++i) {
    if (!http::equals_ignore_case(http::view(request.headers[i].name), "sec-websocket-extensions")) continue;
    std::string answer;
    if (websocket::negotiate_deflate(http::view(request.headers[i].value), *options, deflate, answer)) {
      out.append("Sec-WebSocket-Extensions: ").append(answer).append("\r\n");
    }
  }
  for (const auto& field : checked.fields) out.append(field.name).append(": ").append(field.value).append("\r\n");
  out.append("\r\n");
  return ROOST_OK;
}

}  // namespace roost::net
