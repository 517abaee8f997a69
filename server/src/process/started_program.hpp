// An embedding program (`python app.py`) that the master has started afresh, until it has said its configuration and
// becomes a prototype (see program.hpp). The master's; none runs at first.
#pragma once

#include <poll.h>
#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "process/channel.hpp"

namespace roost::process {

class StartedProgram {
 public:
  StartedProgram() = default;
  ~StartedProgram() { kill(); }
  StartedProgram(const StartedProgram&) = delete;
  StartedProgram& operator=(const StartedProgram&) = delete;

  // REQUIRES: none runs. mask: of its signals. Throws std::runtime_error.
  void start(const char* const* command, const sigset_t& mask);
  bool runs() const { return pid_ != 0; }
  void poll_fds(std::vector<pollfd>& fds) const;

  struct Said {
    pid_t pid = 0;  // the receiver's to reap; 0: it has ended instead
    Channel channel{};
    std::string text{};  // of Tell::program, or how it ended
  };
  // What has come of it, once; from then on none runs. Never blocks.
  std::optional<Said> hear();

  void kill();
  // In a forked child.
  void forget();

 private:
  pid_t pid_ = 0;
  base::UniqueFd pidfd_;
  Channel channel_;
};

}  // namespace roost::process
