#include "cli/configuration_argument.hpp"

#include <CLI/CLI.hpp>

#include "dispatch/worker_services.hpp"

namespace roost::cli {

std::shared_ptr<std::filesystem::path> add_file_argument(CLI::App& command) {
  auto file = std::make_shared<std::filesystem::path>();
  command.add_option("FILE", *file, "The configuration, in YAML")->required();
  return file;
}

LoadedSite::LoadedSite(const config::Configuration& configuration, bool import_modules) {
  plugins.load(configuration, dispatch::host());
  site = dispatch::Site::build(configuration, plugins, import_modules);
}

}  // namespace roost::cli
