#include "process/loaded_site.hpp"

#include <algorithm>
#include <stdexcept>

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

void LoadedSite::start_hooks(net::WorkerServer& worker) {
  for (const handlers::WorkerHooks& hooks : plugins.worker_hooks()) {
    if (hooks.start == nullptr) continue;
    roost_error error{};
    error.struct_size = sizeof error;
    if (hooks.start(hooks.self, &worker, &error) != ROOST_OK) throw std::runtime_error(error.message);
  }
}

void LoadedSite::stop_hooks(net::WorkerServer& worker) {
  const auto& hooks = plugins.worker_hooks();
  for (auto it = hooks.rbegin(); it != hooks.rend(); ++it) {
    if (it->stop != nullptr) it->stop(it->self, &worker);
  }
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
