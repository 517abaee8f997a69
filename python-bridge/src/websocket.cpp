#include "websocket.hpp"

#include <structmember.h>

#include <new>

#include "answer.hpp"
#include "bridge.hpp"
#include "callable.hpp"
#include "fields_type.hpp"
#include "host.hpp"
#include "json_encode.hpp"

namespace roost::bridge {

namespace {

// What may wait for a connection's callbacks before it is closed: they do not keep up.
constexpr size_t kMaxWaitingEvents = 65536;
constexpr size_t kMaxWaitingBytes = 16 << 20;
// Events of one connection in a row, before others have their turn.
constexpr int kInARow = 32;

struct ConnectionObject {
  PyObject_HEAD roost_websocket* socket;  // holds a reference
  std::shared_ptr<Handshake> handshake;
  PyObject* id;
  PyObject* path_params;
  PyObject* query_params;
  PyObject* headers;
  PyObject* dict;  // what applications put on it
};

PyTypeObject* connection_type = nullptr;

ConnectionObject* connection_of(PyObject* object) {
  return reinterpret_cast<ConnectionObject*>(object);
}

PyObject* new_connection(roost_websocket* socket, std::shared_ptr<Handshake> handshake) {
  PyObject* made = connection_type->tp_alloc(connection_type, 0);
  if (made == nullptr) return nullptr;
  new (&connection_of(made)->handshake) std::shared_ptr<Handshake>(std::move(handshake));
  host->ws_retain(socket);
  connection_of(made)->socket = socket;
  connection_of(made)->id = to_unicode(view(host->ws_id(socket)));
  if (connection_of(made)->id == nullptr) Py_CLEAR(made);
  return made;
}

class SocketConnection final : public Job {
 public:
  SocketConnection(const SocketTarget& target, const roost_request& request);

  // On the I/O thread.
  void opened(roost_websocket* socket);
  void push(SocketEvent kind, roost_ws_kind message_kind, std::string_view data);

  void run() override;
  void done(Ref result) override;

 private:
  struct Event {
    SocketEvent kind;
    roost_ws_kind message_kind;
    std::string data;
  };
  enum class Step { finished, waiting };

  const SocketTarget::Callback& callback() const { return target_.of(current_.kind); }
  bool wants_loop(SocketEvent kind) const {
    const SocketTarget::Callback& found = target_.of(kind);
    return found.function != nullptr ? found.is_async : target_.prefers_loop;
  }
  void dispatch(bool to_loop);
  Step call();
  void answer(PyObject* result);
  // Takes the next event. False when there is none: nothing of this may be touched any more, or it is deleted.
  bool advance(bool& to_loop);

  const SocketTarget& target_;
  roost_websocket* socket_ = nullptr;
  std::shared_ptr<Handshake> handshake_;

  std::mutex mutex_;
  std::deque<Event> events_;  // guarded by mutex_, as are the next two
  size_t waiting_bytes_ = 0;
  bool busy_ = false;  // queued or in a callback
  bool overrun_ = false;

  // Of whoever runs it, one at a time.
  Event current_{};
  PyObject* object_ = nullptr;
  PyObject* coroutine_ = nullptr;  // of a plain function, on its way to the loop
  bool in_run_ = false;
};

SocketConnection::SocketConnection(const SocketTarget& target, const roost_request& request)
    : target_(target), handshake_(std::make_shared<Handshake>()) {
  for (size_t i = 0; i < request.header_count; ++i)
    handshake_->headers.add(view(request.headers[i].name), view(request.headers[i].value));
  for (size_t i = 0; i < request.param_count; ++i)
    handshake_->params.add(view(request.params[i].name), view(request.params[i].value));
  handshake_->query = view(request.query);
}

void SocketConnection::opened(roost_websocket* socket) {
  host->ws_retain(socket);
  socket_ = socket;
  push(SocketEvent::connect, ROOST_WS_TEXT, {});
}

void SocketConnection::push(SocketEvent kind, roost_ws_kind message_kind, std::string_view data) {
  if (kind != SocketEvent::close && target_.of(kind).function == nullptr) return;
  bool overrun = false;
  {
    std::lock_guard lock(mutex_);
    if (kind == SocketEvent::message) {
      if (overrun_) return;
      overrun = events_.size() >= kMaxWaitingEvents || waiting_bytes_ > kMaxWaitingBytes;
      overrun_ = overrun;
    }
    if (!overrun) {
      events_.push_back({kind, message_kind, std::string(data)});
      waiting_bytes_ += data.size();
      if (busy_) return;
      busy_ = true;
    }
  }
  if (overrun) {
    host->ws_close(socket_, 1013, str("messages come faster than they are handled"));
    return;
  }
  dispatch(wants_loop(kind));
}

void SocketConnection::dispatch(bool to_loop) {
  Job* self = this;
  if (to_loop)
    bridge().loop().post(&self, 1);
  else
    bridge().pool().submit(&self, 1);
}

SocketConnection::Step SocketConnection::call() {
  if (object_ == nullptr) object_ = new_connection(socket_, handshake_);
  if (object_ == nullptr) {
    answer(nullptr);
    return Step::finished;
  }
  if (callback().function == nullptr) return Step::finished;
  Ref message;
  if (current_.kind == SocketEvent::message) {
    const auto size = static_cast<Py_ssize_t>(current_.data.size());
    message =
        Ref::steal(current_.message_kind == ROOST_WS_TEXT ? PyUnicode_DecodeUTF8(current_.data.data(), size, nullptr)
                                                          : PyBytes_FromStringAndSize(current_.data.data(), size));
    if (!message) {
      answer(nullptr);
      return Step::finished;
    }
  }
  PyObject* args[] = {nullptr, object_, message.get()};
  Ref result = Ref::steal(
      PyObject_Vectorcall(callback().function, args + 1, (message ? 2 : 1) | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr));
  if (result && callback().is_async) {
    bridge().loop().tasks().run(std::move(result), *this);
    return task == nullptr ? Step::finished : Step::waiting;
  }
  if (result && PyCoro_CheckExact(result.get()) && bridge().ensure_loop()) {
    coroutine_ = result.release();
    dispatch(true);
    return Step::waiting;
  }
  answer(result.get());
  return Step::finished;
}

// Sends what a callback returned. nullptr: the exception that is set is logged.
void SocketConnection::answer(PyObject* result) {
  if (result != nullptr && current_.kind != SocketEvent::close && result != Py_None) {
    roost_ws_kind kind = ROOST_WS_TEXT;
    std::string_view data;
    ByteBuffer json;
    const bool structured = PyDict_Check(result) || PyList_Check(result);
    if (structured ? encode_json(result, json) : message_of(result, kind, data)) {
      if (structured) data = json.view();
      if (!data.empty()) host->ws_send(socket_, kind, str(data));
    }
  }
  if (PyErr_Occurred()) {
    static const char* const kNames[] = {"connect", "message", "close"};
    log(ROOST_LOG_ERROR,
        target_.name + " raised on " + kNames[static_cast<size_t>(current_.kind)] + "\n" + take_traceback());
  }
}

bool SocketConnection::advance(bool& to_loop) {
  if (current_.kind == SocketEvent::close) {
    Py_CLEAR(object_);
    host->ws_release(socket_);
    delete this;
    return false;
  }
  std::lock_guard lock(mutex_);
  if (events_.empty()) {
    busy_ = false;
    return false;
  }
  to_loop = wants_loop(events_.front().kind);
  return true;
}

void SocketConnection::run() {
  if (coroutine_ != nullptr) {
    bridge().loop().tasks().run(Ref::steal(std::exchange(coroutine_, nullptr)), *this);
    return;
  }
  bool here = false;
  for (int i = 0; i < kInARow; ++i) {
    {
      std::lock_guard lock(mutex_);
      current_ = std::move(events_.front());
      events_.pop_front();
      waiting_bytes_ -= current_.data.size();
    }
    here = wants_loop(current_.kind);
    in_run_ = true;
    const Step step = call();
    in_run_ = false;
    if (step == Step::waiting) return;
    bool to_loop = false;
    if (!advance(to_loop)) return;
    if (to_loop != here || i + 1 == kInARow) return dispatch(to_loop);
  }
}

void SocketConnection::done(Ref result) {
  answer(result.get());
  result = Ref();
  if (in_run_) return;  // the first step ended it: run() goes on
  bool to_loop = false;
  if (advance(to_loop)) dispatch(to_loop);
}

const roost_ws_callbacks kCallbacks = {
    sizeof(roost_ws_callbacks),
    [](void* arg, roost_websocket* socket) { static_cast<SocketConnection*>(arg)->opened(socket); },
    [](void* arg, roost_websocket*, roost_ws_kind kind, const char* data, size_t size) {
      static_cast<SocketConnection*>(arg)->push(SocketEvent::message, kind, {data, size});
    },
    nullptr,
    [](void* arg, roost_websocket*, uint16_t, roost_str) {
      static_cast<SocketConnection*>(arg)->push(SocketEvent::close, ROOST_WS_TEXT, {});
    }};

// ------------------------------------------------------------------------------------------------- WebSocketConnection

void connection_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  ConnectionObject* connection = connection_of(self);
  Py_CLEAR(connection->id);
  Py_CLEAR(connection->path_params);
  Py_CLEAR(connection->query_params);
  Py_CLEAR(connection->headers);
  Py_CLEAR(connection->dict);
  if (connection->socket != nullptr) host->ws_release(connection->socket);
  connection->handshake.~shared_ptr();
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

PyObject* send_message(PyObject* self, PyObject* data) {
  roost_ws_kind kind{};
  std::string_view bytes;
  if (!message_of(data, kind, bytes)) return nullptr;
  const roost_status status = host->ws_send(connection_of(self)->socket, kind, str(bytes));
  return PyBool_FromLong(status == ROOST_OK || status == ROOST_WOULD_BLOCK);
}

PyObject* close_connection(PyObject* self, PyObject* args, PyObject* keywords) {
  static const char* const names[] = {"code", "reason", nullptr};
  int code = 1000;
  const char* reason = "";
  Py_ssize_t size = 0;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|is#", const_cast<char**>(names), &code, &reason, &size))
    return nullptr;
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
  host->ws_subscribe(connection_of(self)->socket, str(name));
  Py_RETURN_NONE;
}

PyObject* unsubscribe(PyObject* self, PyObject* topic) {
  const std::string_view name = utf8_of(topic);
  if (name.data() == nullptr) return nullptr;
  host->ws_unsubscribe(connection_of(self)->socket, str(name));
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

roost_status accept_socket(void* self, const roost_request* request, roost_responder* responder) {
  const auto& target = *static_cast<SocketTarget*>(self);
  auto* connection = new SocketConnection(target, *request);
  roost_ws_accept accept{};
  accept.struct_size = sizeof accept;
  accept.callbacks = &kCallbacks;
  accept.arg = connection;
  accept.group = str(target.group);
  const roost_status status = host->ws_accept(responder, &accept, nullptr);
  if (status == ROOST_OK) return ROOST_OK;
  delete connection;
  if (status == ROOST_GONE) return ROOST_OK;
  host->fail(responder, str("the WebSocket handshake cannot be accepted"));
  return ROOST_ERROR;
}

bool Bridge::mount_websocket(PyObject* item, const roost_mount& mount, const roost_mount_sink& sink,
                             roost_error* error) {
  const char *pattern = nullptr, *name = nullptr;
  PyObject* handler = nullptr;
  const Ref entry = Ref::steal(PySequence_Tuple(item));
  if (!entry || !PyArg_ParseTuple(entry.get(), "sOs:websocket", &pattern, &handler, &name)) return false;
  auto target = std::make_unique<SocketTarget>();
  target->name = name;
  static const char* const kAttributes[] = {"on_connect", "on_message", "on_close"};
  for (size_t i = 0; i < 3; ++i) {
    Ref function = Ref::steal(PyObject_GetAttrString(handler, kAttributes[i]));
    if (!function) return false;
    if (function.get() == Py_None) continue;
    target->callbacks[i] = {function.get(), kind_of(function.get()).is_async};
    function.release();
    if (target->callbacks[i].is_async)
      target->prefers_loop = wants_loop_ = true;
    else
      wants_pool_ = true;
  }
  if (!target->prefers_loop) wants_pool_ = true;
  Ref group = Ref::steal(PyObject_GetAttrString(handler, "group"));
  if (group && PyUnicode_Check(group.get())) target->group = utf8_of(group.get());
  PyErr_Clear();
  if (target->group.empty()) {
    target->group = std::string(view(mount.host)).append(view(mount.path)).append(" ").append(pattern);
    group =
        Ref::steal(PyUnicode_FromStringAndSize(target->group.data(), static_cast<Py_ssize_t>(target->group.size())));
    if (!group || PyObject_SetAttrString(handler, "group", group.get()) < 0) return false;
  }
  roost_route route{};
  route.struct_size = sizeof route;
  route.flags = ROOST_HANDLER_WEBSOCKET;
  route.methods = str("GET");
  route.pattern = str(pattern);
  route.name = str(target->name);
  route.handle = accept_socket;
  route.self = target.get();
  if (sink.add_route(sink.impl, &route, error) < 0) return false;
  sockets_.push_back(std::move(target));
  return true;
}

}  // namespace roost::bridge
