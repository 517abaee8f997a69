// The Python type WebSocketConnection: one connection as applications hold it, beyond its end too. GIL held throughout.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "field_list.hpp"
#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

// What of the handshake is kept.
struct Handshake {
  FieldList headers{true};
  FieldList params{false};
  std::string query, path, client_ip;
};

// Who steers a connection from its Python object: the methods accept, refuse and next_message. GIL held, loop thread.
class SocketOwner {
 public:
  // True, or False when the client has gone. nullptr with ValueError or RuntimeError.
  virtual PyObject* accept(std::string_view protocol, const std::vector<roost_field>& headers) = 0;
  // response: whatever a handler may return. False with an exception.
  virtual bool refuse(PyObject* response) = 0;
  // str or bytes; None when there is none, and on_message follows when one comes.
  virtual PyObject* next_message() = 0;
  // The last call: the object is being destroyed.
  virtual void object_gone() = 0;

 protected:
  ~SocketOwner() = default;
};

bool ready_websocket_type(PyObject* module);

// New reference, which retains the socket; that may be nullptr and come later. owner: nullptr when it is not steered.
PyObject* new_connection(roost_websocket* socket, std::shared_ptr<Handshake> handshake, SocketOwner* owner);
void set_socket(PyObject* connection, roost_websocket* socket);
void set_closed(PyObject* connection, uint16_t code, std::string_view reason);

// str is sent as text, bytes as binary. False with TypeError.
bool message_of(PyObject* data, roost_ws_kind& kind, std::string_view& bytes);

}  // namespace roost::bridge
