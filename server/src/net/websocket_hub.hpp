// The WebSockets of the host, as one worker knows them: its own connections by number, and which connections the other
// workers have in which group. Topics are not mirrored: a published message goes to every worker, which looks for
// subscribers itself. Owned by the worker's server; functions may be called from any thread unless stated.
//
// Across workers (net/host_mail.hpp). A worker that starts says hello to every slot that has a worker; who hears from a
// worker for the first time, or is greeted, tells it all its connections; from then on each tells the others of every
// connection that opens or closes, before its on_open and before its on_close. list() first reads the own inbox, so it
// names every connection that was open in any worker when it was called. A worker that ended, however, is forgotten
// with its connections as soon as its process is gone. A worker that missed something, because its inbox stayed full,
// is told everything again. Generations that overlap during a reload share the slots, so nothing is special there.
//
// Across machines (net/redis_link.hpp): what is published, broadcast, or sent to an id that no worker here has is told
// to all workers of all hosts that share the channel; they ignore what came from their own host, which had it by mail.
// list() knows this host alone.
//
// An id is "SLOT-NUMBER-COUNT" in hexadecimal: the worker's slot, a random number of its start, a count. It tells where
// to send, and does not come again.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "config/config.hpp"
#include "net/host_links.hpp"
#include "net/host_mail.hpp"
#include "net/redis_link.hpp"
#include "net/websocket_loop.hpp"
#include "roost/abi.h"

namespace roost::net {

class WebSocketHub final : private HostMail::Receiver, private RedisLink::Receiver {
 public:
  // settings outlive the hub. After the fork, before the WebSocketLoops.
  WebSocketHub(const config::Websocket& settings, HostLinks links, uint32_t slot);
  ~WebSocketHub();
  WebSocketHub(const WebSocketHub&) = delete;
  WebSocketHub& operator=(const WebSocketHub&) = delete;

  // Called by each WebSocketLoop's constructor; the first one's loop reads the inbox.
  void attach(WebSocketLoop& loop) { loops_.push_back(&loop); }
  // Topics and groups reach the workers of other machines too; redis outlives the hub. Before start().
  void share(const config::Redis& redis);
  // Once all loops are attached, before their threads run: connects to Redis, greets the other workers, and waits for
  // their answers, so that list() is whole from the first request on; for one whose loop is stuck at most a second.
  void start();
  // Before the loops end: nothing comes from other machines any more.
  void leave_redis() noexcept {
    if (redis_) redis_->stop();
  }

  roost_status send_to(std::string_view id, roost_ws_kind kind, std::string_view data) noexcept;
  roost_status broadcast(std::string_view group, roost_ws_kind kind, std::string_view data,
                         std::string_view except) noexcept;
  // each is called without a lock.
  roost_status list(std::string_view group, void (*each)(void*, roost_str), void* arg) noexcept;
  roost_status publish(std::string_view topic, roost_ws_kind kind, std::string_view data,
                       std::string_view except) noexcept;

  // For connections and loops.
  const config::Websocket& settings() const { return settings_; }
  base::WorkerSlot* own_slot() { return slot_ < links_.slots.size() ? &links_.slots[slot_] : nullptr; }
  uint64_t next_number() noexcept { return count_.fetch_add(1, std::memory_order_relaxed) + 1; }
  std::string id_of(uint64_t number) const { return make_id(slot_, number_, number); }
  void join(WebSocketConnection& connection, std::string_view group) noexcept;
  void leave(WebSocketConnection& connection, std::string_view group) noexcept;  // again is nothing

  // Messages dropped for clients that read too slowly; said in the log at each power of two.
  void count_dropped(size_t count) noexcept;
  // Messages to other workers that were dropped.
  uint64_t dropped() const { return mail_.dropped(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const noexcept { return std::hash<std::string_view>{}(text); }
  };
  using Groups = std::unordered_map<std::string, std::unordered_set<uint64_t>, Hash, std::equal_to<>>;
  struct Id {
    uint32_t slot = 0, number = 0;
    uint64_t count = 0;  // 0: no id
  };

  static std::string make_id(uint32_t slot, uint32_t number, uint64_t count);
  static Id parse_id(std::string_view id);

  void on_packet(uint32_t slot, bool first, const HostPacket& packet) override;
  void on_gone(uint32_t slot) override;
  void on_lost(uint32_t slot) override;
  void on_redis(std::string_view payload) noexcept override;
  void send_to_own(std::string_view id, roost_ws_kind kind, std::string_view data) noexcept;
  void spread_here(WebSocketChannel::Kind channel, std::string_view name, roost_ws_kind kind, std::string_view data,
                   std::string_view except) noexcept;
  void tell_others(uint8_t type, roost_ws_kind kind, std::string_view name, std::string_view except,
                   std::string_view data) noexcept;

  void hear_the_others();
  void tell_all(uint32_t slot);  // REQUIRES: mutex_ held
  roost_status spread(WebSocketChannel::Kind channel, std::string_view name, roost_ws_kind kind, std::string_view data,
                      std::string_view except) noexcept;
  uint64_t host() const;
  uint64_t own_count(std::string_view id) const;

  const config::Websocket& settings_;
  const HostLinks links_;
  const uint32_t slot_;
  const uint32_t number_;
  std::atomic<uint64_t> count_{0};
  std::atomic<uint64_t> dropped_for_slow_{0};
  std::vector<WebSocketLoop*> loops_;

  std::mutex mutex_;  // guards what follows; packets about own connections are sent under it, so that their order holds
  std::unordered_map<uint64_t, WebSocketConnection*> connections_;
  Groups groups_;
  std::vector<Groups> others_;  // by slot
  std::vector<bool> heard_;     // by slot: that its worker has told all it has

  HostMail mail_;
  std::unique_ptr<RedisLink> redis_;
};

}  // namespace roost::net
