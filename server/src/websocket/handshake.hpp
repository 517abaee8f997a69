// The server's side of the opening handshake, without sockets (RFC 6455 section 4.2). Pure; thread-safe.
#pragma once

#include <array>
#include <string_view>

namespace roost::websocket {

// Whether key is a Sec-WebSocket-Key: 16 bytes in base64, so 22 characters and "==" (RFC 6455 section 4.1, 7th point).
bool valid_key(std::string_view key);

// The 28 characters of Sec-WebSocket-Accept for key (RFC 6455 section 4.2.2, 5.4).
std::array<char, 28> accept_key(std::string_view key);

}  // namespace roost::websocket
