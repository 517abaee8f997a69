#include "process/loaded_site.hpp"

#include <algorithm>

#include "dispatch/worker_services.hpp"

namespace roost::process {

namespace {

constexpr size_t kShownRoutes = 40;

}  // namespace

LoadedSite::LoadedSite(const PrototypeSetup& setup) {
  if (setup.adopted != nullptr) plugins.adopt(*setup.adopted, setup.adopted_config, dispatch::host());
  plugins.load(*setup.configuration, dispatch::host());
  site = dispatch::Site::build(*setup.configuration, plugins);
}

std::string LoadedSite::summary() const {
  std::string text;
  for (const auto& plugin : plugins.loaded()) {
    text += "plugin " + plugin.name + (plugin.version.empty() ? "" : " " + plugin.version) +
            (plugin.file.empty() ? "" : " (" + plugin.file + ")") + "\n";
  }
  const auto& routes = site->routes();
  for (size_t i = 0; i < std::min(routes.size(), kShownRoutes); ++i) {
    const dispatch::Route& route = routes[i];
    text += "route " + (route.methods.empty() ? "any" : route.methods) + " " + route.host + route.path + " -> " +
            route.name + "\n";
  }
  if (routes.size() > kShownRoutes) {
    text += "and " + std::to_string(routes.size() - kShownRoutes) + " more routes: see `roost routes`\n";
  }
  return text;
}

}  // namespace roost::process
