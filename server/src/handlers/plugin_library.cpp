#include "handlers/plugin_library.hpp"

// std::filesystem in place of boost_filesystem: then the header is all of Boost.DLL that is needed.
#define BOOST_DLL_USE_STD_FS
#include <dlfcn.h>

#include <boost/dll/shared_library.hpp>
#include <cstdlib>
#include <sstream>

#include "config/suggestion.hpp"

namespace roost::handlers {

namespace fs = std::filesystem;

namespace {

constexpr const char* kPythonSuffix = ".cpython-";

// What the linker says begins with the file's name, which the message has already.
std::string without_prefix(std::string text, const std::string& file) {
  const std::string prefix = file + ": ";
  return text.rfind(prefix, 0) == 0 ? text.substr(prefix.size()) : text;
}

// The folder of this very library (or binary, where the server is linked into it): `python app.py` has another
// executable.
fs::path own_directory() {
  Dl_info info{};
  std::error_code error;
  if (dladdr(reinterpret_cast<void*>(&plugin_directories), &info) == 0 || info.dli_fname == nullptr) return {};
  // The main program's name is what it was started by, which need not be a path.
  const fs::path named = info.dli_fname;
  const fs::path file = named.is_absolute() ? fs::canonical(named, error) : fs::read_symlink("/proc/self/exe", error);
  return error ? fs::path() : file.parent_path();
}

bool is_file(const fs::path& path) {
  std::error_code error;
  return fs::is_regular_file(path, error);
}

std::vector<std::string> libraries_in(const std::vector<fs::path>& directories) {
  std::vector<std::string> names;
  for (const fs::path& directory : directories) {
    std::error_code error;
    for (const fs::directory_entry& entry : fs::directory_iterator(directory, error)) {
      const std::string name = entry.path().filename().string();
      if (entry.path().extension() == ".so" && name.find(kPythonSuffix) == std::string::npos) names.push_back(name);
    }
  }
  return names;
}

}  // namespace

struct PluginLibrary::Handle {
  boost::dll::shared_library library;
};

PluginLibrary::PluginLibrary(const fs::path& file) : file_(file), handle_(std::make_unique<Handle>()) {
  // Now, so that an unresolved symbol is found here and not by a request; local, so that two plugins may contain two
  // versions of the same library; never unmapped, as a thread or an exit handler of the plugin may still run in it.
  const auto mode = static_cast<boost::dll::load_mode::type>(RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
  try {
    handle_->library.load(fs::absolute(file), mode);
  } catch (const std::exception& thrown) {
    // Boost appends what dlerror() said: "boost::dll::shared_library::load() failed (dlerror system message: ...): ..."
    std::string why = thrown.what();
    const std::string mark = "(dlerror system message: ";
    if (const size_t begin = why.find(mark); begin != std::string::npos) {
      why = why.substr(begin + mark.size());
      if (const size_t end = why.rfind("): "); end != std::string::npos) why.resize(end);
    }
    throw PluginLibraryError("cannot load " + file.string() + ": " + without_prefix(why, fs::absolute(file).string()));
  }
  if (!handle_->library.has(ROOST_PLUGIN_SYMBOL)) {
    throw PluginLibraryError(file.string() + " is no roost plugin: it lacks the symbol " ROOST_PLUGIN_SYMBOL);
  }
  plugin_ = handle_->library.get<const roost_plugin*()>(ROOST_PLUGIN_SYMBOL)();
  if (plugin_ == nullptr) throw PluginLibraryError(file.string() + " is no roost plugin: it describes none");
  if (plugin_->abi_version >> 16 != ROOST_ABI_MAJOR) {
    throw PluginLibraryError(file.string() + " was built for version " + abi_version_text(plugin_->abi_version) +
                             " of the plugin interface, this server has version " +
                             abi_version_text(ROOST_ABI_VERSION) + ": build it again with this server's headers");
  }
  if (!ROOST_HAS(plugin_, destroy) || plugin_->configure == nullptr) {
    throw PluginLibraryError(file.string() + " is no roost plugin: its description is incomplete");
  }
}

PluginLibrary::~PluginLibrary() = default;

std::vector<fs::path> plugin_directories(const fs::path& beside) {
  std::vector<fs::path> directories{beside};
  const fs::path own = own_directory();
  for (const char* relative : {"../plugins", "../lib/roost/plugins"}) {
    if (!own.empty()) directories.push_back((own / relative).lexically_normal());
  }
  if (const char* listed = std::getenv("ROOST_PLUGIN_PATH")) {
    std::istringstream stream(listed);
    for (std::string directory; std::getline(stream, directory, ':');) {
      if (!directory.empty()) directories.emplace_back(directory);
    }
  }
  return directories;
}

fs::path find_plugin_library(const std::string& name, const fs::path& beside) {
  if (name.empty()) throw PluginLibraryError("the name of the library is empty");
  if (fs::path(name).is_absolute()) {
    if (is_file(name)) return name;
    throw PluginLibraryError(
        "there is no file " + name +
        config::suggestion(fs::path(name).filename().string(), libraries_in({fs::path(name).parent_path()})));
  }
  const std::vector<fs::path> directories = plugin_directories(beside);
  std::string looked;
  for (const fs::path& directory : directories) {
    const fs::path candidate = (directory / name).lexically_normal();
    if (is_file(candidate)) return candidate;
    looked += (looked.empty() ? "" : ", ") + (directory.empty() ? "." : directory.string());
  }
  throw PluginLibraryError("there is no \"" + name + "\" in " + looked +
                           config::suggestion(name, libraries_in(directories)));
}

std::string abi_version_text(uint32_t version) {
  return std::to_string(version >> 16) + "." + std::to_string(version & 0xffff);
}

}  // namespace roost::handlers
