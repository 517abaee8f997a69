// Messages between master, prototypes and workers: one SOCK_SEQPACKET pair for each prototype and each worker, so that
// a message arrives whole, with the descriptors that belong to it, or not at all. One thread at a time for each end.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"

namespace roost::process {

enum class Tell : uint32_t {
  // Master to prototype.
  spawn,  // slot: fork a worker for it
  quit,   // end as soon as there are no children
  // Master to prototype and to worker.
  access_log,  // one descriptor: write there from now on
  // Prototype to master.
  loaded,   // text: start-up lines about plugins and routes
  threads,  // text: names of the threads that exist after import; the prototype ends
  spawned,  // slot, pid; descriptors: the worker's channel, its pidfd
  exited,   // slot, pid, status as waitpid() gives it
  // Prototype or worker to master.
  failed,  // text: why; the sender ends
  // Worker to master.
  prepared,  // start hooks are done; text as in `loaded` when the worker itself has loaded
  serving,   // takes connections
  closed,    // takes no more connections: it drains
  retire,    // text: why it wants to be replaced
  // Master to worker.
  serve,    // take connections
  drain,    // take no more, end when the last one is served
  mistake,  // text: why the next generation cannot be had; to be shown, in development
  // A program started afresh (`python app.py`) to master, and back.
  program,    // text: its configuration
  host,       // slot: how many; descriptors: the slots' memory, then pieces of the inboxes
  listeners,  // descriptors; slot: generation; the last message
};

struct Message {
  Tell tell{};
  uint32_t slot = 0;
  int32_t pid = 0;
  int32_t status = 0;
  std::string text{};                 // cut at 60 KiB
  std::vector<base::UniqueFd> fds{};  // received ones
};

class Channel {
 public:
  enum class Received : uint8_t { message, nothing, gone };

  Channel() = default;
  explicit Channel(base::UniqueFd fd) : fd_(std::move(fd)) {}
  // Both ends, close-on-exec. Throws std::system_error.
  static std::pair<Channel, Channel> pair();

  // False when the other side is gone or has not read for so long that its buffer is full. fds are borrowed, at most
  // 200. Never blocks.
  bool send(const Message& message, std::span<const int> fds = {}) const;
  // Never blocks.
  Received receive(Message& message) const;

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  void close() { fd_.reset(); }
  int release() { return fd_.release(); }

 private:
  base::UniqueFd fd_;
};

}  // namespace roost::process
