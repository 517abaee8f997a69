// Plugins and site of one process, loaded from its configuration. In the prototype, or in each worker when it cannot
// be done before the fork.
#pragma once

#include <memory>
#include <string>

#include "dispatch/site.hpp"
#include "handlers/plugin_set.hpp"
#include "net/worker_server.hpp"
#include "process/prototype.hpp"

namespace roost::process {

struct LoadedSite {
  // Throws config::ConfigError.
  explicit LoadedSite(const PrototypeSetup& setup);

  // Of plugins, around the life of `worker`. start_hooks() throws std::runtime_error with what one of them says.
  void start_hooks(net::WorkerServer& worker);
  void stop_hooks(net::WorkerServer& worker);

  // For the operator at start-up, a line each: plugins, which Python, routes.
  std::string summary() const;

  handlers::PluginSet plugins;
  std::unique_ptr<dispatch::Site> site;
};

}  // namespace roost::process
