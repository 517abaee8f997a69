// What a worker offers beyond a single request: its threads, its pool, the WebSocket connections of the host. The
// functions of roost_host that name no request reach it through current(), which the worker sets once before any
// thread starts: the C functions have no other way to their process (the one mutable global beside signal flags).
#pragma once

#include <cstdint>
#include <string_view>

#include "roost/abi.h"

// The opaque worker of the ABI is the WorkerServices itself.
struct roost_worker {};

namespace roost::dispatch {

class WorkerServices : public roost_worker {
 public:
  virtual roost_worker_info info() const = 0;
  virtual roost_status post(uint32_t thread, void (*fn)(void*), void* arg) = 0;
  virtual roost_status submit(void (*fn)(void*), void* arg) = 0;
  virtual roost_status retire(std::string_view why) = 0;
  virtual roost_status on_drain(void (*fn)(void*), void* arg) = 0;

  // Across all workers of the host; any thread. See the ws_ functions of roost_host.
  virtual roost_status send_to(std::string_view id, roost_ws_kind kind, std::string_view data) = 0;
  virtual roost_status broadcast(std::string_view group, roost_ws_kind kind, std::string_view data,
                                 std::string_view except) = 0;
  virtual roost_status list(std::string_view group, void (*each)(void*, roost_str), void* arg) = 0;
  virtual roost_status publish(std::string_view topic, roost_ws_kind kind, std::string_view data,
                               std::string_view except) = 0;

  // nullptr outside of a worker.
  static WorkerServices* current();
  static void set_current(WorkerServices* services);

 protected:
  ~WorkerServices() = default;
};

// The function table that plugins are given; the same in every process.
const roost_host& host();

}  // namespace roost::dispatch
