// A listening socket as one I/O thread serves it. The socket is the master's, shared with all workers through
// EPOLLEXCLUSIVE; a thread that has more connections than its share steps aside for a moment, so that others are woken.
// Owned by the IoThread.
#pragma once

#include <cstdint>

#include "base/unique_fd.hpp"
#include "net/event_loop.hpp"

namespace roost::net {

class IoThread;

class Listener final : public EventSource, public Timer {
 public:
  // fd: non-blocking, borrowed.
  Listener(IoThread& thread, int fd);
  ~Listener();

  void start() noexcept;
  // No further connection is taken.
  void stop() noexcept;
  // A connection has gone: there may be room again below `limits.connections`, or a descriptor.
  void room_again() noexcept;

  void on_events(uint32_t events) noexcept override;
  void on_timer() noexcept override;

 private:
  void pause(int64_t milliseconds) noexcept;
  void pause_full() noexcept;
  bool above_share() const noexcept;
  // False when there is nothing more to accept for now.
  bool accept_one() noexcept;
  bool admit(const class PeerAddress& peer) noexcept;
  void refuse(int fd, const class PeerAddress& peer) noexcept;
  void out_of_descriptors() noexcept;

  IoThread& thread_;
  const int fd_;
  bool watching_ = false, stopped_ = false, full_ = false, starved_ = false;
  int64_t complained_ = 0;  // when the log last had a line about missing descriptors
  int64_t told_ = 0;        // and one about an address with too many connections
};

}  // namespace roost::net
