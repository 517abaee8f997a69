#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <stdexcept>

#include "cli/commands.hpp"
#include "config/reader.hpp"
#include "process/control_client.hpp"

namespace roost::cli {

namespace {

// Where the server of this file listens; roost.yaml here when none is named.
std::string control_path(std::filesystem::path file) {
  if (file.empty()) {
    if (!std::filesystem::exists("roost.yaml")) {
      throw std::runtime_error("which server? Name the FILE that it serves (there is no roost.yaml here)");
    }
    file = "roost.yaml";
  }
  try {
    return config::read_file(file).server.control;
  } catch (const config::ConfigError&) {
    // A file that is broken just now may belong to a server that runs.
    if (!std::filesystem::exists(file)) throw;
    return config::default_control_path(std::filesystem::absolute(file).lexically_normal());
  }
}

}  // namespace

void add_control(CLI::App& parent, Run& run) {
  const struct {
    const char *name, *description;
  } commands[] = {
      {"reload", "Serve the changed configuration and code without dropping a request"},
      {"stop", "Drain and stop, and wait until the server is gone"},
      {"status", "Show generations and workers, and how the last reload went"},
  };
  for (const auto& [name, description] : commands) {
    CLI::App* command = parent.add_subcommand(name, description);
    const auto file = std::make_shared<std::filesystem::path>();
    command->add_option("FILE", *file, "The configuration that the server serves (default: roost.yaml)");
    command->callback([&run, file, name = name] {
      run = [file = *file, name] {
        const process::ControlAnswer answer = process::ask_master(control_path(file), name);
        (answer.ok ? std::cout : std::cerr) << answer.text << std::flush;
        return answer.ok ? 0 : 1;
      };
    });
  }
}

}  // namespace roost::cli
