#include <CLI/CLI.hpp>
#include <memory>

#include "cli/commands.hpp"
#include "cli/configuration_argument.hpp"
#include "process/master.hpp"

namespace roost::cli {

void add_serve(CLI::App& parent, Run& run) {
  CLI::App* command = parent.add_subcommand("serve", "Serve a configuration in the foreground");
  const auto file = add_file_argument(*command);
  const auto development = std::make_shared<bool>(false);
  command->add_flag("--dev", *development,
                    "As `mode: development`: tracebacks in the browser, reload on save; with one process and thread");
  command->callback([&run, file, development] {
    run = [file = *file, development = *development] {
      return process::Master({.file = file, .development = development}).run();
    };
  });
}

}  // namespace roost::cli
