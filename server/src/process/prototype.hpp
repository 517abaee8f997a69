// One generation's process between master and workers: it drops privileges, loads plugins, imports modules, starts no
// thread, and forks its workers and every replacement, which thereby run the same code and share its memory.
#pragma once

#include <memory>
#include <vector>

#include "config/config.hpp"
#include "process/channel.hpp"
#include "process/host_memory.hpp"
#include "process/listening_sockets.hpp"
#include "roost/abi.h"

namespace roost::process {

struct PrototypeSetup {
  std::shared_ptr<const config::Configuration> configuration;
  uint32_t generation = 0;
  bool preload = true;  // false: each worker loads for itself
  std::vector<int> listeners;
  int access_log_fd = -1;  // its file may be exchanged below it
  HostMemory* host = nullptr;
  Channel master;
  pid_t parent = 0;  // of the prototype: when it ends, so does everything
  // Registered beside the plugins of the configuration; nullptr: none.
  const roost_plugin* adopted = nullptr;
  const roost_value* adopted_config = nullptr;
  sigset_t mask{};  // of signals, for the code that runs here
};

// The life of a prototype; ends the process. REQUIRES: a freshly forked or started process with one thread, signals
// blocked.
[[noreturn]] void run_prototype(PrototypeSetup setup);

}  // namespace roost::process
