// The smallest things that a plugin can be: a handler, a middleware and a WebSocket.
#include <roost/plugin.hpp>

ROOST_PLUGIN(hello, "1.0.0") {
  const auto greeting = plugin.config().text("greeting", "Hello");

  // { path: /hello/:name, plugin: hello.greet }
  plugin.handler("greet", [greeting](const roost::Request& request) {
    return roost::Response::text(greeting, ", ", request.path("name"), "!");
  });

  // - plugin: hello.stamp
  plugin.middleware("stamp", roost::none,
                    [greeting](const roost::Request&, roost::ResponseHead& head) { head.set("X-Greeting", greeting); });

  // { path: /chat, plugin: hello.chat }: what one says, all others hear, whichever worker they are connected to.
  auto& chat = plugin.websocket("chat");
  chat.on_open([&chat](const roost::WebSocket& socket) {
    socket.send("Welcome. There are " + std::to_string(roost::connections(chat.group()).size()) + " here.");
  });
  chat.on_message(
      [&chat](const roost::WebSocket& socket, roost::Message message) { chat.broadcast(message.data, socket.id()); });
}
