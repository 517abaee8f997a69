// One plugin file: found, opened, and its description read. Boost.DLL is known here alone. Used in the prototype and in
// the throwaway children of `roost check` and `roost plugin inspect`, before any thread exists.
#pragma once

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "roost/abi.h"

namespace roost::handlers {

// Why a file is no plugin that this server can use; the caller adds the place that named it.
class PluginLibraryError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class PluginLibrary {
 public:
  // Opens it with local symbols and checks its ABI version. Throws PluginLibraryError: not loadable (the linker's
  // words), no roost plugin, built for another major version of the ABI (both are named).
  explicit PluginLibrary(const std::filesystem::path& file);
  // Gives it up; its code stays mapped until the process ends.
  ~PluginLibrary();
  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;

  const roost_plugin& plugin() const { return *plugin_; }
  const std::filesystem::path& file() const { return file_; }

 private:
  struct Handle;
  const std::filesystem::path file_;
  std::unique_ptr<Handle> handle_;
  const roost_plugin* plugin_ = nullptr;
};

// Where plugins are looked for, in this order: `beside` (the folder of the configuration file), ../plugins and
// ../lib/roost/plugins seen from the server's own folder, the folders of $ROOST_PLUGIN_PATH (separated by colons).
std::vector<std::filesystem::path> plugin_directories(const std::filesystem::path& beside);

// name: as written; an absolute one is taken as it is. Throws PluginLibraryError that says where it looked and which
// file has nearly that name.
std::filesystem::path find_plugin_library(const std::string& name, const std::filesystem::path& beside);

// "1.0"
std::string abi_version_text(uint32_t version);

}  // namespace roost::handlers
