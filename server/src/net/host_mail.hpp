// Mail between the workers of a host, over one SOCK_SEQPACKET inbox for each slot (net/host_links.hpp). Packets of one
// sender's thread arrive in order and once. A packet longer than a datagram travels in pieces, never interleaved with
// others of the same worker.
//
// Limits. A full inbox: further packets for it wait in this process, at most kMaxWaiting bytes for each receiver, and
// leave when epoll says so. Past that they are dropped, counted, and said in the log; what the receiver missed it hears
// of by on_lost(). Nobody waits for anybody: a stuck worker costs its senders that memory and no time.
//
// Peers are known by what they sent: slot, pid and a random number of their start. Packets are addressed to a pid, so
// that what still lies in an inbox when a slot gets a new worker is not taken for its own.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "net/event_loop.hpp"
#include "net/host_links.hpp"

namespace roost::net {

struct HostPacket {
  uint8_t type = 0;  // the receiver's business
  uint8_t kind = 0;
  std::string_view name, extra, data;

  size_t size() const { return name.size() + extra.size() + data.size(); }
};

class HostMail {
 public:
  static constexpr size_t kMaxPacket = 64u << 20;
  static constexpr size_t kMaxWaiting = 16u << 20;  // for each receiver; an empty queue takes any packet
  static constexpr int kPacketsAtOnce = 256;        // read at one wake-up

  class Receiver {
   public:
    // A packet from slot's worker. first: the first of a worker that was not known, or of a new one in that slot; what
    // was known of the slot's former worker is void. Called under the reader's lock, on the thread that calls
    // read_all(): it may send, and must not read.
    virtual void on_packet(uint32_t slot, bool first, const HostPacket& packet) = 0;
    // The worker in that slot ended.
    virtual void on_gone(uint32_t slot) = 0;
    // Packets for that slot were dropped, and it takes more again. On the loop's thread.
    virtual void on_lost(uint32_t slot) = 0;

   protected:
    ~Receiver() = default;
  };

  // number: random, of this worker's start. receiver outlives this.
  HostMail(HostLinks links, uint32_t slot, uint32_t number, Receiver& receiver);
  ~HostMail();
  HostMail(const HostMail&) = delete;
  HostMail& operator=(const HostMail&) = delete;

  // Reads the inbox on that loop from now on. Before the loop's thread runs.
  void start(EventLoop& loop);

  // Whether there are other slots at all.
  bool alone() const { return peers_.size() <= 1; }

  // To every slot that has a worker by the master's word. Any thread.
  void greet(const HostPacket& packet) noexcept;
  // To one known worker; false when there is none. Any thread.
  bool send(uint32_t slot, const HostPacket& packet) noexcept;
  // To all workers, those that are not known yet by the master's word. Any thread.
  void send_all(const HostPacket& packet) noexcept;

  // Reads what is in the inbox now (a bounded number of packets), and looks whether a known worker ended. Any thread.
  // REQUIRES: the caller holds no lock that Receiver's functions take.
  void read_all() noexcept;

  // Returns when something lies in the inbox, or the time is over. Any thread.
  void wait(std::chrono::milliseconds time) noexcept;

  // What the known worker in that slot gave as its number; 0 when there is none. Any thread.
  uint32_t number_of(uint32_t slot) const noexcept;
  uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct Header;
  struct Waiting {
    std::shared_ptr<const std::string> body;
    uint32_t name_size, extra_size;
    size_t sent;
    int32_t pid;
    uint8_t type, kind;
  };
  class Inbox final : public EventSource {
   public:
    explicit Inbox(HostMail& mail) : mail_(mail) {}
    void on_events(uint32_t events) noexcept override;
    HostMail& mail_;
  };
  // Of the process descriptors.
  class Deaths final : public EventSource {
   public:
    explicit Deaths(HostMail& mail) : mail_(mail) {}
    void on_events(uint32_t) noexcept override { mail_.read_all(); }
    HostMail& mail_;
  };
  // What goes to one slot: its queue, and the watch for room in its inbox.
  class Peer final : public EventSource, public PostedTask {
   public:
    void on_events(uint32_t events) noexcept override;
    void run_posted() noexcept override;

    HostMail* mail = nullptr;
    uint32_t slot = 0;
    int outbox = -1;

    std::mutex mutex;  // guards what follows
    int32_t pid = 0;   // of the known worker; 0: none
    std::atomic<uint32_t> number{0};
    std::deque<Waiting> waiting;
    size_t waiting_bytes = 0;
    bool posted = false, watching = false;
    bool lost = false;
    uint64_t dropped = 0;

    // The reader's, under read_mutex_.
    base::UniqueFd pidfd;
    std::string partial;
    bool in_partial = false;
    bool fresh = false;  // known, and nothing handed on yet
  };

  bool is_empty(const Peer& peer) const noexcept;
  // REQUIRES, both: peer.mutex held.
  void send_to_unknown(Peer& peer, const HostPacket& packet) noexcept;
  bool send_to(Peer& peer, int32_t pid, const HostPacket& packet) noexcept;
  // 1: sent, 0: no room, -1: nobody there.
  int send_piece(const Peer& peer, int32_t pid, uint8_t type, uint8_t kind, size_t name_size, size_t extra_size,
                 const std::array<std::string_view, 3>& body, size_t offset, size_t& sent) noexcept;
  void flush(Peer& peer) noexcept;
  void forget(Peer& peer) noexcept;
  bool read_one() noexcept;
  void look_for_dead() noexcept;

  const HostLinks links_;
  const uint32_t slot_;
  const uint32_t number_;
  const int32_t pid_;
  Receiver& receiver_;
  size_t piece_ = 32 * 1024;
  std::vector<std::unique_ptr<Peer>> peers_;  // by slot; own one unused
  Inbox inbox_;
  Deaths deaths_;
  EventLoop* loop_ = nullptr;
  std::atomic<uint64_t> dropped_{0};

  std::mutex read_mutex_;
  std::unique_ptr<char[]> buffer_;
};

}  // namespace roost::net
