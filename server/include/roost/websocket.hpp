// WebSockets in a plugin. Part of <roost/plugin.hpp>.
//
//   auto& chat = plugin.websocket("chat");
//   chat.on_open([](const roost::WebSocket& socket) { socket.subscribe("news"); });
//   chat.on_message([](const roost::WebSocket& socket, roost::Message message) {
//     roost::publish("news", message.data, socket.id());    // to all but the sender, in all workers
//   });
//
// or, with an object for each connection, plugin.websocket<Session>("chat"): Session is made from nothing, from
// (const Request&) or from (const Request&, Handshake&), and has those of on_open(const WebSocket&),
// on_message(const WebSocket&, Message), on_writable(const WebSocket&), on_close(const WebSocket&, uint16_t code,
// std::string_view reason) that it wants.
//
// Callbacks of one connection run one at a time and in order, on its I/O thread. What a callback throws is logged and
// closes the connection with 1011.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "responder.hpp"

namespace roost ROOST_SDK {

struct Message {
  std::string_view data;  // valid for the call
  bool binary = false;    // else text, which is valid UTF-8
};

// One connection. Copies refer to the same; may be kept, and used from any thread, beyond the connection's end, when
// sending answers Sent::gone.
class WebSocket {
 public:
  explicit WebSocket(roost_websocket* handle) noexcept : handle_(handle) {
    if (handle_ != nullptr) detail::host->ws_retain(handle_);
  }
  WebSocket(const WebSocket& other) noexcept : WebSocket(other.handle_) {}
  WebSocket(WebSocket&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  WebSocket& operator=(WebSocket other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~WebSocket() {
    if (handle_ != nullptr) detail::host->ws_release(handle_);
  }

  // Unique for this host; valid as long as this.
  std::string_view id() const noexcept { return view(detail::host->ws_id(handle_)); }
  // text has to be UTF-8. Sent::wait: taken, but wait for on_writable before sending more. Past the limit
  // (`websocket: { send_buffer }`) the connection is closed, or, with `slow_client: drop`, the oldest message dropped.
  Sent send(std::string_view text) const noexcept {
    return sent(detail::host->ws_send(handle_, ROOST_WS_TEXT, str(text)));
  }
  Sent send_bytes(std::string_view bytes) const noexcept {
    return sent(detail::host->ws_send(handle_, ROOST_WS_BINARY, str(bytes)));
  }
  // As the message that is answered.
  Sent send(const Message& message) const noexcept {
    return message.binary ? send_bytes(message.data) : send(message.data);
  }
  // Begins the close handshake. code: 1000, 1001, 1003, 1007 .. 1014 or 3000 .. 4999; reason: at most 123 bytes.
  void close(uint16_t code = 1000, std::string_view reason = {}) const noexcept {
    detail::host->ws_close(handle_, code, str(reason));
  }
  // Bytes that wait to be sent.
  size_t buffered() const noexcept { return detail::host->ws_buffered(handle_); }
  // While paused nothing is read from the client beyond one buffer, so that it has to wait: for handlers that pass
  // messages on to something slower. A server older than this function does not pause.
  void pause() const noexcept {
    if (can_pause()) detail::host->ws_pause(handle_);
  }
  void resume() const noexcept {
    if (can_pause()) detail::host->ws_resume(handle_);
  }
  // Receives what is published to this topic in any worker, until unsubscribed or closed.
  void subscribe(std::string_view topic) const noexcept { detail::host->ws_subscribe(handle_, str(topic)); }
  void unsubscribe(std::string_view topic) const noexcept { detail::host->ws_unsubscribe(handle_, str(topic)); }

 private:
  static bool can_pause() noexcept {
    return detail::host->struct_size >= offsetof(roost_host, ws_resume) + sizeof detail::host->ws_resume;
  }
  static Sent sent(roost_status status) noexcept {
    return status == ROOST_OK ? Sent::ok : status == ROOST_WOULD_BLOCK ? Sent::wait : Sent::gone;
  }

  roost_websocket* handle_;
};

// To every connection, in all workers of the host, that has subscribed. except: the id of one that is left out.
inline void publish(std::string_view topic, std::string_view text, std::string_view except = {}) noexcept {
  detail::host->ws_publish(str(topic), ROOST_WS_TEXT, str(text), str(except));
}
inline void publish(std::string_view topic, const Message& message, std::string_view except = {}) noexcept {
  const roost_ws_kind kind = message.binary ? ROOST_WS_BINARY : ROOST_WS_TEXT;
  detail::host->ws_publish(str(topic), kind, str(message.data), str(except));
}
// To every open connection of a group, in all workers. A WebSocket handler's group is "plugin.handler" unless it says
// otherwise.
inline void broadcast(std::string_view group, std::string_view text, std::string_view except = {}) noexcept {
  detail::host->ws_broadcast(str(group), ROOST_WS_TEXT, str(text), str(except));
}
inline void broadcast(std::string_view group, const Message& message, std::string_view except = {}) noexcept {
  const roost_ws_kind kind = message.binary ? ROOST_WS_BINARY : ROOST_WS_TEXT;
  detail::host->ws_broadcast(str(group), kind, str(message.data), str(except));
}
// To the connection of that id, in whichever worker. False when it is known to be nowhere.
inline bool send_to(std::string_view id, std::string_view text) noexcept {
  return detail::host->ws_send_to(str(id), ROOST_WS_TEXT, str(text)) == ROOST_OK;
}
inline bool send_to(std::string_view id, const Message& message) noexcept {
  return detail::host->ws_send_to(str(id), message.binary ? ROOST_WS_BINARY : ROOST_WS_TEXT, str(message.data)) ==
         ROOST_OK;
}
// The ids of all open connections of a group, in all workers.
inline std::vector<std::string> connections(std::string_view group) {
  std::vector<std::string> ids;
  const auto each = [](void* arg, roost_str id) {
    // An id that there is no memory for is left out: nothing may be thrown through the server.
    detail::guarded([&] { static_cast<std::vector<std::string>*>(arg)->emplace_back(view(id)); },
                    [](std::string_view) {});
  };
  detail::host->ws_list(str(group), each, &ids);
  return ids;
}

// What is agreed on before a connection opens.
class Handshake {
 public:
  // One that the client offered in Sec-WebSocket-Protocol.
  void protocol(std::string_view name) { protocol_ = name; }
  // Added to the 101 response.
  void header(std::string_view name, std::string_view value) { headers_.emplace_back(name, value); }
  // The set of connections that broadcast() and connections() address.
  void group(std::string_view name) { group_ = name; }
  // Answers the request so instead of opening.
  void refuse(Response response) { refusal_ = std::move(response); }

 private:
  friend class WebSocketHandler;

  std::string protocol_, group_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::optional<Response> refusal_;
};

class WebSocketHandler {
 public:
  using OpenFunction = std::function<void(const WebSocket&)>;
  using MessageFunction = std::function<void(const WebSocket&, Message)>;
  using CloseFunction = std::function<void(const WebSocket&, uint16_t code, std::string_view reason)>;
  using HandshakeFunction = std::function<void(const Request&, Handshake&)>;

  explicit WebSocketHandler(std::string group) : group_(std::move(group)) {}
  virtual ~WebSocketHandler() = default;
  WebSocketHandler(const WebSocketHandler&) = delete;
  WebSocketHandler& operator=(const WebSocketHandler&) = delete;

  // Set while the plugin is configured; called at the same time by different I/O threads for different connections.
  WebSocketHandler& on_handshake(HandshakeFunction f) { return set(handshake_, std::move(f)); }
  WebSocketHandler& on_open(OpenFunction f) { return set(open_, std::move(f)); }
  WebSocketHandler& on_message(MessageFunction f) { return set(message_, std::move(f)); }
  // The send buffer has emptied after Sent::wait.
  WebSocketHandler& on_writable(OpenFunction f) { return set(writable_, std::move(f)); }
  // code: the peer's, 1005 when it gave none, 1006 when it vanished.
  WebSocketHandler& on_close(CloseFunction f) { return set(close_, std::move(f)); }
  WebSocketHandler& group(std::string name) { return set(group_, std::move(name)); }

  const std::string& group() const noexcept { return group_; }
  void broadcast(std::string_view text, std::string_view except = {}) const noexcept {
    roost::broadcast(group_, text, except);
  }

  static roost_status handle(void* self, const roost_request* request, roost_responder* handle) noexcept {
    auto& handler = *static_cast<WebSocketHandler*>(self);
    Responder responder(handle);
    return detail::answered(responder, [&] { handler.accept(Request(*request), responder); });
  }

 protected:
  // The connection's arg, which its on_close frees; what it throws refuses the handshake.
  virtual void* make_arg(const Request& request, Handshake& handshake) {
    if (handshake_) handshake_(request, handshake);
    return this;
  }
  virtual void free_arg(void*) noexcept {}
  virtual const roost_ws_callbacks& callbacks() const {
    static const roost_ws_callbacks table{
        sizeof(roost_ws_callbacks), [](void* arg, roost_websocket* socket) { call(socket, "on_open", of(arg).open_); },
        [](void* arg, roost_websocket* socket, roost_ws_kind kind, const char* data, size_t size) {
          call(socket, "on_message", of(arg).message_, Message{{data, size}, kind == ROOST_WS_BINARY});
        },
        [](void* arg, roost_websocket* socket) { call(socket, "on_writable", of(arg).writable_); },
        [](void* arg, roost_websocket* socket, uint16_t code, roost_str reason) {
          call(socket, "on_close", of(arg).close_, code, view(reason));
        }};
    return table;
  }

  // Calls function(WebSocket, args...) if there is one.
  template <class Function, class... Args>
  static void call(roost_websocket* handle, const char* what, const Function& function, const Args&... args) noexcept {
    if constexpr (std::is_constructible_v<bool, const Function&>) {
      if (!static_cast<bool>(function)) return;
    }
    const WebSocket socket(handle);
    detail::guarded([&] { function(socket, args...); },
                    [&](std::string_view why) {
                      detail::log_failure(what, why);
                      socket.close(1011);
                    });
  }

 private:
  static WebSocketHandler& of(void* arg) { return *static_cast<WebSocketHandler*>(arg); }

  template <class T>
  WebSocketHandler& set(T& member, T value) {
    member = std::move(value);
    return *this;
  }

  void accept(const Request& request, Responder& responder) {
    Handshake handshake;
    void* arg = make_arg(request, handshake);
    if (handshake.refusal_) {
      free_arg(arg);
      responder.respond(std::move(*handshake.refusal_));
      return;
    }
    std::vector<roost_field> headers;
    for (const auto& [name, value] : handshake.headers_) headers.push_back({str(name), str(value)});
    roost_ws_accept accept{};
    accept.struct_size = sizeof accept;
    accept.callbacks = &callbacks();
    accept.arg = arg;
    accept.protocol = str(handshake.protocol_);
    accept.headers = headers.data();
    accept.header_count = headers.size();
    accept.group = str(handshake.group_.empty() ? group_ : handshake.group_);
    const roost_status status = detail::host->ws_accept(responder.raw(), &accept, nullptr);
    if (status == ROOST_OK) {
      responder.release();
      return;
    }
    free_arg(arg);
    if (status == ROOST_INVALID || status == ROOST_UNSUPPORTED) {
      responder.fail("the handshake was not accepted: a header or the protocol is not allowed");
    } else {
      responder.release();
    }
  }

  std::string group_;
  HandshakeFunction handshake_;
  OpenFunction open_, writable_;
  MessageFunction message_;
  CloseFunction close_;
};

namespace detail {

// Whether a session has the callback.
template <class S>
auto open_of(int) -> decltype(std::declval<S&>().on_open(std::declval<const WebSocket&>()), std::true_type());
template <class S>
std::false_type open_of(...);
template <class S>
auto message_of(int)
    -> decltype(std::declval<S&>().on_message(std::declval<const WebSocket&>(), std::declval<Message>()),
                std::true_type());
template <class S>
std::false_type message_of(...);
template <class S>
auto writable_of(int) -> decltype(std::declval<S&>().on_writable(std::declval<const WebSocket&>()), std::true_type());
template <class S>
std::false_type writable_of(...);
template <class S>
auto close_of(int)
    -> decltype(std::declval<S&>().on_close(std::declval<const WebSocket&>(), uint16_t(), std::string_view()),
                std::true_type());
template <class S>
std::false_type close_of(...);

// Makes a Session for each connection; it is destroyed after its on_close.
template <class Session>
class SessionHandler final : public WebSocketHandler {
 public:
  using WebSocketHandler::WebSocketHandler;

 protected:
  void* make_arg(const Request& request, Handshake& handshake) override {
    if constexpr (std::is_constructible_v<Session, const Request&, Handshake&>) {
      return new Session(request, handshake);
    } else if constexpr (std::is_constructible_v<Session, const Request&>) {
      return new Session(request);
    } else {
      static_assert(std::is_default_constructible_v<Session>,
                    "a session is made from nothing, (const Request&) or (const Request&, Handshake&)");
      return new Session();
    }
  }
  void free_arg(void* arg) noexcept override { delete static_cast<Session*>(arg); }

  const roost_ws_callbacks& callbacks() const override {
    static_assert(decltype(message_of<Session>(0))::value, "a session needs on_message(const WebSocket&, Message)");
    static const roost_ws_callbacks table{
        sizeof(roost_ws_callbacks),
        [](void* arg, roost_websocket* socket) {
          if constexpr (decltype(open_of<Session>(0))::value) {
            call(socket, "on_open", [arg](const WebSocket& s) { of(arg).on_open(s); });
          }
        },
        [](void* arg, roost_websocket* socket, roost_ws_kind kind, const char* data, size_t size) {
          const Message message{{data, size}, kind == ROOST_WS_BINARY};
          call(socket, "on_message", [&](const WebSocket& s) { of(arg).on_message(s, message); });
        },
        [](void* arg, roost_websocket* socket) {
          if constexpr (decltype(writable_of<Session>(0))::value) {
            call(socket, "on_writable", [arg](const WebSocket& s) { of(arg).on_writable(s); });
          }
        },
        [](void* arg, roost_websocket* socket, uint16_t code, roost_str reason) {
          if constexpr (decltype(close_of<Session>(0))::value) {
            call(socket, "on_close", [&](const WebSocket& s) { of(arg).on_close(s, code, view(reason)); });
          }
          delete static_cast<Session*>(arg);
        }};
    return table;
  }

 private:
  static Session& of(void* arg) { return *static_cast<Session*>(arg); }
};

}  // namespace detail

}  // namespace ROOST_SDK
