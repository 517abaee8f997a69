// The events of WebSockets: those of one connection reach their callbacks one at a time and in order, whichever thread
// they come from and run on.
//
// Two styles. With callbacks (roost.WebSocket) the handshake is accepted at once, and each event calls a function. One
// that is steered (App.websocket) is begun before the handshake is answered: on_connect starts a coroutine, which
// accepts or refuses, and takes messages when it wants them; on_message says only that one came while it waited,
// on_drain that the send buffer has emptied, on_close that it is over. All of these are called on the loop thread.
//
// Either way the client waits when its messages are not taken: past kMaxWaiting* the socket is paused.
#pragma once

#include <cstdint>
#include <string>

#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

enum class SocketEvent : uint8_t { connect, message, close, drain };
constexpr size_t kSocketEvents = 4;

// One endpoint. Made in mount(), never freed.
struct SocketTarget {
  struct Callback {
    PyObject* function = nullptr;  // owned; nullptr: none
    bool is_async = false;
  };
  Callback callbacks[kSocketEvents];  // by SocketEvent
  bool prefers_loop = false;          // where what has no callback is done
  bool steered = false;
  std::string group;
  std::string name;

  const Callback& of(SocketEvent event) const { return callbacks[static_cast<size_t>(event)]; }
};

// roost_route.handle of an endpoint; self is its SocketTarget.
roost_status accept_socket(void* self, const roost_request* request, roost_responder* responder);

}  // namespace roost::bridge
