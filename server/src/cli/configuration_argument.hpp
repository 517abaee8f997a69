// FILE, as most commands take it.
#pragma once

#include <filesystem>
#include <memory>

#include "config/config.hpp"
#include "dispatch/site.hpp"
#include "handlers/plugin_set.hpp"

namespace CLI {
class App;
}

namespace roost::cli {

// Declares FILE; the result holds it once the line is parsed, and lives as long as the copies of it.
std::shared_ptr<std::filesystem::path> add_file_argument(CLI::App& command);

// A site as a prototype builds it, in this process. Members are destroyed in the right order.
struct LoadedSite {
  // import_modules: also what `python:` and its like mount. Throws config::ConfigError.
  LoadedSite(const config::Configuration& configuration, bool import_modules);

  handlers::PluginSet plugins;
  std::unique_ptr<dispatch::Site> site;
};

}  // namespace roost::cli
