#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.hpp"
#include "config/error.hpp"
#include "dispatch/worker_services.hpp"
#include "handlers/plugin_library.hpp"
#include "handlers/plugin_set.hpp"
#include "http/exchange.hpp"

namespace roost::cli {

namespace {

std::string kind_of(uint32_t flags) {
  if ((flags & ROOST_HANDLER_WEBSOCKET) != 0) return "websocket";
  std::string kind = (flags & ROOST_HANDLER_BLOCKING) != 0    ? "blocking"
                     : (flags & ROOST_HANDLER_IMMEDIATE) != 0 ? "synchronous"
                                                              : "asynchronous";
  if ((flags & ROOST_HANDLER_STREAM_BODY) != 0) kind += ", streams its body";
  return kind;
}

void line(const char* what, std::string_view text) {
  std::cout << what << std::string(13 - std::string_view(what).size(), ' ') << (text.empty() ? "-" : text) << "\n";
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

// In a child: loading runs the plugin's code.
int inspect(const std::filesystem::path& file) {
  const handlers::PluginLibrary library(file);
  const roost_plugin& plugin = library.plugin();
  line("name:", http::view(plugin.name));
  line("version:", http::view(plugin.version));
  line("interface:", handlers::abi_version_text(plugin.abi_version) +
                         " (this server: " + handlers::abi_version_text(ROOST_ABI_VERSION) + ")");
  line("compiler:", http::view(plugin.compiler));

  handlers::PluginSet plugins;
  try {
    plugins.adopt(plugin, nullptr, dispatch::host());
  } catch (const config::ConfigError& error) {
    // It wants a configuration; what it offers may depend on it.
    line("handlers:", std::string("not known without a configuration (") + error.what() + ")");
    return 0;
  }
  const std::string name(http::view(plugin.name));
  std::vector<std::string> handlers;
  for (const std::string& handler : plugins.handler_names(name)) {
    handlers.push_back(handler + " (" + kind_of(plugins.handler(name, handler)->flags) + ")");
  }
  line("handlers:", joined(handlers));
  line("middleware:", joined(plugins.middleware_names(name)));
  line("schemes:", joined(plugins.scheme_names()));
  return 0;
}

}  // namespace

void add_plugin_inspect(CLI::App& plugin, Run& run) {
  CLI::App* command = plugin.add_subcommand("inspect", "Tell what is in a plugin: name, interface, handlers, compiler");
  const auto file = std::make_shared<std::filesystem::path>();
  command->add_option("FILE", *file, "The plugin, FILE.so")->required();
  command->callback([&run, file] { run = [file] { return in_child([file] { return inspect(*file); }); }; });
}

}  // namespace roost::cli
