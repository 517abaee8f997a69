// The life of one worker process, on its main thread: start hooks, serve, drain, stop hooks, end.
#pragma once

#include "process/channel.hpp"
#include "process/loaded_site.hpp"
#include "process/prototype.hpp"

namespace roost::process {

struct WorkerLife {
  const PrototypeSetup* setup = nullptr;
  LoadedSite* loaded = nullptr;  // nullptr: the worker loads for itself
  uint32_t slot = 0;
  Channel master;
};

// Ends the process. REQUIRES: freshly forked from the prototype, signals blocked.
[[noreturn]] void run_worker(WorkerLife life);

}  // namespace roost::process
