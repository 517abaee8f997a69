// Everything that answers requests, built from one configuration: plugins loaded, schemes mounted, middleware made,
// routes in their table. Built in the prototype (or a throwaway child for `roost check`), immutable afterwards,
// shared by all I/O threads of every worker that is forked from it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "handlers/handler.hpp"
#include "middleware/middleware.hpp"
#include "routing/route_table.hpp"

namespace roost::handlers {
class PluginSet;
}

namespace roost::dispatch {

struct SiteParts;

struct Route {
  uint32_t number = 0;
  std::string host, path, methods, name;
  std::string mount;  // for the access log: the YAML route's path
  config::Place place;
  handlers::Handler* handler = nullptr;        // owned by Site
  std::vector<middleware::Middleware*> chain;  // outermost first; owned by Site
  bool chain_may_defer = false;
  size_t body_bytes = 0;
  config::FormLimits form;
  size_t spill = 0;
  config::milliseconds handler_timeout{0};
  std::string websocket_group;
  void* user = nullptr;  // for roost_request.user
};

class Site {
 public:
  // Throws config::ConfigError with the place in the YAML file.
  // import_modules: false leaves out what `roost check` without --strict leaves out (schemes' mounts).
  static std::unique_ptr<Site> build(const config::Configuration& configuration, handlers::PluginSet& plugins,
                                     bool import_modules = true);
  ~Site();

  const routing::RouteTable& table() const;
  const std::vector<Route>& routes() const;  // index is Route::number
  const config::Configuration& configuration() const;
  // The chain for a request that no route matched (404, 405, an automatic OPTIONS): its links look at the request's
  // path and method themselves, so that preflights are answered and errors carry what their neighbours carry. Lives as
  // long as the site.
  const std::vector<middleware::Middleware*>& unmatched_chain() const;

 private:
  explicit Site(std::unique_ptr<SiteParts> parts);
  std::unique_ptr<SiteParts> parts_;
};

}  // namespace roost::dispatch
