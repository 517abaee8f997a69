// Signals of a process without threads of its own: handlers set a flag; everything else happens where the flags are
// read. Signals are blocked from the constructor on and let through by waiting alone (ppoll), so that none is lost
// between a look at the flags and the wait, and none arrives in a half-made child.
#pragma once

#include <poll.h>
#include <signal.h>

#include <chrono>
#include <initializer_list>
#include <vector>

namespace roost::process {

class Signals {
 public:
  enum class Where : uint8_t {
    everywhere,       // whatever was there before: the process is the server and ends with this object
    where_undefined,  // only where the disposition is the default: inside another program
  };

  // numbers: to be caught. One object at a time for each process. The mask returns with the destructor, dispositions
  // only where_undefined: a process that has stopped in order is not to die of the same signal once more on its way
  // out.
  explicit Signals(std::initializer_list<int> numbers, Where where = Where::everywhere);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // True once for each burst of that signal.
  bool take(int number);
  // As poll(2); -1 with EINTR when a signal came. timeout < 0: none.
  int wait(std::vector<pollfd>& fds, std::chrono::milliseconds timeout) const;
  // The mask from before, without SIGPIPE.
  const sigset_t& previous_mask() const { return previous_mask_; }

 private:
  struct Saved {
    int number;
    struct sigaction action;
  };
  const Where where_;
  std::vector<Saved> saved_;
  sigset_t previous_mask_;
};

// In a fresh child: what the parent caught is caught by a handler that does nothing (a disposition that programs
// started by plugins do not inherit, unlike SIG_IGN), and SIGPIPE is ignored. Signals stay as blocked as they are.
void ignore_terminal_signals();

// Takes that back, and the handler `also` where a signal has it: for a child that is no part of the server. Other
// handlers stay. Async-signal-safe.
void heed_terminal_signals(void (*also)(int));

}  // namespace roost::process
