// The commands, one source file each. add_X() declares the command and its arguments below `parent` and leaves in
// `run`, when it was the one chosen, what it does: a function that returns the exit status. It may throw
// config::ConfigError (shown as it is) and any other std::exception (shown as "roost: what"), which end with status 1.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace roost::cli {

using Run = std::function<int()>;

void add_serve(CLI::App& parent, Run& run);
void add_check(CLI::App& parent, Run& run);
void add_routes(CLI::App& parent, Run& run);
void add_explain(CLI::App& parent, Run& run);
void add_control(CLI::App& parent, Run& run);  // reload, stop, status

// Below `roost plugin`.
void add_plugin_new(CLI::App& plugin, Run& run);      // plugin_new.cpp
void add_plugin_inspect(CLI::App& plugin, Run& run);  // plugin_inspect.cpp

// Runs `work` in a child process, so that whatever plugins do while they load ends with it, and returns its status; 1
// with a line on standard error when a signal ended it. `work` may throw as a command may.
int in_child(const std::function<int()>& work);

// The status of `work`, its exceptions shown on standard error.
int shown(const std::function<int()>& work) noexcept;

}  // namespace roost::cli
