// YAML to Configuration: the only place that reads the file's syntax. Runs in the master and in the command line's
// tools, before anything else exists.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "config/config.hpp"
#include "config/error.hpp"

namespace roost::config {

// file: as given on the command line; messages show it so.
// Throws ConfigError: the file cannot be read, is no YAML, or says something that is not allowed.
Configuration read_file(const std::filesystem::path& file);

// The same from memory; relative paths are relative to `directory`, messages name `name`.
Configuration read_text(std::string_view yaml, const std::string& name, const std::filesystem::path& directory);

// Where the master of this file listens for `roost reload` and its like, unless the file says so itself: in
// $XDG_RUNTIME_DIR, /run/roost (as root) or /tmp/roost-UID, named by a hash of the file's absolute path.
std::string default_control_path(const std::filesystem::path& file);

}  // namespace roost::config
