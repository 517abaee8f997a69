#include "websocket.hpp"

#include <new>

#include "answer.hpp"
#include "bridge.hpp"
#include "callable.hpp"
#include "host.hpp"
#include "json_encode.hpp"
#include "websocket_type.hpp"

namespace roost::bridge {

namespace {

// What may wait for a connection's callbacks before it is closed: they do not keep up.
constexpr size_t kMaxWaitingEvents = 65536;
constexpr size_t kMaxWaitingBytes = 16 << 20;
// Events of one connection in a row, before others have their turn.
constexpr int kInARow = 32;

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

}  // namespace

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
