// Stands in for site_plugins.cpp until there are plugins to ask.
#include "dispatch/site_builder.hpp"

namespace roost::dispatch {

std::unique_ptr<middleware::Middleware> SiteBuilder::plugin_middleware(const config::Middleware& config,
                                                                       const std::string&) {
  fail(config.place, config.node, "plugin", "not supported yet");
}

std::unique_ptr<middleware::Middleware> SiteBuilder::scheme_middleware(const config::Middleware& config,
                                                                       const std::string&) {
  fail(config.place, config.node, config.scheme.c_str(), "not supported yet");
}

void SiteBuilder::add_plugin_route(const config::Route& config) {
  fail(config.place, config.node, "plugin", "not supported yet");
}

void SiteBuilder::mount_scheme(const config::Route& config) {
  fail(config.place, config.node, config.scheme.c_str(), "not supported yet");
}

}  // namespace roost::dispatch
