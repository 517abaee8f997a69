// What one worker tells the rest of its host, in memory shared by all processes: the master makes one slot for each
// worker that may live at the same time, before it forks. Every field has one writer at a time; readers may be any
// process and see each field whole. Counters are of the slot's present worker.
#pragma once

#include <atomic>
#include <cstdint>

namespace roost::base {

enum class WorkerState : uint32_t { empty, starting, serving, draining };

struct alignas(64) WorkerSlot {
  // The master's and the prototype's.
  std::atomic<int32_t> pid{0};
  std::atomic<uint32_t> generation{0};
  std::atomic<int64_t> started_unix_ms{0};

  // The worker's.
  std::atomic<WorkerState> state{WorkerState::empty};

  // Added to by the worker's I/O threads, once for each batch.
  alignas(64) std::atomic<uint64_t> requests{0};
  std::atomic<uint64_t> responses[6]{};  // by class: [2] is 2xx; [0] those cut without a head
  std::atomic<uint64_t> bytes_in{0}, bytes_out{0};
  std::atomic<uint64_t> accepted{0};    // connections
  std::atomic<int64_t> connections{0};  // open now
  std::atomic<int64_t> websockets{0};   // of these

  // Random, of the master's start, in the first slot alone: what this host's workers have in common and no other's has.
  std::atomic<uint64_t> host{0};
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
};

}  // namespace roost::base
