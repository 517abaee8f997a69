#include "websocket_connection.hpp"

#include "answer.hpp"
#include "bridge.hpp"
#include "host.hpp"
#include "json_encode.hpp"

namespace roost::bridge {

namespace {

// What may wait to be taken before the client has to wait; it may go on at half of it.
constexpr size_t kMaxWaiting = 1024;
constexpr size_t kMaxWaitingBytes = 1 << 20;
// Events of one connection in a row, before others have their turn.
constexpr int kInARow = 32;

}  // namespace

SocketConnection::SocketConnection(const SocketTarget& target, const roost_request& request)
    : target_(target), handshake_(std::make_shared<Handshake>()) {
  for (size_t i = 0; i < request.header_count; ++i)
    handshake_->headers.add(view(request.headers[i].name), view(request.headers[i].value));
  for (size_t i = 0; i < request.param_count; ++i)
    handshake_->params.add(view(request.params[i].name), view(request.params[i].value));
  handshake_->query = view(request.query);
  handshake_->path = view(request.path);
  handshake_->client_ip = view(host->text(&request, ROOST_TEXT_CLIENT_IP));
}

// On the I/O thread --------------------------------------------------------------------------------------------------

// Hears of the end of a client whose handshake is not answered yet. Lives until the request is over: its callback may
// come while the connection, on the loop thread, answers and ends.
class SocketConnection::Departure {
 public:
  void on_gone() {
    const std::lock_guard lock(mutex_);
    gone_ = true;
    tell();
  }
  bool gone() {
    const std::lock_guard lock(mutex_);
    return gone_;
  }
  // The connection is told its end, once, at once when the client has gone.
  void wait(SocketConnection* connection) {
    const std::lock_guard lock(mutex_);
    waiting_ = connection;
    if (gone_) tell();
  }
  // It is not told any more, as it answers. Whether it was.
  bool leave() {
    const std::lock_guard lock(mutex_);
    waiting_ = nullptr;
    return gone_;
  }

 private:
  void tell() {
    if (waiting_ != nullptr) std::exchange(waiting_, nullptr)->closed(1006, {});
  }

  std::mutex mutex_;  // guards what follows
  SocketConnection* waiting_ = nullptr;
  bool gone_ = false;
};

void SocketConnection::begin(roost_responder* responder) {
  responder_ = responder;
  auto* const departure = departure_ = new Departure;
  host->on_release(
      responder, [](void* arg) { delete static_cast<Departure*>(arg); }, departure);
  host->on_cancel(
      responder, [](void* arg) { static_cast<Departure*>(arg)->on_gone(); }, departure);
  const bool gone = departure->gone();
  if (!gone) departure->wait(this);  // told on this thread, so not before this returns
  push(SocketEvent::connect, {});
  if (gone) closed(1006, {});
}

void SocketConnection::opened(roost_websocket* socket) {
  if (target_.steered) return;
  host->ws_retain(socket);
  socket_ = socket;
  push(SocketEvent::connect, {});
}

void SocketConnection::message(roost_websocket* socket, roost_ws_kind kind, std::string_view data) {
  if (!target_.steered && target_.of(SocketEvent::message).function == nullptr) return;
  Message message{kind, std::string(data)};
  bool wake = false;
  {
    const std::lock_guard lock(mutex_);
    ++waiting_;
    waiting_bytes_ += data.size();
    if (!paused_ && (waiting_ >= kMaxWaiting || waiting_bytes_ >= kMaxWaitingBytes)) {
      paused_ = true;
      host->ws_pause(socket);
    }
    if (target_.steered) {
      inbox_.push_back(std::move(message));
      wake = std::exchange(awaited_, false);
      if (!wake) return;
    }
  }
  push(SocketEvent::message, {SocketEvent::message, target_.steered ? Message{} : std::move(message), 0});
}

void SocketConnection::closed(uint16_t code, std::string_view reason) {
  push(SocketEvent::close, {SocketEvent::close, {ROOST_WS_TEXT, std::string(reason)}, code});
}

void SocketConnection::push(SocketEvent kind, Event event) {
  if (kind != SocketEvent::close && target_.of(kind).function == nullptr) return;
  event.kind = kind;
  {
    const std::lock_guard lock(mutex_);
    events_.push_back(std::move(event));
    if (busy_) return;
    busy_ = true;
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

bool SocketConnection::wants_loop(SocketEvent kind) const {
  if (target_.steered) return true;
  const SocketTarget::Callback& found = target_.of(kind);
  return found.function != nullptr ? found.is_async : target_.prefers_loop;
}

// With the GIL -------------------------------------------------------------------------------------------------------

PyObject* SocketConnection::Message::to_python() const {
  const auto size = static_cast<Py_ssize_t>(data.size());
  return kind == ROOST_WS_TEXT ? PyUnicode_DecodeUTF8(data.data(), size, nullptr)
                               : PyBytes_FromStringAndSize(data.data(), size);
}

void SocketConnection::taken(size_t bytes) {
  --waiting_;
  waiting_bytes_ -= bytes;
  if (!paused_ || waiting_ > kMaxWaiting / 2 || waiting_bytes_ > kMaxWaitingBytes / 2) return;
  paused_ = false;
  if (socket_ != nullptr) host->ws_resume(socket_);
}

SocketConnection::Step SocketConnection::call() {
  if (object_ == nullptr) object_ = new_connection(socket_, handshake_, target_.steered ? this : nullptr);
  if (object_ == nullptr) {
    answer(nullptr);
    return Step::finished;
  }
  if (current_.kind == SocketEvent::close) set_closed(object_, current_.code, current_.message.data);
  if (callback().function == nullptr) return Step::finished;
  Ref message;
  if (current_.kind == SocketEvent::message && !target_.steered) {
    message = Ref::steal(current_.message.to_python());
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
    static const char* const kNames[] = {"connect", "message", "close", "drain"};
    log(ROOST_LOG_ERROR,
        target_.name + " raised on " + kNames[static_cast<size_t>(current_.kind)] + "\n" + take_traceback());
  }
}

bool SocketConnection::advance(bool& to_loop) {
  if (current_.kind == SocketEvent::close) {
    if (socket_ != nullptr) host->ws_release(std::exchange(socket_, nullptr));
    PyObject* const object = std::exchange(object_, nullptr);
    // A steered one's object, once nobody holds it, deletes this.
    const bool owned = target_.steered && object != nullptr;
    if (!owned) delete this;
    Py_XDECREF(object);
    return false;
  }
  const std::lock_guard lock(mutex_);
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
      const std::lock_guard lock(mutex_);
      current_ = std::move(events_.front());
      events_.pop_front();
      if (current_.kind == SocketEvent::message && !target_.steered) taken(current_.message.data.size());
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

// Steered ------------------------------------------------------------------------------------------------------------

namespace {

const roost_ws_callbacks kCallbacks = {
    sizeof(roost_ws_callbacks),
    [](void* arg, roost_websocket* socket) { static_cast<SocketConnection*>(arg)->opened(socket); },
    [](void* arg, roost_websocket* socket, roost_ws_kind kind, const char* data, size_t size) {
      static_cast<SocketConnection*>(arg)->message(socket, kind, {data, size});
    },
    [](void* arg, roost_websocket*) { static_cast<SocketConnection*>(arg)->drained(); },
    [](void* arg, roost_websocket*, uint16_t code, roost_str reason) {
      static_cast<SocketConnection*>(arg)->closed(code, view(reason));
    }};

roost_ws_accept acceptance(const SocketTarget& target, SocketConnection* connection) {
  roost_ws_accept accept{};
  accept.struct_size = sizeof accept;
  accept.callbacks = &kCallbacks;
  accept.arg = connection;
  accept.group = str(target.group);
  return accept;
}

}  // namespace

PyObject* SocketConnection::accept(std::string_view protocol, const std::vector<roost_field>& headers) {
  if (responder_ == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "the handshake has been answered");
    return nullptr;
  }
  if (departure_->leave()) {
    host->drop(std::exchange(responder_, nullptr));
    Py_RETURN_FALSE;
  }
  roost_ws_accept accept = acceptance(target_, this);
  accept.protocol = str(protocol);
  accept.headers = headers.data();
  accept.header_count = headers.size();
  roost_websocket* socket = nullptr;
  const roost_status status = host->ws_accept(responder_, &accept, &socket);
  if (status == ROOST_INVALID || status == ROOST_UNSUPPORTED) {
    departure_->wait(this);
    PyErr_SetString(PyExc_ValueError,
                    "the handshake cannot be accepted so: the client has not offered that subprotocol, or a header is "
                    "malformed or the handshake's own");
    return nullptr;
  }
  responder_ = nullptr;
  if (status != ROOST_OK) {
    closed(1006, {});
    Py_RETURN_FALSE;
  }
  {
    const std::lock_guard lock(mutex_);
    socket_ = socket;
  }
  set_socket(object_, socket);
  Py_RETURN_TRUE;
}

bool SocketConnection::refuse(PyObject* response) {
  if (responder_ == nullptr) {
    PyErr_SetString(PyExc_RuntimeError, "the handshake has been answered");
    return false;
  }
  Answer answer;
  if (!answer.prepare(response)) return false;
  const bool told = departure_->leave();
  answer.send(std::exchange(responder_, nullptr));
  if (!told) closed(1006, {});
  return true;
}

PyObject* SocketConnection::next_message() {
  Message message;
  {
    const std::lock_guard lock(mutex_);
    if (inbox_.empty()) {
      awaited_ = true;
      Py_RETURN_NONE;
    }
    message = std::move(inbox_.front());
    inbox_.pop_front();
    taken(message.data.size());
  }
  return message.to_python();
}

roost_status accept_socket(void* self, const roost_request* request, roost_responder* responder) {
  const auto& target = *static_cast<SocketTarget*>(self);
  auto* connection = new SocketConnection(target, *request);
  if (target.steered) {
    connection->begin(responder);
    return ROOST_OK;
  }
  const roost_ws_accept accept = acceptance(target, connection);
  const roost_status status = host->ws_accept(responder, &accept, nullptr);
  if (status == ROOST_OK) return ROOST_OK;
  connection->object_gone();
  if (status == ROOST_GONE) return ROOST_OK;
  host->fail(responder, str("the WebSocket handshake cannot be accepted"));
  return ROOST_ERROR;
}

}  // namespace roost::bridge
