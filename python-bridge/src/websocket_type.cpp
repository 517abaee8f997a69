#include "websocket_type.hpp"

#include <structmember.h>

#include <new>

#include "fields_type.hpp"
#include "host.hpp"

namespace roost::bridge {

namespace {

struct ConnectionObject {
  PyObject_HEAD roost_websocket* socket;  // holds a reference
  std::shared_ptr<Handshake> handshake;
  PyObject* id;
  PyObject* path_params;
  PyObject* query_params;
  PyObject* headers;
  PyObject* dict;  // what applications put on it
  SocketOwner* owner;
  PyObject* close_reason;
  int close_code;  // 0: open
};

PyTypeObject* connection_type = nullptr;

ConnectionObject* connection_of(PyObject* object) {
  return reinterpret_cast<ConnectionObject*>(object);
}

void connection_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  ConnectionObject* connection = connection_of(self);
  Py_CLEAR(connection->id);
  Py_CLEAR(connection->path_params);
  Py_CLEAR(connection->query_params);
  Py_CLEAR(connection->headers);
  Py_CLEAR(connection->dict);
  Py_CLEAR(connection->close_reason);
  if (connection->socket != nullptr) host->ws_release(connection->socket);
  connection->handshake.~shared_ptr();
  if (connection->owner != nullptr) connection->owner->object_gone();
  type->tp_free(self);
  Py_DECREF(type);
}

int connection_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(connection_of(self)->path_params);
  Py_VISIT(connection_of(self)->dict);
  return 0;
}

int connection_clear(PyObject* self) {
  Py_CLEAR(connection_of(self)->path_params);
  Py_CLEAR(connection_of(self)->dict);
  return 0;
}

PyObject* get_id(PyObject* self, void*) {
  return Py_NewRef(connection_of(self)->id);
}

PyObject* get_path(PyObject* self, void*) {
  return to_unicode(connection_of(self)->handshake->path);
}

PyObject* get_ip(PyObject* self, void*) {
  return to_unicode(connection_of(self)->handshake->client_ip);
}

PyObject* get_close_code(PyObject* self, void*) {
  if (connection_of(self)->close_code == 0) Py_RETURN_NONE;
  return PyLong_FromLong(connection_of(self)->close_code);
}

PyObject* get_close_reason(PyObject* self, void*) {
  PyObject* const reason = connection_of(self)->close_reason;
  return reason != nullptr ? Py_NewRef(reason) : to_unicode({});
}

PyObject* get_buffered(PyObject* self, void*) {
  roost_websocket* const socket = connection_of(self)->socket;
  return PyLong_FromSize_t(socket == nullptr ? 0 : host->ws_buffered(socket));
}

PyObject* get_path_params(PyObject* self, void*) {
  ConnectionObject* connection = connection_of(self);
  if (connection->path_params == nullptr) {
    const FieldList& params = connection->handshake->params;
    Ref made = Ref::steal(PyDict_New());
    for (size_t i = 0; made && i < params.size(); ++i) {
      const Ref name = Ref::steal(to_unicode(params.name(i)));
      const Ref value = Ref::steal(to_unicode(params.value(i)));
      if (!name || !value || PyDict_SetItem(made.get(), name.get(), value.get()) < 0) return nullptr;
    }
    connection->path_params = made.release();
  }
  return Py_XNewRef(connection->path_params);
}

PyObject* get_query_params(PyObject* self, void*) {
  ConnectionObject* connection = connection_of(self);
  if (connection->query_params == nullptr) {
    connection->query_params = new_fields(query_params_type);
    if (connection->query_params != nullptr)
      fields_of(connection->query_params).add_query(connection->handshake->query);
  }
  return Py_XNewRef(connection->query_params);
}

PyObject* get_headers(PyObject* self, void*) {
  ConnectionObject* connection = connection_of(self);
  if (connection->headers == nullptr) {
    connection->headers = new_fields(headers_type);
    const FieldList& headers = connection->handshake->headers;
    for (size_t i = 0; connection->headers != nullptr && i < headers.size(); ++i)
      fields_of(connection->headers).add(headers.name(i), headers.value(i));
  }
  return Py_XNewRef(connection->headers);
}

// False with a Python error.
bool send(PyObject* self, PyObject* data, roost_status& status) {
  roost_ws_kind kind{};
  std::string_view bytes;
  if (!message_of(data, kind, bytes)) return false;
  roost_websocket* const socket = connection_of(self)->socket;
  status = socket == nullptr ? ROOST_GONE : host->ws_send(socket, kind, str(bytes));
  return true;
}

PyObject* send_message(PyObject* self, PyObject* data) {
  roost_status status{};
  if (!send(self, data, status)) return nullptr;
  return PyBool_FromLong(status == ROOST_OK || status == ROOST_WOULD_BLOCK);
}

PyObject* send_status(PyObject* self, PyObject* data) {
  roost_status status{};
  if (!send(self, data, status)) return nullptr;
  return PyLong_FromLong(status == ROOST_OK ? 0 : status == ROOST_WOULD_BLOCK ? 1 : 2);
}

SocketOwner* owner_of(PyObject* self) {
  SocketOwner* const owner = connection_of(self)->owner;
  if (owner == nullptr) PyErr_SetString(PyExc_RuntimeError, "this connection was accepted by the server");
  return owner;
}

PyObject* accept(PyObject* self, PyObject* args) {
  const char* protocol = nullptr;
  Py_ssize_t size = 0;
  PyObject* headers = nullptr;
  if (!PyArg_ParseTuple(args, "z#O:accept", &protocol, &size, &headers)) return nullptr;
  const Ref list = Ref::steal(PySequence_List(headers));
  if (!list) return nullptr;
  std::vector<roost_field> fields;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list.get()); ++i) {
    PyObject* const pair = PyList_GET_ITEM(list.get(), i);
    if (!PyTuple_Check(pair) || PyTuple_GET_SIZE(pair) != 2) {
      PyErr_SetString(PyExc_TypeError, "headers are tuples of name and value");
      return nullptr;
    }
    const std::string_view name = utf8_of(PyTuple_GET_ITEM(pair, 0));
    const std::string_view value = name.data() == nullptr ? name : utf8_of(PyTuple_GET_ITEM(pair, 1));
    if (value.data() == nullptr) return nullptr;
    fields.push_back({str(name), str(value)});
  }
  SocketOwner* const owner = owner_of(self);
  if (owner == nullptr) return nullptr;
  return owner->accept(protocol == nullptr ? std::string_view() : std::string_view(protocol, static_cast<size_t>(size)),
                       fields);
}

PyObject* refuse(PyObject* self, PyObject* response) {
  SocketOwner* const owner = owner_of(self);
  if (owner == nullptr || !owner->refuse(response)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* next_message(PyObject* self, PyObject*) {
  SocketOwner* const owner = owner_of(self);
  return owner == nullptr ? nullptr : owner->next_message();
}

PyObject* close_connection(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* const names[] = {"code", "reason", nullptr};
  int code = 1000;
  const char* reason = "";
  Py_ssize_t size = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|is#", const_cast<char**>(names), &code, &reason, &size))
    return nullptr;
  if (connection_of(self)->socket == nullptr) Py_RETURN_NONE;
  const bool known = (code >= 1000 && code <= 1014) || (code >= 3000 && code <= 4999);
  if (!known || host->ws_close(connection_of(self)->socket, static_cast<uint16_t>(code),
                               {reason, static_cast<size_t>(size)}) == ROOST_INVALID) {
    PyErr_SetString(PyExc_ValueError,
                    "code must be 1000, 1001, 1003, 1007 to 1014 or 3000 to 4999, "
                    "reason at most 123 bytes");
    return nullptr;
  }
  Py_RETURN_NONE;
}

PyObject* subscribe(PyObject* self, PyObject* topic) {
  const std::string_view name = utf8_of(topic);
  if (name.data() == nullptr) return nullptr;
  if (connection_of(self)->socket != nullptr) host->ws_subscribe(connection_of(self)->socket, str(name));
  Py_RETURN_NONE;
}

PyObject* unsubscribe(PyObject* self, PyObject* topic) {
  const std::string_view name = utf8_of(topic);
  if (name.data() == nullptr) return nullptr;
  if (connection_of(self)->socket != nullptr) host->ws_unsubscribe(connection_of(self)->socket, str(name));
  Py_RETURN_NONE;
}

PyObject* connection_repr(PyObject* self) {
  return PyUnicode_FromFormat("<WebSocketConnection %U>", connection_of(self)->id);
}

PyGetSetDef connection_fields[] = {
    {"id", get_id, nullptr, "Unique for this host.", nullptr},
    {"path_params", get_path_params, nullptr, "A dict of the pattern's parameters, decoded.", nullptr},
    {"query_params", get_query_params, nullptr, "QueryParams of the handshake.", nullptr},
    {"headers", get_headers, nullptr, "Headers of the handshake.", nullptr},
    {"path", get_path, nullptr, "The path that was asked for, as it was sent.", nullptr},
    {"ip_addr", get_ip, nullptr, "The client's address.", nullptr},
    {"buffered", get_buffered, nullptr, "Bytes that wait to be sent.", nullptr},
    {"close_code", get_close_code, nullptr,
     "What the client closed with; 1005: nothing, 1006: it vanished. None: open.", nullptr},
    {"close_reason", get_close_reason, nullptr, "What the client gave as its reason.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyMemberDef connection_members[] = {{"__dictoffset__", T_PYSSIZET, offsetof(ConnectionObject, dict), READONLY, nullptr},
                                    {nullptr, 0, 0, 0, nullptr}};
PyMethodDef connection_methods[] = {
    {"send_text", send_message, METH_O, "Sends a str; False when the connection is gone."},
    {"send_bytes", send_message, METH_O, "Sends bytes; False when the connection is gone."},
    {"send", send_message, METH_O, "Sends a str as text, bytes as binary; False when the connection is gone."},
    {"close", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(close_connection)), METH_VARARGS | METH_KEYWORDS,
     "Begins the close handshake: close(code=1000, reason=\"\")."},
    {"subscribe", subscribe, METH_O, "Receives what is published to the topic."},
    {"unsubscribe", unsubscribe, METH_O, "No longer receives what is published to the topic."},
    {"send_status", send_status, METH_O, "Sends; 0: sent, 1: sent, but wait for drain, 2: it is gone."},
    {"accept", accept, METH_VARARGS, "Accepts the handshake: accept(subprotocol or None, headers); False: gone."},
    {"refuse", refuse, METH_O, "Answers the handshake with a response."},
    {"next_message", next_message, METH_NOARGS, "A str or bytes; None: there is none yet."},
    {nullptr, nullptr, 0, nullptr}};
PyType_Slot connection_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(connection_dealloc)},
                                  {Py_tp_traverse, reinterpret_cast<void*>(connection_traverse)},
                                  {Py_tp_clear, reinterpret_cast<void*>(connection_clear)},
                                  {Py_tp_getset, connection_fields},
                                  {Py_tp_members, connection_members},
                                  {Py_tp_methods, connection_methods},
                                  {Py_tp_repr, reinterpret_cast<void*>(connection_repr)},
                                  {0, nullptr}};
PyType_Spec connection_spec = {"roost._native.WebSocketConnection", sizeof(ConnectionObject), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                               connection_slots};

}  // namespace

PyObject* new_connection(roost_websocket* socket, std::shared_ptr<Handshake> handshake, SocketOwner* owner) {
  PyObject* made = connection_type->tp_alloc(connection_type, 0);
  if (made == nullptr) return nullptr;
  new (&connection_of(made)->handshake) std::shared_ptr<Handshake>(std::move(handshake));
  if (socket != nullptr) host->ws_retain(socket);
  connection_of(made)->socket = socket;
  connection_of(made)->id = to_unicode(socket == nullptr ? std::string_view() : view(host->ws_id(socket)));
  if (connection_of(made)->id == nullptr) {
    Py_CLEAR(made);
    return nullptr;
  }
  connection_of(made)->owner = owner;
  return made;
}

void set_socket(PyObject* connection, roost_websocket* socket) {
  host->ws_retain(socket);
  connection_of(connection)->socket = socket;
  if (PyObject* id = to_unicode(view(host->ws_id(socket)))) Py_SETREF(connection_of(connection)->id, id);
  PyErr_Clear();
}

void set_closed(PyObject* connection, uint16_t code, std::string_view reason) {
  connection_of(connection)->close_code = code;
  Py_XSETREF(connection_of(connection)->close_reason, to_unicode(reason));
  PyErr_Clear();
}

bool message_of(PyObject* data, roost_ws_kind& kind, std::string_view& bytes) {
  if (PyUnicode_Check(data)) {
    kind = ROOST_WS_TEXT;
    bytes = utf8_of(data);
    return bytes.data() != nullptr;
  }
  kind = ROOST_WS_BINARY;
  if (PyBytes_Check(data)) {
    bytes = {PyBytes_AS_STRING(data), static_cast<size_t>(PyBytes_GET_SIZE(data))};
    return true;
  }
  if (PyByteArray_Check(data)) {
    bytes = {PyByteArray_AS_STRING(data), static_cast<size_t>(PyByteArray_GET_SIZE(data))};
    return true;
  }
  PyErr_Format(PyExc_TypeError, "a WebSocket message is str or bytes, not %.100s", Py_TYPE(data)->tp_name);
  return false;
}

bool ready_websocket_type(PyObject* module) {
  if (connection_type == nullptr) connection_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&connection_spec));
  return connection_type != nullptr &&
         PyModule_AddObjectRef(module, "WebSocketConnection", reinterpret_cast<PyObject*>(connection_type)) == 0;
}

}  // namespace roost::bridge
