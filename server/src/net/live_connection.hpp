// A client's connection as its I/O thread keeps it in its list, whatever it speaks.
#pragma once

#include "net/event_loop.hpp"

namespace roost::net {

class LiveConnection : public EventSource, public Timer, public Retired {
 public:
  // The worker drains: ends when nothing is under way, soon.
  virtual void begin_drain() noexcept = 0;
  // Ends at once.
  virtual void cut() noexcept = 0;

 private:
  friend class IoThread;
  LiveConnection* previous_live_ = nullptr;
  LiveConnection* next_live_ = nullptr;
};

}  // namespace roost::net
