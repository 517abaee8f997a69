#include <algorithm>

#include "config/section_readers.hpp"
#include "config/suggestion.hpp"

namespace roost::config {

namespace {

// "hello.greet" -> plugin and handler.
void split_handler(const Node& node, std::string& plugin, std::string& handler) {
  const std::string value = node.text();
  const size_t dot = value.find('.');
  if (dot == std::string::npos || dot == 0 || dot + 1 == value.size()) {
    node.fail("\"" + value + "\" is not PLUGIN.HANDLER, such as hello.greet");
  }
  plugin = value.substr(0, dot);
  handler = value.substr(dot + 1);
}

const std::vector<std::string> kMethods{"GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE"};

// RFC 9110 section 9.1: a method is a token, by convention in upper case.
std::vector<std::string> read_methods(const Node& node) {
  std::vector<std::string> methods = node.texts();
  for (const auto& method : methods) {
    const bool valid = !method.empty() && std::all_of(method.begin(), method.end(), [](char c) {
      return (c >= 'A' && c <= 'Z') || c == '-' || c == '_' || (c >= '0' && c <= '9');
    });
    if (!valid) node.fail("\"" + method + "\" is no method; write it in capitals, such as GET");
    // Others may be invented, but nobody invents a slip of the finger.
    const std::string near = nearest(method, kMethods, 1);
    if (!near.empty() && near != method) node.fail("\"" + method + "\" is no method; did you mean " + near + "?");
  }
  return methods;
}

std::string read_path(const Node& node) {
  std::string path = node.text();
  if (path.empty() || path.front() != '/') node.fail("\"" + path + "\": a path begins with /");
  return path;
}

Cors read_cors(Node node) {
  Cors cors;
  cors.origins = node.require("origins").texts();
  if (auto found = node.get("credentials")) cors.credentials = found->boolean();
  if (auto found = node.get("methods")) cors.methods = read_methods(*found);
  if (auto found = node.get("headers")) cors.headers = found->texts();
  if (auto found = node.get("expose_headers")) cors.expose_headers = found->texts();
  if (auto found = node.get("max_age")) {
    cors.max_age = std::chrono::duration_cast<std::chrono::seconds>(found->duration());
  }
  node.no_others();
  const bool all = std::find(cors.origins.begin(), cors.origins.end(), "*") != cors.origins.end();
  if (all && cors.credentials) node.fail("credentials cannot be allowed to every origin; name the origins");
  return cors;
}

// The one key that says what a route or a middleware is.
std::optional<Node> the_kind(Node& node, std::initializer_list<const char*> kinds) {
  std::optional<Node> chosen;
  std::string names;
  for (const char* kind : kinds) {
    names += (names.empty() ? "" : ", ") + std::string(kind);
    auto found = node.get(kind);
    if (!found) continue;
    if (chosen) found->fail("stands beside " + chosen->key() + "; one entry is one thing");
    chosen = found;
  }
  if (!chosen) {
    node.no_others();
    node.fail("one of " + names + " is missing");
  }
  return chosen;
}

std::string last_part(const std::string& key) {
  return key.substr(key.rfind('.') + 1);
}

void read_respond(Node node, Route& route) {
  route.kind = RouteKind::respond;
  route.status = 200;
  if (auto found = node.get("status")) route.status = static_cast<uint16_t>(found->integer(200, 599));
  if (auto found = node.get("body")) route.body = found->text();
  if (auto found = node.get("headers")) {
    for (auto& [name, value] : found->entries()) route.headers.emplace_back(name, value.text());
  }
  node.no_others();
}

}  // namespace

Middleware read_middleware(Node node, ValueTree& values) {
  Middleware middleware;
  middleware.place = node.place();
  if (auto found = node.get("paths")) {
    for (const Node& item : found->items(true)) middleware.paths.push_back(read_path(item));
  }
  if (auto found = node.get("methods")) middleware.methods = read_methods(*found);
  if (auto found = node.get("name")) middleware.name = found->text();
  node.refuse({"compress", "rate_limit"});
  Node kind = *the_kind(node, {"cors", "plugin", "python"});
  node.no_others();
  middleware.node = values.add(node);
  const std::string word = last_part(kind.key());
  if (word == "cors") {
    middleware.kind = MiddlewareKind::cors;
    middleware.cors = read_cors(kind);
    if (middleware.name.empty()) middleware.name = "cors";
  } else if (word == "plugin") {
    middleware.kind = MiddlewareKind::plugin;
    split_handler(kind, middleware.plugin, middleware.handler);
    if (middleware.name.empty()) middleware.name = kind.text();
  } else {
    middleware.kind = MiddlewareKind::scheme;
    middleware.scheme = word;
    middleware.value = kind.text();
    if (middleware.name.empty()) middleware.name = kind.text();
  }
  return middleware;
}

Route read_route(Node node, const Configuration& configuration, ValueTree& values) {
  Route route;
  route.place = node.place();
  node.entries();
  route.path = read_path(node.require("path"));
  if (auto found = node.get("host")) {
    route.host = found->text();
    std::transform(route.host.begin(), route.host.end(), route.host.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  }
  if (auto found = node.get("methods")) route.methods = read_methods(*found);
  if (auto found = node.get("timeout")) route.timeout = found->duration();
  route.form = configuration.server.limits.form;
  if (auto found = node.get("limits")) {
    if (auto size = found->get("body_bytes")) route.body_bytes = size->size();
    if (auto form = found->get("form")) read_form_limits(*form, route.form);
    found->no_others();
  }
  if (auto found = node.get("middleware")) {
    std::vector<std::string> known;
    for (const Middleware& middleware : configuration.middleware) known.push_back(middleware.name);
    for (const Node& item : found->items(true)) {
      if (!item.is_scalar())
        item.fail("the name of an entry of the file's middleware is expected, not the entry itself");
      const std::string name = item.text();
      if (std::find(known.begin(), known.end(), name) == known.end()) {
        item.fail("no middleware is named \"" + name + "\"" + suggestion(name, known));
      }
      route.middleware.push_back(name);
    }
  }
  node.refuse({"concurrency", "queue", "asgi", "wsgi"});
  Node kind = *the_kind(node, {"plugin", "python", "directory", "redirect", "respond"});
  const std::string word = last_part(kind.key());
  if (word == "plugin") {
    route.kind = RouteKind::plugin;
    split_handler(kind, route.plugin, route.handler);
    std::vector<std::string> known;
    for (const Plugin& plugin : configuration.plugins) known.push_back(plugin.name);
    if (std::find(known.begin(), known.end(), route.plugin) == known.end()) {
      kind.fail("no plugin named \"" + route.plugin + "\"" + suggestion(route.plugin, known));
    }
  } else if (word == "directory") {
    route.kind = RouteKind::directory;
    route.directory = (configuration.directory / kind.text()).lexically_normal();
    if (!std::filesystem::is_directory(route.directory)) {
      kind.fail("\"" + kind.text() + "\" is no directory (looked for " + route.directory.string() + ")");
    }
    if (auto found = node.get("index")) route.index = found->text();
    if (auto found = node.get("fallback")) route.fallback = found->text();
    if (auto found = node.get("listing")) route.listing = found->boolean();
    if (auto found = node.get("hidden")) route.hidden = found->boolean();
    if (auto found = node.get("cache_control")) route.cache_control = found->text();
  } else if (word == "redirect") {
    route.kind = RouteKind::redirect;
    route.target = kind.text();
    route.status = 308;
    if (auto found = node.get("status")) {
      route.status = static_cast<uint16_t>(found->integer(300, 399));
      if (route.status != 301 && route.status != 302 && route.status != 303 && route.status != 307 &&
          route.status != 308) {
        found->fail("\"" + found->text() + "\" is none of 301, 302, 303, 307, 308");
      }
    }
  } else if (word == "respond") {
    read_respond(kind, route);
  } else {
    route.kind = RouteKind::scheme;
    route.scheme = word;
    route.value = kind.text();
  }
  node.no_others();
  route.node = values.add(node);
  return route;
}

}  // namespace roost::config
