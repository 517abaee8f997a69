#include <CLI/CLI.hpp>
#include <stdexcept>

#include "cli/commands.hpp"

namespace roost::cli {

void add_plugin_inspect(CLI::App& plugin, Run& run) {
  CLI::App* command = plugin.add_subcommand("inspect", "Not there yet");
  command->callback([&run] { run = []() -> int { throw std::runtime_error("not supported yet"); }; });
}

}  // namespace roost::cli
