// `python app.py`: the server inside the interpreter that runs the application.
#pragma once

#include <pybind11/pybind11.h>

#include <string>
#include <vector>

namespace roost::bridge {

// Serves app until it is stopped, on the main thread, with the same master, prototypes and workers as `roost serve`:
// the core library is the one that the process has, else the one beside this module. Returns the exit status, in the
// master alone. configuration: JSON; its first `python:` route mounts app whatever it names. directory: what paths in
// it are relative to. command: what starts this program again, for a reload. Raises what a signal handler of the
// program raised, once all is drained; KeyboardInterrupt alone is no error.
// alone: in this process itself, on whichever thread, without master, workers and reloads, see lone_server.hpp.
int serve(pybind11::object app, const std::string& configuration, const std::string& name, const std::string& directory,
          const std::vector<std::string>& command, bool alone);

// Asks a serve() that runs on another thread to end as on SIGTERM.
void stop_serving();

}  // namespace roost::bridge
