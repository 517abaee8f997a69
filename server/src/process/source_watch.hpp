// Development mode's "reload on save": watches the files that a generation is made of (inotify(7)): the configuration,
// the plugins' libraries, and Python sources below the module paths. Tells once when nothing has changed for a moment,
// as editors and compilers write a file in several steps. The master's; one thread's.
#pragma once

#include <poll.h>

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "config/config.hpp"

namespace roost::process {

class SourceWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // What is not there, or is beyond the kernel's limit of watches, is left out and named in the log. Throws
  // std::system_error when the kernel has no inotify for this process.
  explicit SourceWatch(const config::Configuration& configuration);
  SourceWatch(const SourceWatch&) = delete;
  SourceWatch& operator=(const SourceWatch&) = delete;

  void poll_fds(std::vector<pollfd>& fds) const { fds.push_back({inotify_.get(), POLLIN, 0}); }
  // When changed() is to be asked again at the latest.
  std::optional<Clock::time_point> deadline() const { return quiet_at_; }

  // True once after a burst of changes has ended.
  bool changed();
  // Whether a burst has begun of which changed() has not told yet.
  bool pending();
  // The file whose change began the last burst, for the log.
  const std::string& file() const { return file_; }

 private:
  struct Folder {
    std::filesystem::path path;
    std::set<std::string> names;  // these files matter
    bool python = false;          // and every Python source, in folders that appear below it too
  };

  Folder* add(const std::filesystem::path& path);
  void add_file(const std::filesystem::path& file);
  void add_python(const std::filesystem::path& root, unsigned depth = 0);
  bool read_events();

  base::UniqueFd inotify_;
  std::map<int, Folder> folders_;  // by watch descriptor
  std::optional<Clock::time_point> quiet_at_;
  std::string file_;
};

}  // namespace roost::process
