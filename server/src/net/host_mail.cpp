#include "net/host_mail.hpp"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/log.hpp"

namespace roost::net {

struct HostMail::Header {
  static constexpr uint32_t kMagic = 0x31746f6f;  // changes with this struct: generations of two binaries may overlap
  uint32_t magic;
  uint8_t type, kind;
  uint16_t slot;    // the sender's
  uint32_t number;  // of the sender's start
  int32_t pid;
  int32_t to;  // the receiver's pid
  uint32_t name_size, extra_size;
  uint32_t total, offset;  // bytes of the whole body, and before this piece
};

HostMail::HostMail(HostLinks links, uint32_t slot, uint32_t number, Receiver& receiver)
    : links_(links), slot_(slot), number_(number), pid_(getpid()), receiver_(receiver), inbox_(*this), deaths_(*this) {
  const size_t count = std::min(links.slots.size(), links.outboxes.size());
  for (size_t i = 0; i < count; ++i) {
    auto peer = std::make_unique<Peer>();
    peer->mail = this;
    peer->slot = static_cast<uint32_t>(i);
    peer->outbox = links.outboxes[i];
    peers_.push_back(std::move(peer));
  }
  if (alone()) return;
  int room = 0;
  socklen_t size = sizeof room;
  // A datagram may not be longer than the send buffer; several should fit.
  if (getsockopt(peers_[slot == 0 ? 1 : 0]->outbox, SOL_SOCKET, SO_SNDBUF, &room, &size) == 0 && room > 0) {
    piece_ = std::clamp<size_t>(static_cast<size_t>(room) / 6, 1024, piece_);
  }
  buffer_.reset(new char[sizeof(Header) + piece_]);
}

HostMail::~HostMail() = default;

void HostMail::start(EventLoop& loop) {
  loop_ = &loop;
  if (!alone() && links_.inbox >= 0) loop.add(links_.inbox, EPOLLIN, inbox_);
}

// Sending ---------------------------------------------------------------------------------------------------------

void HostMail::greet(const HostPacket& packet) noexcept {
  for (const auto& peer : peers_) {
    if (peer->slot == slot_ || is_empty(*peer)) continue;
    const std::lock_guard lock(peer->mutex);
    send_to_unknown(*peer, packet);
  }
}

// Most slots have no worker: they cost a look, no lock.
bool HostMail::is_empty(const Peer& peer) const noexcept {
  return peer.number.load(std::memory_order_relaxed) == 0 &&
         links_.slots[peer.slot].pid.load(std::memory_order_seq_cst) <= 0;
}

void HostMail::send_to_unknown(Peer& peer, const HostPacket& packet) noexcept {
  const int32_t pid = links_.slots[peer.slot].pid.load(std::memory_order_seq_cst);
  if (pid > 0) send_to(peer, pid, packet);
}

bool HostMail::send(uint32_t slot, const HostPacket& packet) noexcept {
  if (slot >= peers_.size() || slot == slot_) return false;
  Peer& peer = *peers_[slot];
  const std::lock_guard lock(peer.mutex);
  return peer.pid != 0 && send_to(peer, peer.pid, packet);
}

void HostMail::send_all(const HostPacket& packet) noexcept {
  for (const auto& peer : peers_) {
    if (peer->slot == slot_ || is_empty(*peer)) continue;
    const std::lock_guard lock(peer->mutex);
    if (peer->pid != 0) {
      send_to(*peer, peer->pid, packet);
    } else {
      send_to_unknown(*peer, packet);
    }
  }
}

bool HostMail::send_to(Peer& peer, int32_t pid, const HostPacket& packet) noexcept {
  const size_t total = packet.size();
  size_t sent = 0;
  bool begun = false;
  if (peer.waiting.empty()) {
    const std::array<std::string_view, 3> body{packet.name, packet.extra, packet.data};
    do {
      const int result =
          send_piece(peer, pid, packet.type, packet.kind, packet.name.size(), packet.extra.size(), body, sent, sent);
      if (result < 0) return false;
      if (result == 0) break;
      begun = true;
    } while (sent < total);
    if (begun && sent == total) return true;
  }
  if (!begun && peer.pid == 0 && kill(pid, 0) != 0 && errno == ESRCH) {
    // The master's word is old: nobody will read it.
    peer.waiting.clear();
    peer.waiting_bytes = 0;
    return false;
  }
  if (!begun && peer.waiting_bytes > 0 && peer.waiting_bytes + total > kMaxWaiting) {
    peer.lost = true;
    dropped_.fetch_add(1, std::memory_order_relaxed);
    const uint64_t count = ++peer.dropped;
    if ((count & (count - 1)) == 0) {
      base::log(ROOST_LOG_WARNING, "websocket",
                "the worker in slot " + std::to_string(peer.slot) +
                    " does not read its inbox: " + std::to_string(count) + " messages for it dropped");
    }
    return false;
  }
  auto body = std::make_shared<std::string>();
  body->reserve(total);
  body->append(packet.name).append(packet.extra).append(packet.data);
  peer.waiting.push_back({std::move(body), static_cast<uint32_t>(packet.name.size()),
                          static_cast<uint32_t>(packet.extra.size()), sent, pid, packet.type, packet.kind});
  peer.waiting_bytes += total + sizeof(Waiting);
  if (!peer.posted && !peer.watching && loop_ != nullptr) {
    peer.posted = true;
    loop_->post(peer);
  }
  return true;
}

int HostMail::send_piece(const Peer& peer, int32_t pid, uint8_t type, uint8_t kind, size_t name_size, size_t extra_size,
                         const std::array<std::string_view, 3>& body, size_t offset, size_t& sent) noexcept {
  const size_t total = body[0].size() + body[1].size() + body[2].size();
  Header header{Header::kMagic,
                type,
                kind,
                static_cast<uint16_t>(slot_),
                number_,
                pid_,
                pid,
                static_cast<uint32_t>(name_size),
                static_cast<uint32_t>(extra_size),
                static_cast<uint32_t>(total),
                static_cast<uint32_t>(offset)};
  iovec vectors[4] = {{&header, sizeof header}, {}, {}, {}};
  size_t count = 1, skip = offset, room = piece_, taken = 0;
  for (const std::string_view piece : body) {
    const size_t off = std::min(skip, piece.size());
    skip -= off;
    const size_t n = std::min(piece.size() - off, room);
    if (n == 0) continue;
    vectors[count++] = {const_cast<char*>(piece.data() + off), n};
    room -= n;
    taken += n;
  }
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = count;
  for (;;) {
    if (::sendmsg(peer.outbox, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
      sent = offset + taken;
      return 1;
    }
    if (errno == EINTR) continue;
    return errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ? 0 : -1;
  }
}

void HostMail::flush(Peer& peer) noexcept {
  bool lost = false;
  {
    const std::lock_guard lock(peer.mutex);
    bool blocked = false;
    while (!peer.waiting.empty()) {
      Waiting& next = peer.waiting.front();
      const int result = send_piece(peer, next.pid, next.type, next.kind, next.name_size, next.extra_size,
                                    {*next.body, {}, {}}, next.sent, next.sent);
      if (result == 0) {
        blocked = true;
        break;
      }
      if (result > 0 && next.sent < next.body->size()) continue;
      peer.waiting_bytes -= next.body->size() + sizeof(Waiting);
      peer.waiting.pop_front();
    }
    if (blocked != peer.watching) {
      peer.watching = blocked;
      if (blocked) {
        loop_->add(peer.outbox, EPOLLOUT, peer);
      } else {
        loop_->remove(peer.outbox);
      }
    }
    if (!blocked && peer.lost) {
      peer.lost = false;
      lost = peer.pid != 0;
    }
  }
  if (lost) receiver_.on_lost(peer.slot);
}

void HostMail::Peer::on_events(uint32_t) noexcept {
  mail->flush(*this);
}

void HostMail::Peer::run_posted() noexcept {
  {
    const std::lock_guard lock(mutex);
    posted = false;
  }
  mail->flush(*this);
}

// Reading ---------------------------------------------------------------------------------------------------------

void HostMail::Inbox::on_events(uint32_t) noexcept {
  const std::lock_guard lock(mail_.read_mutex_);
  for (int i = 0; i < kPacketsAtOnce && mail_.read_one(); ++i) {
  }
}

void HostMail::read_all() noexcept {
  if (alone()) return;
  const std::lock_guard lock(read_mutex_);
  for (int i = 0; i < 64 * kPacketsAtOnce && read_one(); ++i) {
  }
  look_for_dead();
}

void HostMail::wait(std::chrono::milliseconds time) noexcept {
  pollfd inbox{links_.inbox, POLLIN, 0};
  poll(&inbox, 1, static_cast<int>(time.count()));
}

bool HostMail::read_one() noexcept {
  iovec vector{buffer_.get(), sizeof(Header) + piece_};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  const ssize_t n = ::recvmsg(links_.inbox, &message, MSG_DONTWAIT);
  if (n < 0) return errno == EINTR;
  if (n == 0) {  // no worker sends nothing: the other end is closed
    if (loop_ != nullptr) loop_->remove(links_.inbox);
    return false;
  }
  Header header;
  if (static_cast<size_t>(n) < sizeof header || (message.msg_flags & MSG_TRUNC) != 0) return true;
  std::memcpy(&header, buffer_.get(), sizeof header);
  const std::string_view piece(buffer_.get() + sizeof header, static_cast<size_t>(n) - sizeof header);
  if (header.magic != Header::kMagic || header.to != pid_ || header.slot >= peers_.size() || header.slot == slot_ ||
      header.total > kMaxPacket || uint64_t{header.name_size} + header.extra_size > header.total ||
      uint64_t{header.offset} + piece.size() > header.total) {
    return true;
  }
  Peer& peer = *peers_[header.slot];
  if (peer.number.load(std::memory_order_relaxed) != header.number) {
    // What waits for one that was unknown until now is for it, by its pid.
    if (peer.number.load(std::memory_order_relaxed) != 0) forget(peer);
    peer.pidfd.reset(static_cast<int>(syscall(SYS_pidfd_open, header.pid, 0)));
    if (!peer.pidfd && errno == ESRCH) return true;  // its last words came late
    if (peer.pidfd && loop_ != nullptr) loop_->add(peer.pidfd.get(), EPOLLIN, deaths_);
    const std::lock_guard lock(peer.mutex);
    peer.pid = header.pid;
    peer.number.store(header.number, std::memory_order_release);
    peer.fresh = true;
  }
  std::string_view body = piece;
  if (piece.size() != header.total) {
    if (header.offset == 0) {
      peer.partial.clear();
      peer.partial.reserve(header.total);
      peer.in_partial = true;
    }
    if (!peer.in_partial || peer.partial.size() != header.offset) {
      peer.in_partial = false;
      return true;
    }
    peer.partial.append(piece);
    if (peer.partial.size() != header.total) return true;
    body = peer.partial;
  }
  HostPacket packet;
  packet.type = header.type;
  packet.kind = header.kind;
  packet.name = body.substr(0, header.name_size);
  packet.extra = body.substr(header.name_size, header.extra_size);
  packet.data = body.substr(size_t{header.name_size} + header.extra_size);
  receiver_.on_packet(header.slot, std::exchange(peer.fresh, false), packet);
  if (peer.in_partial) {
    peer.partial = std::string();
    peer.in_partial = false;
  }
  return true;
}

void HostMail::look_for_dead() noexcept {
  for (const auto& peer : peers_) {
    if (peer->number.load(std::memory_order_relaxed) == 0) continue;
    bool dead = false;
    if (peer->pidfd) {
      pollfd watch{peer->pidfd.get(), POLLIN, 0};
      dead = poll(&watch, 1, 0) == 1;
    } else {  // no pidfd to be had: what the master wrote down must do
      dead = links_.slots[peer->slot].pid.load(std::memory_order_relaxed) != peer->pid;
    }
    if (!dead) continue;
    const uint32_t slot = peer->slot;
    forget(*peer);
    receiver_.on_gone(slot);
  }
}

void HostMail::forget(Peer& peer) noexcept {
  const std::lock_guard lock(peer.mutex);
  peer.pid = 0;
  peer.number.store(0, std::memory_order_release);
  peer.waiting.clear();
  peer.waiting_bytes = 0;
  peer.lost = false;
  if (peer.pidfd && loop_ != nullptr) loop_->remove(peer.pidfd.get());
  peer.pidfd.reset();
  peer.partial = std::string();
  peer.in_partial = false;
}

uint32_t HostMail::number_of(uint32_t slot) const noexcept {
  return slot < peers_.size() ? peers_[slot]->number.load(std::memory_order_acquire) : 0;
}

}  // namespace roost::net
