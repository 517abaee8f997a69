#include <sched.h>

#include "config/scalar.hpp"
#include "config/section_readers.hpp"

namespace roost::config {

namespace {

void read_size(Node& node, const char* name, size_t& value, size_t least = 1) {
  if (auto found = node.get(name)) {
    value = found->size();
    if (value < least)
      found->fail("\"" + found->text() + "\" is less than the smallest useful value, " + std::to_string(least));
  }
}

void read_duration(Node& node, const char* name, milliseconds& value, bool may_be_zero = false) {
  if (auto found = node.get(name)) {
    value = found->duration();
    if (value.count() == 0 && !may_be_zero) found->fail("0 would cut every connection; write a time such as 10s");
  }
}

uint32_t usable_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return static_cast<uint32_t>(std::max(1, CPU_COUNT(&set)));
}

Listen read_listen(Node node) {
  Listen listen;
  listen.place = node.place();
  if (node.is_map()) {
    listen.address = node.require("address").text();
    node.refuse({"tls", "http2"});
    node.no_others();
  } else {
    listen.address = node.text();
  }
  const std::string& address = listen.address;
  if (address.rfind("unix:", 0) == 0) {
    if (address.size() <= 5) node.fail("\"unix:\" is followed by the socket's path, such as unix:/run/roost.sock");
    return listen;
  }
  const size_t colon = address.rfind(':');
  const auto port =
      colon == std::string::npos ? std::nullopt : parse_unsigned(std::string_view(address).substr(colon + 1));
  if (!port || *port > 65535) {
    node.fail("\"" + address +
              "\" is no address; write HOST:PORT such as 127.0.0.1:8080, [::1]:8080, :8080 or unix:/PATH");
  }
  return listen;
}

void read_limits(Node node, Limits& limits) {
  read_size(node, "header_bytes", limits.header_bytes, 256);
  if (auto found = node.get("headers")) limits.headers = found->integer(1, 1000);
  read_size(node, "target_bytes", limits.target_bytes, 16);
  read_size(node, "body_bytes", limits.body_bytes, 0);
  read_size(node, "spill", limits.spill, 0);
  if (auto found = node.get("connections")) {
    limits.connections = found->integer(1, 10'000'000);
    limits.connections_place = found->place();
  }
  if (auto found = node.get("per_address")) limits.per_address = found->integer(0, 10'000'000);
  if (auto found = node.get("form")) read_form_limits(*found, limits.form);
  node.no_others();
}

void read_timeouts(Node node, Timeouts& timeouts) {
  read_duration(node, "header", timeouts.header);
  read_duration(node, "body", timeouts.body);
  read_duration(node, "keep_alive", timeouts.keep_alive);
  read_duration(node, "write", timeouts.write);
  read_duration(node, "handler", timeouts.handler);
  timeouts.handler_said = node.get("handler").has_value();
  read_duration(node, "drain", timeouts.drain, true);
  node.no_others();
}

void read_websocket_compress(Node node, WebsocketCompress& compress) {
  if (!node.is_map()) {
    compress.enabled = node.boolean();
    return;
  }
  compress.enabled = true;
  if (auto found = node.get("level")) compress.level = static_cast<int>(found->integer(1, 9));
  if (auto found = node.get("window_bits")) compress.window_bits = static_cast<uint8_t>(found->integer(9, 15));
  if (auto found = node.get("memory_level")) compress.memory_level = static_cast<int>(found->integer(1, 9));
  if (auto found = node.get("context_takeover")) compress.context_takeover = found->boolean();
  read_size(node, "minimum", compress.minimum, 0);
  node.no_others();
}

void read_websocket(Node node, Websocket& websocket) {
  read_size(node, "message_bytes", websocket.message_bytes);
  read_size(node, "send_buffer", websocket.send_buffer);
  read_duration(node, "ping", websocket.ping, true);
  if (auto found = node.get("origins")) websocket.origins = found->texts();
  if (auto found = node.get("compress")) read_websocket_compress(*found, websocket.compress);
  if (auto found = node.get("slow_client")) {
    websocket.slow_client = found->one_of({"close", "drop"}) == "drop" ? SlowClient::drop : SlowClient::close;
  }
  read_duration(node, "ping_timeout", websocket.ping_timeout);
  read_duration(node, "close_timeout", websocket.close_timeout);
  node.no_others();
}

void read_access_log(Node node, const std::filesystem::path& directory, AccessLog& log) {
  if (auto found = node.get("path")) {
    log.path = found->text();
    log.place = found->place();
    if (log.path != "-") log.path = (directory / log.path).lexically_normal();
  }
  if (auto found = node.get("format")) {
    const std::string format = found->one_of({"json", "combined", "none"});
    log.format = format == "json" ? LogFormat::json : format == "combined" ? LogFormat::combined : LogFormat::none;
  }
  node.no_others();
}

roost_log_level read_level(const Node& node) {
  const std::string level = node.one_of({"debug", "info", "warning", "error"});
  if (level == "debug") return ROOST_LOG_DEBUG;
  if (level == "warning") return ROOST_LOG_WARNING;
  return level == "error" ? ROOST_LOG_ERROR : ROOST_LOG_INFO;
}

}  // namespace

void read_server(Node node, const std::filesystem::path& directory, Server& server) {
  node.entries();
  if (auto found = node.get("listen")) {
    for (const Node& item : found->items(true)) server.listen.push_back(read_listen(item));
  } else {
    server.listen.push_back({"127.0.0.1:8080", node.place()});
  }
  if (server.listen.empty()) node.fail("listen names no address");
  for (Listen& listen : server.listen) {
    if (listen.address.rfind("unix:", 0) == 0) {
      listen.address = "unix:" + (directory / listen.address.substr(5)).lexically_normal().string();
    }
  }
  if (auto found = node.get("processes")) {
    server.processes = found->text() == "auto" ? usable_cores() : static_cast<uint32_t>(found->integer(1, 256));
  }
  if (auto found = node.get("threads")) {
    server.threads = found->text() == "auto" ? usable_cores() : static_cast<uint32_t>(found->integer(1, 256));
  }
  if (auto found = node.get("user")) {
    server.user = found->text();
    server.user_place = found->place();
  }
  if (auto found = node.get("control")) server.control = (directory / found->text()).lexically_normal();
  if (auto found = node.get("limits")) read_limits(*found, server.limits);
  if (auto found = node.get("timeouts")) read_timeouts(*found, server.timeouts);
  if (auto found = node.get("websocket")) read_websocket(*found, server.websocket);
  if (auto found = node.get("access_log")) read_access_log(*found, directory, server.access_log);
  if (auto found = node.get("log_level")) server.log_level = read_level(*found);
  if (auto found = node.get("half_close")) server.half_close_cancels = found->one_of({"cancel", "answer"}) == "cancel";
  if (auto found = node.get("mode")) {
    if (found->one_of({"production", "development"}) == "development") server.develop();
  }
  if (auto found = node.get("trusted_proxies")) {
    for (const Node& item : found->items(true)) {
      const auto network = parse_network(item.text());
      if (!network) item.fail("\"" + item.text() + "\" is no address range; write one such as 10.0.0.0/8 or ::1/128");
      server.trusted_proxies.push_back(*network);
    }
  }
  if (auto found = node.get("recycle")) {
    found->refuse({"requests", "memory"});
    found->no_others();
  }
  node.no_others();
}

void read_form_limits(Node node, FormLimits& limits) {
  if (auto found = node.get("parts")) limits.parts = found->integer(0, 1'000'000);
  read_size(node, "name_bytes", limits.name_bytes);
  read_size(node, "part_header_bytes", limits.header_bytes, 64);
  read_size(node, "field_bytes", limits.field_bytes, 0);
  if (auto found = node.get("file_bytes")) limits.file_bytes = found->size();
  node.no_others();
}

void read_python(Node node, const std::filesystem::path& directory, Python& python) {
  python.place = node.place();
  if (auto found = node.get("venv")) python.venv = (directory / found->text()).lexically_normal();
  if (auto found = node.get("path")) {
    for (const Node& item : found->items(true)) python.path.push_back((directory / item.text()).lexically_normal());
  }
  if (auto found = node.get("threads")) python.threads = static_cast<uint32_t>(found->integer(1, 10'000));
  if (auto found = node.get("preload")) python.preload = found->boolean();
  node.no_others();
}

Plugin read_plugin(const std::string& name, Node node, ValueTree& values) {
  Plugin plugin;
  plugin.name = name;
  plugin.place = node.place();
  plugin.library = node.require("library").text();
  if (auto found = node.get("config")) plugin.config = values.add(*found);
  node.no_others();
  return plugin;
}

}  // namespace roost::config
