#include "process/host_memory.hpp"

#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <new>
#include <system_error>

namespace roost::process {

namespace {

// What waits for a worker that does not read; further messages are refused to the sender.
constexpr int kInboxBytes = 208 * 1024;

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

HostMemory::HostMemory(uint32_t slots) : memory_(::memfd_create("roost-slots", MFD_CLOEXEC)) {
  if (!memory_) fail("memfd_create");
  if (::ftruncate(memory_.get(), static_cast<off_t>(slots * sizeof(base::WorkerSlot))) != 0) fail("ftruncate");
  map(slots);
  for (base::WorkerSlot& slot : slots_) new (&slot) base::WorkerSlot;
  uint64_t host = 0;
  if (::getrandom(&host, sizeof host, 0) != sizeof host) fail("getrandom");
  slots_[0].host = host;
  for (uint32_t i = 0; i < slots; ++i) {
    int fds[2];
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) != 0) fail("socketpair");
    inboxes_.emplace_back(fds[0]);
    outboxes_.emplace_back(fds[1]);
    outbox_numbers_.push_back(fds[1]);
    ::setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &kInboxBytes, sizeof kInboxBytes);
  }
}

HostMemory::HostMemory(uint32_t slots, std::vector<base::UniqueFd> fds) {
  if (fds.size() != 1 + 2 * slots) throw std::runtime_error("the master sent another number of descriptors");
  memory_ = std::move(fds[0]);
  map(slots);
  for (uint32_t i = 0; i < slots; ++i) {
    inboxes_.push_back(std::move(fds[1 + 2 * i]));
    outboxes_.push_back(std::move(fds[2 + 2 * i]));
    outbox_numbers_.push_back(outboxes_.back().get());
  }
}

HostMemory::~HostMemory() {
  ::munmap(slots_.data(), slots_.size_bytes());
}

void HostMemory::map(uint32_t slots) {
  void* address =
      ::mmap(nullptr, slots * sizeof(base::WorkerSlot), PROT_READ | PROT_WRITE, MAP_SHARED, memory_.get(), 0);
  if (address == MAP_FAILED) fail("mmap");
  slots_ = {static_cast<base::WorkerSlot*>(address), slots};
}

std::vector<int> HostMemory::descriptors() const {
  std::vector<int> fds{memory_.get()};
  for (size_t i = 0; i < inboxes_.size(); ++i) {
    fds.push_back(inboxes_[i].get());
    fds.push_back(outboxes_[i].get());
  }
  return fds;
}

void HostMemory::clear(uint32_t slot) {
  base::WorkerSlot& memory = slots_[slot];
  memory.pid = 0;
  memory.generation = 0;
  memory.started_unix_ms = 0;
  memory.state = base::WorkerState::empty;
  for (auto* counter : {&memory.requests, &memory.bytes_in, &memory.bytes_out, &memory.accepted}) *counter = 0;
  for (auto& responses : memory.responses) responses = 0;
  memory.connections = 0;
  memory.websockets = 0;
  char byte;
  while (::recv(inbox(slot), &byte, 1, MSG_DONTWAIT) >= 0 || errno == EINTR) {
  }
}

}  // namespace roost::process
