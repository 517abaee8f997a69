#include "net/websocket_hub.hpp"

#include <sys/random.h>
#include <unistd.h>

#include <bit>
#include <charconv>
#include <chrono>
#include <cstring>

#include "base/log.hpp"
#include "http/exchange.hpp"

namespace roost::net {
namespace {

// kAll is followed by kJoin for all that the sender has, and these by kToldAll.
enum Type : uint8_t { kHello = 1, kAll, kJoin, kLeave, kPublish, kBroadcast, kSend, kToldAll };

// Connections in one packet about a group.
constexpr size_t kNumbersAtOnce = 2048;
// For the other workers' first answers, and how often it is looked who of them still lives.
constexpr std::chrono::milliseconds kPatience{1'000}, kLook{20};

uint32_t random_number() {
  uint32_t number = 0;
  while (number == 0) {
    if (getrandom(&number, sizeof number, 0) != sizeof number) number = static_cast<uint32_t>(getpid());
  }
  return number;
}

std::string_view bytes_of(const uint64_t* numbers, size_t count) {
  return {reinterpret_cast<const char*>(numbers), count * sizeof(uint64_t)};
}

}  // namespace

WebSocketHub::WebSocketHub(const config::Websocket& settings, HostLinks links, uint32_t slot)
    : settings_(settings),
      links_(links),
      slot_(slot),
      number_(random_number()),
      others_(links.slots.size()),
      heard_(links.slots.size()),
      mail_(links, slot, number_, *this) {}

WebSocketHub::~WebSocketHub() = default;

void WebSocketHub::share(const config::Redis& redis) {
  if (redis.enabled) redis_.reset(new RedisLink(redis, *this));
}

void WebSocketHub::start() {
  if (redis_) redis_->start();
  mail_.start(loops_.front()->event_loop());
  if (mail_.alone()) return;
  // Of two that start together at least one sees the other's pid.
  own_slot()->pid.store(getpid(), std::memory_order_seq_cst);
  HostPacket hello;
  hello.type = kHello;
  mail_.greet(hello);
  hear_the_others();
}

void WebSocketHub::hear_the_others() {
  const auto unheard = [this](uint32_t slot) {
    const auto state = links_.slots[slot].state.load(std::memory_order_acquire);
    if (slot == slot_ || (state != base::WorkerState::serving && state != base::WorkerState::draining)) return false;
    const std::lock_guard lock(mutex_);
    return !heard_[slot];
  };
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    mail_.read_all();
    uint32_t slot = 0;
    while (slot < heard_.size() && !unheard(slot)) ++slot;
    if (slot == heard_.size() || std::chrono::steady_clock::now() >= deadline) return;
    mail_.wait(kLook);
  }
}

std::string WebSocketHub::make_id(uint32_t slot, uint32_t number, uint64_t count) {
  char text[48];
  char* end = std::to_chars(text, text + 8, slot, 16).ptr;
  *end++ = '-';
  end = std::to_chars(end, end + 8, number, 16).ptr;
  *end++ = '-';
  end = std::to_chars(end, end + 16, count, 16).ptr;
  return {text, end};
}

WebSocketHub::Id WebSocketHub::parse_id(std::string_view text) {
  Id id;
  const char* p = text.data();
  const char* const end = p + text.size();
  auto part = std::from_chars(p, end, id.slot, 16);
  if (part.ec != std::errc() || part.ptr == end || *part.ptr != '-') return {};
  part = std::from_chars(part.ptr + 1, end, id.number, 16);
  if (part.ec != std::errc() || part.ptr == end || *part.ptr != '-') return {};
  part = std::from_chars(part.ptr + 1, end, id.count, 16);
  if (part.ec != std::errc() || part.ptr != end) return {};
  return id;
}

uint64_t WebSocketHub::own_count(std::string_view text) const {
  const Id id = parse_id(text);
  return id.slot == slot_ && id.number == number_ ? id.count : 0;
}

void WebSocketHub::join(WebSocketConnection& connection, std::string_view group) noexcept {
  const uint64_t number = connection.number();
  const std::lock_guard lock(mutex_);
  connections_.emplace(number, &connection);
  auto found = groups_.find(group);
  if (found == groups_.end()) found = groups_.emplace(group, std::unordered_set<uint64_t>{}).first;
  found->second.insert(number);
  HostPacket packet;
  packet.type = kJoin;
  packet.name = group;
  packet.data = bytes_of(&number, 1);
  mail_.send_all(packet);
}

void WebSocketHub::leave(WebSocketConnection& connection, std::string_view group) noexcept {
  const uint64_t number = connection.number();
  const std::lock_guard lock(mutex_);
  if (connections_.erase(number) == 0) return;
  const auto found = groups_.find(group);
  found->second.erase(number);
  if (found->second.empty()) groups_.erase(found);
  HostPacket packet;
  packet.type = kLeave;
  packet.name = group;
  packet.data = bytes_of(&number, 1);
  mail_.send_all(packet);
}

roost_status WebSocketHub::send_to(std::string_view text, roost_ws_kind kind, std::string_view data) noexcept {
  if (kind != ROOST_WS_TEXT && kind != ROOST_WS_BINARY) return ROOST_INVALID;
  const Id id = parse_id(text);
  if (id.count == 0) return ROOST_GONE;
  if (id.slot == slot_ && id.number == number_) {
    WebSocketConnection* connection = nullptr;
    {
      const std::lock_guard lock(mutex_);
      const auto found = connections_.find(id.count);
      if (found == connections_.end()) return ROOST_GONE;
      connection = found->second;
      connection->retain();
    }
    const roost_status status = connection->send(kind, data);
    connection->release();
    return status;
  }
  if (mail_.number_of(id.slot) != id.number) mail_.read_all();
  if (mail_.number_of(id.slot) != id.number) {
    if (!redis_ || text.size() + data.size() > HostMail::kMaxPacket) return ROOST_GONE;
    tell_others(kSend, kind, text, {}, data);  // some other machine's, perhaps
    return ROOST_OK;
  }
  HostPacket packet;
  packet.type = kSend;
  packet.kind = static_cast<uint8_t>(kind);
  packet.name = text;
  packet.data = data;
  if (packet.size() > HostMail::kMaxPacket) return ROOST_INVALID;
  return mail_.send(id.slot, packet) ? ROOST_OK : ROOST_GONE;
}

roost_status WebSocketHub::broadcast(std::string_view group, roost_ws_kind kind, std::string_view data,
                                     std::string_view except) noexcept {
  return spread(WebSocketChannel::Kind::group, group, kind, data, except);
}

roost_status WebSocketHub::publish(std::string_view topic, roost_ws_kind kind, std::string_view data,
                                   std::string_view except) noexcept {
  return spread(WebSocketChannel::Kind::topic, topic, kind, data, except);
}

roost_status WebSocketHub::spread(WebSocketChannel::Kind channel, std::string_view name, roost_ws_kind kind,
                                  std::string_view data, std::string_view except) noexcept {
  if (kind != ROOST_WS_TEXT && kind != ROOST_WS_BINARY) return ROOST_INVALID;
  const Type type = channel == WebSocketChannel::Kind::topic ? kPublish : kBroadcast;
  if (name.size() + except.size() + data.size() > HostMail::kMaxPacket) return ROOST_INVALID;
  if (!mail_.alone()) {
    HostPacket packet;
    packet.type = type;
    packet.kind = static_cast<uint8_t>(kind);
    packet.name = name;
    packet.extra = except;
    packet.data = data;
    mail_.send_all(packet);
  }
  std::shared_ptr<SharedMessage> message;
  const uint64_t left_out = except.empty() ? 0 : own_count(except);
  for (WebSocketLoop* loop : loops_) {
    const bool here = loop->is_current();
    if (here && !loop->has_channel(channel, name)) continue;
    if (message == nullptr) message = std::make_shared<SharedMessage>(kind, data, settings_.compress);
    if (here) {
      loop->deliver(channel, name, *message, left_out);
    } else {
      loop->ask_to_deliver(channel, name, message, left_out);
    }
  }
  if (redis_) tell_others(type, kind, name, except, data);
  return ROOST_OK;
}

void WebSocketHub::spread_here(WebSocketChannel::Kind channel, std::string_view name, roost_ws_kind kind,
                               std::string_view data, std::string_view except) noexcept {
  // Also to the caller's own thread by way of its queue, so that the order holds whoever reads the inbox.
  const auto message = std::make_shared<SharedMessage>(kind, data, settings_.compress);
  const uint64_t left_out = except.empty() ? 0 : own_count(except);
  for (WebSocketLoop* loop : loops_) loop->ask_to_deliver(channel, name, message, left_out);
}

roost_status WebSocketHub::list(std::string_view group, void (*each)(void*, roost_str), void* arg) noexcept {
  mail_.read_all();
  std::vector<std::string> ids;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = groups_.find(group); found != groups_.end()) {
      for (const uint64_t number : found->second) ids.push_back(id_of(number));
    }
    for (size_t slot = 0; slot < others_.size(); ++slot) {
      const uint32_t number = mail_.number_of(static_cast<uint32_t>(slot));
      const auto found = others_[slot].find(group);
      if (found == others_[slot].end() || number == 0) continue;
      for (const uint64_t count : found->second) ids.push_back(make_id(static_cast<uint32_t>(slot), number, count));
    }
  }
  for (const std::string& id : ids) each(arg, http::str(id));
  return ROOST_OK;
}

void WebSocketHub::count_dropped(size_t count) noexcept {
  const uint64_t before = dropped_for_slow_.fetch_add(count, std::memory_order_relaxed);
  if (std::bit_width(before) == std::bit_width(before + count)) return;
  base::log(ROOST_LOG_WARNING, "websocket",
            std::to_string(before + count) + " messages dropped for clients that read too slowly (slow_client: drop)");
}

// From other workers ----------------------------------------------------------------------------------------------

void WebSocketHub::tell_all(uint32_t slot) {
  HostPacket packet;
  packet.type = kAll;
  mail_.send(slot, packet);
  packet.type = kJoin;
  std::vector<uint64_t> numbers;
  for (const auto& [group, members] : groups_) {
    packet.name = group;
    for (auto next = members.begin(); next != members.end();) {
      numbers.clear();
      for (; next != members.end() && numbers.size() < kNumbersAtOnce; ++next) numbers.push_back(*next);
      packet.data = bytes_of(numbers.data(), numbers.size());
      mail_.send(slot, packet);
    }
  }
  packet = HostPacket();
  packet.type = kToldAll;
  mail_.send(slot, packet);
}

void WebSocketHub::on_packet(uint32_t slot, bool first, const HostPacket& packet) {
  if (first || packet.type == kHello || packet.type == kAll || packet.type == kJoin || packet.type == kLeave) {
    const std::lock_guard lock(mutex_);
    Groups& groups = others_[slot];
    if (first || packet.type == kAll) groups.clear();
    if (first || packet.type == kHello) tell_all(slot);
    if (packet.type == kJoin || packet.type == kLeave) {
      auto found = groups.find(packet.name);
      if (found == groups.end()) {
        if (packet.type == kLeave) return;
        found = groups.emplace(packet.name, std::unordered_set<uint64_t>{}).first;
      }
      for (size_t i = 0; i + sizeof(uint64_t) <= packet.data.size(); i += sizeof(uint64_t)) {
        uint64_t number;
        std::memcpy(&number, packet.data.data() + i, sizeof number);
        if (packet.type == kJoin) {
          found->second.insert(number);
        } else {
          found->second.erase(number);
        }
      }
      if (found->second.empty()) groups.erase(found);
      return;
    }
  }
  if (packet.type == kToldAll) {
    const std::lock_guard lock(mutex_);
    heard_[slot] = true;
  }
  if (packet.type != kPublish && packet.type != kBroadcast && packet.type != kSend) return;
  const auto kind = static_cast<roost_ws_kind>(packet.kind);
  if (packet.type == kSend) return send_to_own(packet.name, kind, packet.data);
  const auto channel = packet.type == kPublish ? WebSocketChannel::Kind::topic : WebSocketChannel::Kind::group;
  spread_here(channel, packet.name, kind, packet.data, packet.extra);
}

void WebSocketHub::send_to_own(std::string_view id, roost_ws_kind kind, std::string_view data) noexcept {
  WebSocketConnection* connection = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const auto found = connections_.find(own_count(id));
    if (found == connections_.end()) return;
    connection = found->second;
    connection->retain();
  }
  connection->send_asked(SharedBuffer::frame(kind, data));
  connection->release();
}

void WebSocketHub::on_gone(uint32_t slot) {
  const std::lock_guard lock(mutex_);
  others_[slot].clear();
}

void WebSocketHub::on_lost(uint32_t slot) {
  const std::lock_guard lock(mutex_);
  tell_all(slot);
}

// From other machines -----------------------------------------------------------------------------------------------

namespace {

// What goes through Redis, integers in little-endian order: "roost1", type, kind, the host, the sizes of name and
// except; then these two and the message.
constexpr std::string_view kMark = "roost1";
constexpr size_t kRedisHeader = kMark.size() + 2 + 8 + 4 + 4;

void put(std::string& out, uint64_t value, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) out += static_cast<char>(value >> (8 * i));
}

uint64_t get(std::string_view bytes, size_t at, size_t count) {
  uint64_t value = 0;
  for (size_t i = count; i > 0; --i) value = (value << 8) | static_cast<uint8_t>(bytes[at + i - 1]);
  return value;
}

}  // namespace

uint64_t WebSocketHub::host() const {
  return links_.slots.empty() ? 0 : links_.slots[0].host.load(std::memory_order_relaxed);
}

void WebSocketHub::tell_others(uint8_t type, roost_ws_kind kind, std::string_view name, std::string_view except,
                               std::string_view data) noexcept {
  std::string payload;
  payload.reserve(kRedisHeader + name.size() + except.size() + data.size());
  payload += kMark;
  put(payload, type, 1);
  put(payload, kind, 1);
  put(payload, host(), 8);
  put(payload, name.size(), 4);
  put(payload, except.size(), 4);
  payload.append(name).append(except).append(data);
  redis_->publish(std::move(payload));
}

void WebSocketHub::on_redis(std::string_view payload) noexcept {
  if (payload.size() < kRedisHeader || payload.substr(0, kMark.size()) != kMark) return;
  const auto type = static_cast<uint8_t>(payload[6]);
  const auto kind = static_cast<roost_ws_kind>(payload[7]);
  const uint64_t name_size = get(payload, 16, 4), except_size = get(payload, 20, 4);
  const std::string_view body = payload.substr(kRedisHeader);
  if (get(payload, 8, 8) == host() || name_size + except_size > body.size()) return;
  if (kind != ROOST_WS_TEXT && kind != ROOST_WS_BINARY) return;
  const std::string_view name = body.substr(0, name_size), except = body.substr(name_size, except_size);
  const std::string_view data = body.substr(name_size + except_size);
  if (type == kSend) return send_to_own(name, kind, data);
  if (type == kPublish) spread_here(WebSocketChannel::Kind::topic, name, kind, data, except);
  if (type == kBroadcast) spread_here(WebSocketChannel::Kind::group, name, kind, data, except);
}

}  // namespace roost::net
