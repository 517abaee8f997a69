// WebSockets for Python: the type WebSocketConnection, and the events of each connection, which reach their callbacks
// one at a time and in order, whichever thread they come from and run on.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>

#include "field_list.hpp"
#include "job.hpp"
#include "roost/abi.h"

namespace roost::bridge {

enum class SocketEvent : uint8_t { connect, message, close };

// One endpoint. Made in mount(), never freed.
struct SocketTarget {
  struct Callback {
    PyObject* function = nullptr;  // owned; nullptr: none
    bool is_async = false;
  };
  Callback callbacks[3];      // by SocketEvent
  bool prefers_loop = false;  // where what has no callback is done
  std::string group;
  std::string name;

  const Callback& of(SocketEvent event) const { return callbacks[static_cast<size_t>(event)]; }
};

// What of the handshake is kept.
struct Handshake {
  FieldList headers{true};
  FieldList params{false};
  std::string query;
};

// roost_route.handle of an endpoint; self is its SocketTarget.
roost_status accept_socket(void* self, const roost_request* request, roost_responder* responder);

bool ready_websocket_type(PyObject* module);

// str is sent as text, bytes-like as binary. False with TypeError.
bool message_of(PyObject* data, roost_ws_kind& kind, std::string_view& bytes);

}  // namespace roost::bridge
