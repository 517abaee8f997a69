// Where the Python of a configuration is: its interpreter, its libpython, and the bridge that the package `roost`
// brings with it. This binary links no Python: libpython is opened by name, for everybody, before the bridge that needs
// it. Called by PluginSet::load() in the prototype, while no other thread exists.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "config/config.hpp"
#include "roost/abi.h"

namespace roost::handlers {

struct LocatedBridge {
  std::filesystem::path library;  // <venv>/.../roost/_native.cpython-311-x86_64-linux-gnu.so
  std::string python;             // "Python 3.11.7 (/srv/app/.venv)", for the start-up lines
  // What the bridge is configured with: a map of `executable`, `path` (a list), `threads`, `development` (0 or 1).
  const roost_value* config = nullptr;
  std::shared_ptr<const void> values;  // owns config; must live as long as the process
};

// The virtual environment is `python: { venv }`, else $VIRTUAL_ENV, else .venv beside the file, else the python3 first
// on PATH. Asks that interpreter about itself (one short process), then opens its libpython RTLD_NOW | RTLD_GLOBAL, as
// extension modules do not name the libpython they need.
// Throws config::ConfigError, at `python:` where it is written, else at the first route that needs Python: no such
// virtual environment, not one of Python 3.11 or newer, the package roost not installed in it, no shared libpython,
// another Python in this process already, PYTHONHOME set.
LocatedBridge locate_python_bridge(const config::Configuration& configuration);

}  // namespace roost::handlers
