// The other end of ControlSocket, for the command line.
#pragma once

#include <sys/types.h>

#include <string>

namespace roost::process {

struct ControlAnswer {
  bool ok = false;
  std::string text;
};

// Asks the master that listens at `path`, and waits for the answer; for "stop" until its process is gone. Throws
// std::runtime_error when no server runs there.
ControlAnswer ask_master(const std::string& path, const std::string& command);

// The process that listens at `path`; 0 when none does.
pid_t listening_process(const std::string& path);

}  // namespace roost::process
