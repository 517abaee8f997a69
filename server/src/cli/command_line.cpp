#include "cli/command_line.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <system_error>
#include <vector>

#include "base/version.hpp"
#include "cli/commands.hpp"
#include "config/error.hpp"
#include "config/suggestion.hpp"

namespace roost::cli {

namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(command->get_name());
  }
  return names;
}

std::vector<std::string> flag_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

// The command chosen last: "plugin new" rather than "plugin".
const CLI::App& innermost(const CLI::App& app) {
  const auto chosen = app.get_subcommands();
  return chosen.empty() ? app : innermost(*chosen.front());
}

std::string full_name(const CLI::App& app) {
  return app.get_parent() == nullptr ? "roost" : full_name(*app.get_parent()) + " " + app.get_name();
}

// Bad usage, in one line that says how it was meant.
std::string explanation(const CLI::App& app, const CLI::ParseError& error) {
  const CLI::App& command = innermost(app);
  const std::vector<std::string> extra = command.remaining();
  if (!extra.empty()) {
    const std::string& word = extra.front();
    if (word.rfind('-', 0) == 0) return "unknown option " + word + config::suggestion(word, flag_names(command));
    const auto known = command_names(command);
    if (!known.empty()) return "unknown command \"" + word + "\"" + config::suggestion(word, known);
    return "\"" + word + "\" is one argument too many";
  }
  const auto known = command_names(command);
  if (!known.empty()) return "a command is missing" + config::suggestion("", known);
  return error.what();
}

}  // namespace

int shown(const std::function<int()>& work) noexcept {
  try {
    return work();
  } catch (const config::ConfigError& error) {
    std::cerr << error.what() << std::endl;
  } catch (const std::exception& error) {
    std::cerr << "roost: " << error.what() << std::endl;
  }
  return 1;
}

int in_child(const std::function<int()>& work) {
  std::cout.flush();
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0) {
    const int status = shown(work);
    std::cout.flush();
    std::fflush(stdout);
    ::_exit(status);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status)) return WEXITSTATUS(status) == 0 ? 0 : 1;
  std::cerr << "roost: a plugin ended the process while it was loaded: signal " << WTERMSIG(status) << " ("
            << ::sigdescr_np(WTERMSIG(status)) << ")" << std::endl;
  return 1;
}

int run(int argc, char** argv) {
  CLI::App app("An application server: C++ plugins, Python, WebSockets and files on one port, from one YAML file.",
               "roost");
  app.set_version_flag("--version", std::string("roost ") + version());
  app.require_subcommand(1);
  Run chosen;
  add_serve(app, chosen);
  add_check(app, chosen);
  add_routes(app, chosen);
  add_explain(app, chosen);
  add_control(app, chosen);
  CLI::App* plugin = app.add_subcommand("plugin", "Write a new plugin, or look into one");
  plugin->require_subcommand(1);
  add_plugin_new(*plugin, chosen);
  add_plugin_inspect(*plugin, chosen);
  // Else a word that no command knows is offered to the commands above it, and the message names the wrong ones.
  app.allow_extras(false);

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& success) {  // --help, --version
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    const std::string name = full_name(innermost(app));
    std::cerr << name << ": " << explanation(app, error) << "\nSee `" << name << " --help`." << std::endl;
    return 2;
  }
  return shown(chosen);
}

}  // namespace roost::cli
