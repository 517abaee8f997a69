// A piece of work for Python: one call of a handler. It runs on the loop thread or on a thread of the pool.
#pragma once

#include <cstdint>

#include "python.hpp"

namespace roost::bridge {

// Waits for a coroutine to end.
class Waiter {
 public:
  // GIL held. result: what it returned, or nullptr with the exception set.
  virtual void done(Ref result) = 0;

  PyObject* task = nullptr;     // the asyncio.Task while the coroutine is suspended; owned
  PyObject* context = nullptr;  // during done(): the contextvars.Context that it ran in; borrowed

 protected:
  ~Waiter() = default;
};

class Job : public Waiter {
 public:
  // GIL held, once for each time it was queued.
  virtual void run() = 0;

  int64_t queued_ns = 0;

 protected:
  ~Job() = default;
};

}  // namespace roost::bridge
