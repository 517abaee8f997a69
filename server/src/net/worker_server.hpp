// All that serves in one worker process: its I/O threads with their connections, the pool for blocking handlers, the
// access log, the WebSocket hub. process/ makes one in each worker after the fork; plugins reach it as roost_worker.
//
// Life, on the worker's main thread: constructor (no thread yet) -> plugins' start hooks -> start() -> begin_drain() ->
// wait_drained() -> stop() -> plugins' stop hooks -> destructor.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "dispatch/site.hpp"
#include "dispatch/worker_services.hpp"
#include "handlers/plugin_set.hpp"
#include "net/host_links.hpp"

namespace roost::net {

struct WorkerSetup {
  const dispatch::Site* site = nullptr;  // outlives the server; so does the next
  const handlers::PluginSet* plugins = nullptr;
  std::vector<int> listeners;  // non-blocking, listening, shared with the other workers; borrowed
  int access_log_fd = -1;      // borrowed; -1: none
  uint32_t slot = 0;           // own index in links.slots
  uint32_t generation = 0;
  HostLinks links;
  // Asks the master to drain and replace this worker. Any thread.
  std::function<void(std::string_view why)> retire;
};

class WorkerServer final : public dispatch::WorkerServices {
 public:
  // Throws std::system_error. Sets dispatch::WorkerServices::current().
  explicit WorkerServer(WorkerSetup setup);
  ~WorkerServer();

  // Starts I/O threads, pool and logs; connections are taken from here on. Throws std::system_error.
  void start();

  // No further connection is taken, idle ones are closed, responses say Connection: close, WebSockets are closed with
  // 1001. Any thread; again is nothing.
  void begin_drain();
  // True when no further connection is taken, which takes until each I/O thread has heard of it; false when `patience`
  // is over first.
  bool wait_closed(std::chrono::milliseconds patience);
  // True when the last connection is gone; false when `patience` is over first.
  bool wait_drained(std::chrono::milliseconds patience);
  // From here on every request is answered with it: what keeps the files as they are now from being served. For
  // development. Any thread.
  void show_mistake(std::string why);
  // Cuts what is left, joins every thread, writes what the logs hold.
  void stop();

  roost_worker_info info() const override;
  roost_status post(uint32_t thread, void (*fn)(void*), void* arg) override;
  roost_status submit(void (*fn)(void*), void* arg) override;
  roost_status retire(std::string_view why) override;
  roost_status on_drain(void (*fn)(void*), void* arg) override;
  roost_status send_to(std::string_view id, roost_ws_kind kind, std::string_view data) override;
  roost_status broadcast(std::string_view group, roost_ws_kind kind, std::string_view data,
                         std::string_view except) override;
  roost_status list(std::string_view group, void (*each)(void*, roost_str), void* arg) override;
  roost_status publish(std::string_view topic, roost_ws_kind kind, std::string_view data,
                       std::string_view except) override;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roost::net
