// The Python type WebSocketConnection: one connection as applications hold it, beyond its end too. GIL held throughout.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "field_list.hpp"
#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

// What of the handshake is kept.
struct Handshake {
  FieldList headers{true};
  FieldList params{false};
  std::string query;
};

bool ready_websocket_type(PyObject* module);

// New reference, which retains the socket.
PyObject* new_connection(roost_websocket* socket, std::shared_ptr<Handshake> handshake);

// str is sent as text, bytes as binary. False with TypeError.
bool message_of(PyObject* data, roost_ws_kind& kind, std::string_view& bytes);

}  // namespace roost::bridge
