#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>

#include "cli/commands.hpp"
#include "cli/configuration_argument.hpp"
#include "config/reader.hpp"

namespace roost::cli {

namespace {

bool has_schemes(const config::Configuration& configuration) {
  const auto has = [](const auto& part) { return !part.scheme.empty(); };
  return std::any_of(configuration.routes.begin(), configuration.routes.end(), has) ||
         std::any_of(configuration.middleware.begin(), configuration.middleware.end(), has);
}

}  // namespace

void add_check(CLI::App& parent, Run& run) {
  CLI::App* command = parent.add_subcommand("check", "Say what is wrong with a configuration, without serving it");
  const auto file = add_file_argument(*command);
  const auto strict = std::make_shared<bool>(false);
  command->add_flag("--strict", *strict, "Import Python modules too");
  command->callback([&run, file, strict] {
    run = [file = *file, strict = *strict] {
      const config::Configuration configuration = config::read_file(file);
      return in_child([&] {
        const LoadedSite loaded(configuration, strict);
        const size_t routes = loaded.site->routes().size();
        std::cout << file.string() << ": ok, " << routes << (routes == 1 ? " route" : " routes")
                  << (strict || !has_schemes(configuration) ? "" : " (Python modules are imported by --strict)")
                  << std::endl;
        return 0;
      });
    };
  });
}

}  // namespace roost::cli
