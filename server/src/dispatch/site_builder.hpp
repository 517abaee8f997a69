// Builds what a Site holds, route by route in the order of the configuration. Lives as long as Site::build().
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/error.hpp"
#include "dispatch/site.hpp"
#include "handlers/plugin_set.hpp"
#include "middleware/scoped_middleware.hpp"

namespace roost::dispatch {

// What a Site owns.
struct SiteParts {
  config::Configuration configuration;
  routing::RouteTable table;
  std::vector<Route> routes;
  std::vector<std::unique_ptr<handlers::Handler>> handlers;
  std::vector<std::unique_ptr<middleware::Middleware>> middleware;
  std::vector<middleware::Middleware*> unmatched_chain;
};

class SiteBuilder {
 public:
  SiteBuilder(const config::Configuration& configuration, handlers::PluginSet& plugins, bool import_modules);

  // Throws config::ConfigError.
  SiteParts build();

 private:
  // A route before it has a number.
  struct Entry {
    std::string path;
    std::vector<std::string> methods;  // empty: every method
    std::string name{};                // empty: as the handler describes itself
    bool directory = false;
    bool slash = false;     // ROOST_ROUTE_SLASH
    bool fallback = false;  // ROOST_ROUTE_FALLBACK
    void* user = nullptr;
  };
  // One entry of the middleware list.
  struct Link {
    const config::Middleware& config;
    middleware::Middleware* always;    // as it is
    middleware::Middleware* filtered;  // looks at each request's path and method; the same where it need not
  };

  void add_middleware(size_t index);
  std::unique_ptr<middleware::Middleware> make_middleware(const config::Middleware& config, const std::string& key);
  std::unique_ptr<middleware::Middleware> plugin_middleware(const config::Middleware& config, const std::string& key);
  std::unique_ptr<middleware::Middleware> scheme_middleware(const config::Middleware& config, const std::string& key);

  void add_route(size_t index);
  void add_redirect(const config::Route& config);
  void add_directory(const config::Route& config);
  void add_plugin_route(const config::Route& config);
  void mount_scheme(const config::Route& config);
  friend struct MountSink;

  // The number of the new route.
  uint32_t add(const config::Route& config, Entry entry, std::unique_ptr<handlers::Handler> handler);
  void choose_chain(const config::Route& config, const Entry& entry, Route& route) const;

  // With the place of the value that `name` has in the current entry of the file, else of the entry itself.
  [[noreturn]] void fail(const config::Place& entry, const roost_value* node, const char* name,
                         const std::string& problem) const;

  const config::Configuration& configuration_;
  handlers::PluginSet& plugins_;
  const bool import_modules_;
  std::string key_;  // "routes[3]": what is being built
  std::vector<Link> links_;
  SiteParts parts_;
};

// "/x" and "/:id" make "/x/:id"; "/x" and "" or "/" make "/x".
std::string join_paths(const std::string& mount, const std::string& below);

}  // namespace roost::dispatch
