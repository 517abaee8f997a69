// The way to the other workers of the host: one inbox (a SOCK_SEQPACKET pair, non-blocking) for each slot, made by the
// master before it forks. All of it is borrowed, and outlives the worker.
#pragma once

#include <span>

#include "base/worker_slot.hpp"

namespace roost::net {

struct HostLinks {
  std::span<base::WorkerSlot> slots;
  std::span<const int> outboxes;  // [i]: what is sent here arrives in slot i's inbox
  int inbox = -1;                 // of own slot
};

}  // namespace roost::net
