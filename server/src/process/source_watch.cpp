#include "process/source_watch.hpp"

#include <sys/inotify.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/log.hpp"
#include "handlers/plugin_library.hpp"

namespace roost::process {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::milliseconds kQuiet{100};
constexpr uint32_t kEvents = IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE | IN_ONLYDIR;
constexpr unsigned kMaxDepth = 12;

// Folders that hold what is installed or made, not what is written.
bool is_source_folder(const fs::path& path) {
  const std::string name = path.filename().string();
  if (name.empty() || name[0] == '.' || name == "__pycache__" || name == "node_modules") return false;
  std::error_code ignored;
  return !fs::exists(path / "pyvenv.cfg", ignored);
}

}  // namespace

SourceWatch::SourceWatch(const config::Configuration& configuration)
    : inotify_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)) {
  if (!inotify_) throw std::system_error(errno, std::generic_category(), "inotify");
  if (!configuration.file.empty()) add_file(configuration.file);
  for (const config::Plugin& plugin : configuration.plugins) {
    try {
      add_file(handlers::find_plugin_library(plugin.library, configuration.directory));
    } catch (const handlers::PluginLibraryError&) {
      // Whoever loads it says what is wrong.
    }
  }
  for (const fs::path& path : configuration.python.path) add_python(path);
  if (configuration.file.empty()) add_python(configuration.directory);
}

SourceWatch::Folder* SourceWatch::add(const fs::path& path) {
  const int watch = ::inotify_add_watch(inotify_.get(), path.c_str(), kEvents);
  if (watch < 0) {
    base::log(ROOST_LOG_WARNING, "process",
              "not watched for changes: " + path.string() + ": " + std::generic_category().message(errno));
    return nullptr;
  }
  Folder& folder = folders_[watch];
  folder.path = path;
  return &folder;
}

void SourceWatch::add_file(const fs::path& file) {
  const fs::path whole = fs::absolute(file);
  if (Folder* const folder = add(whole.parent_path())) folder->names.insert(whole.filename().string());
}

void SourceWatch::add_python(const fs::path& root, unsigned depth) {
  Folder* const folder = add(root);
  if (folder == nullptr || depth == kMaxDepth) return;
  folder->python = true;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(root, fs::directory_options::skip_permission_denied, error)) {
    if (entry.is_directory(error) && !entry.is_symlink(error) && is_source_folder(entry.path())) {
      add_python(entry.path(), depth + 1);
    }
  }
}

// Whether something that matters has changed.
bool SourceWatch::read_events() {
  alignas(inotify_event) char buffer[16 * 1024];
  bool matters = false;
  for (;;) {
    const ssize_t size = ::read(inotify_.get(), buffer, sizeof buffer);
    if (size <= 0) return matters;
    for (const char* at = buffer; at < buffer + size;) {
      const auto& event = *reinterpret_cast<const inotify_event*>(at);
      at += sizeof event + event.len;
      const auto found = folders_.find(event.wd);
      if (found == folders_.end()) continue;
      const Folder& folder = found->second;
      const std::string name = event.len == 0 ? std::string() : std::string(event.name);
      const fs::path path = folder.path / name;
      if ((event.mask & IN_IGNORED) != 0) {
        folders_.erase(found);
      } else if ((event.mask & IN_ISDIR) != 0) {
        if (folder.python && (event.mask & (IN_CREATE | IN_MOVED_TO)) != 0 && is_source_folder(path)) add_python(path);
      } else if ((event.mask & IN_CREATE) == 0 &&
                 (folder.names.count(name) != 0 || (folder.python && fs::path(name).extension() == ".py"))) {
        // What was created is not written yet.
        if (!matters && !quiet_at_) file_ = path.string();
        matters = true;
      }
    }
  }
}

bool SourceWatch::pending() {
  if (read_events()) quiet_at_ = Clock::now() + kQuiet;
  return quiet_at_.has_value();
}

bool SourceWatch::changed() {
  if (!pending() || Clock::now() < *quiet_at_) return false;
  quiet_at_.reset();
  return true;
}

}  // namespace roost::process
