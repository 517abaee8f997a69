// The native routes of this server in the benchmark, written as any plugin's author would.
#include <roost/plugin.hpp>

ROOST_PLUGIN(bench) {
  plugin.handler("json", [](const roost::Request&) { return roost::Response::json(R"({"message":"Hello, World!"})"); });
  plugin.handler("user", [](const roost::Request& request) {
    return roost::Response::json(R"({"id":")", request.path("id"), "\"}");
  });
  plugin.handler("echo", [](const roost::Request& request) {
    return roost::Response::bytes(request.body(), "application/octet-stream");
  });
  plugin.websocket("ws").on_message(
      [](const roost::WebSocket& socket, roost::Message message) { socket.send(message); });
  plugin.websocket("topic")
      .on_open([](const roost::WebSocket& socket) { socket.subscribe("all"); })
      .on_message([](const roost::WebSocket&, roost::Message message) { roost::publish("all", message); });
}
