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
    std::string text{};    // of Tell::program, or how it ended
    std::string errors{};  // where it has ended: the last that it wrote to standard error, some KiB
  };
  // What has come of it, once; from then on none runs. Never blocks.
  std::optional<Said> hear();

  // Passes on what programs, and what they started, write to standard error. Never blocks but for who reads that.
  void pass_errors_on();

  void kill();
  // In a forked child.
  void forget();

 private:
  void ended();

  pid_t pid_ = 0;
  base::UniqueFd pidfd_;
  Channel channel_;
  base::UniqueFd errors_;               // of the one that runs
  std::string errors_text_;             // from it
  std::vector<base::UniqueFd> others_;  // of earlier ones, whose children may have it yet
};

}  // namespace roost::process
