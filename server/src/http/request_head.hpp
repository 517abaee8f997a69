// The head of an HTTP/1 request as the parser leaves it: views into the caller's buffer, and what framing and
// connection handling need of it, digested. Belongs to the thread that parsed it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "roost/abi.h"

namespace roost::http {

// RFC 9112 section 3.2.
enum class TargetForm : uint8_t { origin, absolute, authority, asterisk };

struct RequestHead {
  std::string_view method, target;
  std::string_view path;       // raw; "/" for an absolute form without one, "*" for OPTIONS *, empty for CONNECT
  std::string_view query;      // raw; data() is nullptr when there is no '?'
  std::string_view authority;  // of the target, else Host; empty when there is none
  std::string_view host;       // the Host field's value
  const roost_field* fields = nullptr;  // the parser's array
  size_t field_count = 0;
  size_t bytes = 0;  // of the head in the buffer, with the empty line at its end
  TargetForm form = TargetForm::origin;
  uint16_t version = 0;  // 0x0100, 0x0101

  uint64_t content_length = 0;
  bool has_content_length = false;
  bool chunked = false;
  bool keep_alive = false;           // by version and Connection (RFC 9112 section 9.3)
  bool expect_continue = false;      // HTTP/1.1 alone (RFC 9110 section 10.1.1)
  bool unknown_expectation = false;  // 417
  bool upgrade_websocket = false;    // GET, HTTP/1.1, Connection: upgrade and Upgrade: websocket; the rest is unchecked
  bool websocket_repeated = false;   // Sec-WebSocket-Key or -Version came more than once: refuse the handshake
  std::string_view websocket_key, websocket_version;
  std::string_view websocket_protocols, websocket_extensions;  // of the first such line; more are in fields

  bool has_body() const { return chunked || content_length != 0; }
};

}  // namespace roost::http
