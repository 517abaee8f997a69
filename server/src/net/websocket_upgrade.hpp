// The opening handshake of a WebSocket over HTTP/1.1: judged before its handler is called, answered when the handler
// accepts (RFC 6455 section 4.2). Pure; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "http/request_head.hpp"
#include "roost/abi.h"
#include "websocket/deflate.hpp"

namespace roost::net {

// 0 when the handshake is valid, else the status to answer: 426 when it is none or of another version (the answer then
// names Sec-WebSocket-Version: 13), 400 for a key that is none, 403 for an Origin that is not in settings.origins.
// origin: the Origin field's value; data() is nullptr when there is none, as with clients other than browsers: these
// pass, as the field guards against other sites' pages alone (section 10.2).
uint16_t check_upgrade(const http::RequestHead& head, std::string_view origin, const config::Websocket& settings);

// Appends the head of the 101 response. ROOST_INVALID, and nothing is appended, when a header is malformed or is the
// handshake's own, or accept.protocol is none that the client offered.
// deflate: told what was agreed on with the client; nothing where options is nullptr.
// REQUIRES: request passed check_upgrade().
roost_status write_switching_protocols(std::string& out, const roost_request& request, const roost_ws_accept& accept,
                                       const websocket::DeflateOptions* options, websocket::DeflateParameters& deflate);

}  // namespace roost::net
