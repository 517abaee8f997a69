#include "dispatch/site_builder.hpp"

#include <algorithm>
#include <stdexcept>

#include "config/suggestion.hpp"
#include "handlers/directory_handler.hpp"
#include "handlers/fixed_response_handler.hpp"
#include "handlers/redirect_handler.hpp"
#include "middleware/cors.hpp"
#include "routing/pattern_relation.hpp"

namespace roost::dispatch {

namespace {

std::string joined(const std::vector<std::string>& words, const char* between) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// The parameters that a pattern has, the remainder as "*" or its name.
std::vector<std::string> parameters_of(const std::string& pattern) {
  std::vector<std::string> names;
  for (size_t at = 1; at <= pattern.size();) {
    const size_t end = std::min(pattern.find('/', at), pattern.size());
    const std::string segment = pattern.substr(at, end - at);
    if (segment.size() > 1 && (segment[0] == ':' || segment[0] == '*')) names.push_back(segment.substr(1));
    if (segment == "*") names.push_back(segment);
    at = end + 1;
  }
  return names;
}

std::vector<std::string> or_else(const std::vector<std::string>& written, std::vector<std::string> otherwise) {
  return written.empty() ? std::move(otherwise) : written;
}

}  // namespace

std::string join_paths(const std::string& mount, const std::string& below) {
  std::string path = mount;
  while (!path.empty() && path.back() == '/') path.pop_back();
  if (below.empty() || below == "/") return path.empty() ? "/" : path;
  return path + (below.front() == '/' ? "" : "/") + below;
}

SiteBuilder::SiteBuilder(const config::Configuration& configuration, handlers::PluginSet& plugins, bool import_modules)
    : configuration_(configuration), plugins_(plugins), import_modules_(import_modules) {}

SiteParts SiteBuilder::build() {
  for (size_t i = 0; i < configuration_.middleware.size(); ++i) add_middleware(i);
  for (size_t i = 0; i < configuration_.routes.size(); ++i) add_route(i);
  parts_.table.freeze();
  for (const Link& link : links_) parts_.unmatched_chain.push_back(link.filtered);
  parts_.configuration = configuration_;
  return std::move(parts_);
}

void SiteBuilder::fail(const config::Place& entry, const roost_value* node, const char* name,
                       const std::string& problem) const {
  config::Place place = entry;
  std::string key = key_;
  for (size_t i = 0; node != nullptr && i < node->item_count; ++i) {
    const roost_value& item = *node->items[i];
    if (http::view(item.key) != name) continue;
    place.line = item.line;
    place.column = item.column;
    key += std::string(".") + name;
  }
  throw config::ConfigError(place, key, problem);
}

void SiteBuilder::add_middleware(size_t index) {
  const config::Middleware& config = configuration_.middleware[index];
  key_ = "middleware[" + std::to_string(index) + "]";
  if (config.kind == config::MiddlewareKind::scheme && !import_modules_) return;
  std::unique_ptr<middleware::Middleware> made = make_middleware(config, key_);
  middleware::Middleware* always = made.get();
  middleware::Middleware* filtered = always;
  parts_.middleware.push_back(std::move(made));
  if (!config.paths.empty() || !config.methods.empty()) {
    std::vector<std::string> methods = config.methods;
    // A preflight asks about another method than its own.
    if (config.kind == config::MiddlewareKind::cors && !methods.empty()) methods.push_back("OPTIONS");
    try {
      auto scoped = std::make_unique<middleware::ScopedMiddleware>(*always, config.paths, std::move(methods));
      filtered = scoped.get();
      parts_.middleware.push_back(std::move(scoped));
    } catch (const std::invalid_argument& error) {
      fail(config.place, config.node, "paths", error.what());
    }
  }
  links_.push_back({config, always, filtered});
}

std::unique_ptr<middleware::Middleware> SiteBuilder::make_middleware(const config::Middleware& config,
                                                                     const std::string& key) {
  switch (config.kind) {
    case config::MiddlewareKind::plugin:
      return plugin_middleware(config, key);
    case config::MiddlewareKind::scheme:
      return scheme_middleware(config, key);
    case config::MiddlewareKind::cors:
      break;
  }
  return std::make_unique<middleware::Cors>(config.name, config.cors);
}

void SiteBuilder::add_route(size_t index) {
  const config::Route& config = configuration_.routes[index];
  key_ = "routes[" + std::to_string(index) + "]";
  switch (config.kind) {
    case config::RouteKind::plugin:
      return add_plugin_route(config);
    case config::RouteKind::scheme:
      if (import_modules_) mount_scheme(config);
      return;
    case config::RouteKind::directory:
      return add_directory(config);
    case config::RouteKind::redirect:
      return add_redirect(config);
    case config::RouteKind::respond:
      break;
  }
  try {
    auto handler = std::make_unique<handlers::FixedResponseHandler>(config.status, config.body, config.headers);
    add(config, {.path = config.path, .methods = or_else(config.methods, {"GET"})}, std::move(handler));
  } catch (const std::invalid_argument& error) {
    fail(config.place, config.node, "respond", error.what());
  }
}

void SiteBuilder::add_redirect(const config::Route& config) {
  std::unique_ptr<handlers::RedirectHandler> handler;
  try {
    handler = std::make_unique<handlers::RedirectHandler>(config.target, config.status);
  } catch (const std::invalid_argument& error) {
    fail(config.place, config.node, "redirect", "\"" + config.target + "\": " + error.what());
  }
  const std::vector<std::string> known = parameters_of(config.path);
  for (const std::string& name : handler->parameters()) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    fail(config.place, config.node, "redirect",
         "\"" + config.target + "\" names \"" + name + "\", which the path " + config.path + " does not have" +
             (known.empty() ? "" : config::suggestion(name, known)));
  }
  // Whatever the method: 307 and 308 keep it.
  add(config, {.path = config.path, .methods = config.methods}, std::move(handler));
}

void SiteBuilder::add_directory(const config::Route& config) {
  // "/x", "/x/" and "/x/*" all mean what is below /x.
  std::string mount = config.path;
  if (mount.ends_with("/*")) mount.pop_back();
  mount = join_paths(mount, "");
  handlers::DirectoryOptions options;
  options.mount = mount;
  options.directory = config.directory;
  options.index = config.index;
  options.fallback = config.fallback;
  options.listing = config.listing;
  options.hidden = config.hidden;
  options.cache_control = config.cache_control;
  for (const std::string& method : config.methods) {
    if (method == "GET" || method == "HEAD") continue;
    fail(config.place, config.node, "methods", "\"" + method + "\": a directory answers GET and HEAD alone");
  }
  try {
    auto handler = std::make_unique<handlers::DirectoryHandler>(std::move(options));
    add(config,
        {.path = mount == "/" ? "/*" : mount + "/*", .methods = or_else(config.methods, {"GET"}), .directory = true},
        std::move(handler));
  } catch (const std::invalid_argument& error) {
    fail(config.place, config.node, "directory", error.what());
  }
}

uint32_t SiteBuilder::add(const config::Route& config, Entry entry, std::unique_ptr<handlers::Handler> handler) {
  Route route;
  route.number = static_cast<uint32_t>(parts_.routes.size());
  route.host = config.host;
  route.path = entry.path;
  route.methods = joined(entry.methods, ", ");
  route.name = entry.name.empty() ? handler->describe() : entry.name;
  route.mount = config.path;
  route.place = config.place;
  route.handler = handler.get();
  route.body_bytes = config.body_bytes.value_or(configuration_.server.limits.body_bytes);
  route.form = config.form;
  route.spill = configuration_.server.limits.spill;
  route.handler_timeout = config.timeout.value_or(configuration_.server.timeouts.handler);
  route.websocket_group = config.host + entry.path;
  route.user = entry.user;
  choose_chain(config, entry, route);
  try {
    parts_.table.add({.host = config.host,
                      .path = entry.path,
                      .methods = entry.methods,
                      .route = route.number,
                      .directory = entry.directory,
                      .slash = entry.slash,
                      .fallback = entry.fallback});
  } catch (const routing::RouteTaken& taken) {
    const Route& other = parts_.routes.at(taken.route);
    fail(config.place, config.node, "path",
         (route.methods.empty() ? "" : route.methods + " ") + config.host + entry.path + " (" + route.name +
             ") is taken: " + (other.methods.empty() ? "" : other.methods + " ") + other.host + other.path + " (" +
             other.name + ") stands at " + (other.place.file ? *other.place.file : std::string()) + ":" +
             std::to_string(other.place.line) + ":" + std::to_string(other.place.column));
  } catch (const std::invalid_argument& error) {
    fail(config.place, config.node, "path", error.what());
  }
  parts_.handlers.push_back(std::move(handler));
  parts_.routes.push_back(std::move(route));
  return parts_.routes.back().number;
}

void SiteBuilder::choose_chain(const config::Route& config, const Entry& entry, Route& route) const {
  for (const Link& link : links_) {
    const auto& names = config.middleware;
    if (std::find(names.begin(), names.end(), link.config.name) != names.end()) {
      route.chain.push_back(link.always);
      continue;
    }
    bool never = !link.config.paths.empty(), covered = link.config.paths.empty();
    for (const std::string& path : link.config.paths) {
      const routing::Relation relation = routing::relate(path, entry.path);
      covered = covered || relation == routing::Relation::covers;
      never = never && relation == routing::Relation::disjoint;
    }
    if (never) continue;
    if (!link.config.methods.empty()) covered = false;
    route.chain.push_back(covered ? link.always : link.filtered);
  }
  for (const middleware::Middleware* link : route.chain) {
    route.chain_may_defer = route.chain_may_defer || link->may_defer();
  }
}

}  // namespace roost::dispatch
