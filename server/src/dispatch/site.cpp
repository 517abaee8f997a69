#include "dispatch/site.hpp"

#include <algorithm>

#include "dispatch/site_builder.hpp"

namespace roost::dispatch {

Site::Site(std::unique_ptr<SiteParts> parts) : parts_(std::move(parts)) {}

Site::~Site() = default;

std::unique_ptr<Site> Site::build(const config::Configuration& configuration, handlers::PluginSet& plugins,
                                  bool import_modules) {
  return std::unique_ptr<Site>(
      new Site(std::make_unique<SiteParts>(SiteBuilder(configuration, plugins, import_modules).build())));
}

const routing::RouteTable& Site::table() const {
  return parts_->table;
}

const std::vector<Route>& Site::routes() const {
  return parts_->routes;
}

const config::Configuration& Site::configuration() const {
  return parts_->configuration;
}

const std::vector<middleware::Middleware*>& Site::unmatched_chain() const {
  return parts_->unmatched_chain;
}

}  // namespace roost::dispatch
