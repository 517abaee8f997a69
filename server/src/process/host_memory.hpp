// What all processes of a server share beside their listening sockets: a slot of counters and an inbox for each worker
// that may live at the same time. Made by the master before it forks, so that everybody has the same.
#pragma once

#include <span>
#include <vector>

#include "base/unique_fd.hpp"
#include "base/worker_slot.hpp"

namespace roost::process {

class HostMemory {
 public:
  // Throws std::system_error.
  explicit HostMemory(uint32_t slots);
  // Of descriptors received from the master that made it: memory(), then inboxes and outboxes in turn.
  HostMemory(uint32_t slots, std::vector<base::UniqueFd> fds);
  ~HostMemory();
  HostMemory(const HostMemory&) = delete;
  HostMemory& operator=(const HostMemory&) = delete;

  std::span<base::WorkerSlot> slots() const { return slots_; }
  int inbox(uint32_t slot) const { return inboxes_[slot].get(); }
  std::span<const int> outboxes() const { return outbox_numbers_; }
  // As the second constructor takes them.
  std::vector<int> descriptors() const;

  // Before a slot's next worker: counters at zero, nothing left in the inbox.
  void clear(uint32_t slot);

 private:
  void map(uint32_t slots);

  base::UniqueFd memory_;
  std::span<base::WorkerSlot> slots_;
  std::vector<base::UniqueFd> inboxes_, outboxes_;
  std::vector<int> outbox_numbers_;
};

// How many slots a server needs whose configuration names `processes` workers: they, one generation that starts, two
// that drain, and room for those that TTIN adds.
constexpr uint32_t slots_for(uint32_t processes) {
  return 4 * processes + 12;
}

}  // namespace roost::process
