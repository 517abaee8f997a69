// Close codes (RFC 6455 section 7.4 and the IANA registry of WebSocket close codes).
#pragma once

#include <cstdint>

namespace roost::websocket {

enum CloseCode : uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  kNoStatus = 1005,  // never sent: the peer's close frame had no code
  kAbnormal = 1006,  // never sent: no close frame came
  kInvalidPayload = 1007,
  kTooBig = 1009,
  kInternalError = 1011,
  kTryAgainLater = 1013,
};

// Whether a peer may send it: 1000-1003, 1007-1014, 3000-4999.
constexpr bool may_arrive(uint16_t code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) || (code >= 3000 && code <= 4999);
}

// Whether a handler may send it: 1002 is the server's own, 1010 a client's.
constexpr bool may_be_sent(uint16_t code) {
  return may_arrive(code) && code != 1002 && code != 1010;
}

}  // namespace roost::websocket
