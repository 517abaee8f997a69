// What all I/O threads of a worker share. Made by the WorkerServer before they start; immutable but for the atomics and
// what guards itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/access_log.hpp"
#include "base/worker_slot.hpp"
#include "config/config.hpp"
#include "dispatch/dispatcher.hpp"
#include "dispatch/site.hpp"
#include "handlers/plugin_set.hpp"
#include "net/thread_pool.hpp"
#include "net/websocket_hub.hpp"

namespace roost::net {

struct WorkerContext {
  explicit WorkerContext(const dispatch::Site& the_site)
      : site(the_site), settings(the_site.configuration().server), dispatcher(the_site) {}

  const dispatch::Site& site;
  const config::Server& settings;
  const dispatch::Dispatcher dispatcher;
  std::unique_ptr<base::AccessLog> access_log;
  std::unique_ptr<ThreadPool> pool;
  std::unique_ptr<WebSocketHub> websockets;
  std::vector<handlers::BatchEnd> batch_ends;
  std::vector<int> listeners;
  base::WorkerSlot* slot = nullptr;
  std::span<base::WorkerSlot> slots;
  uint32_t thread_count = 1;

  std::atomic<bool> draining{false};
  std::atomic<const std::string*> mistake{nullptr};  // WorkerServer::show_mistake()
  std::atomic<uint32_t> accepting{0};                // I/O threads that still take connections
  std::atomic<int64_t> connections{0};               // open in this worker
  // Called on an I/O thread when the last connection is gone while the worker drains.
  void (*on_last_connection)(void*) = nullptr;
  void* on_last_connection_arg = nullptr;

  std::mutex addresses_mutex;  // guards addresses; used where per_address is set alone
  std::unordered_map<std::string, size_t> addresses;
};

}  // namespace roost::net
