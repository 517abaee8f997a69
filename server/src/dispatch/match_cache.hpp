// The last matches of one I/O thread that had no parameters, by exactly what was asked: a request for a literal path
// costs one comparison instead of a walk through the route table. Bounded, direct-mapped; one thread's.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace roost::dispatch {

class MatchCache {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;

  // The route's number; kNone when it is not known here.
  uint32_t find(std::string_view method, std::string_view host, std::string_view path) const noexcept {
    const Entry& entry = entries_[slot_of(method, path)];
    if (entry.method != method.size() || entry.host != host.size() || entry.path != path.size()) return kNone;
    const char* const key = entry.key.data();
    if (std::memcmp(key, path.data(), path.size()) != 0) return kNone;
    if (!host.empty() && std::memcmp(key + path.size(), host.data(), host.size()) != 0) return kNone;
    if (std::memcmp(key + path.size() + host.size(), method.data(), method.size()) != 0) return kNone;
    return entry.route;
  }

  void put(std::string_view method, std::string_view host, std::string_view path, uint32_t route) noexcept {
    if (method.size() + host.size() + path.size() > kMaxKey) return;
    Entry& entry = entries_[slot_of(method, path)];
    char* const key = entry.key.data();
    std::memcpy(key, path.data(), path.size());
    if (!host.empty()) std::memcpy(key + path.size(), host.data(), host.size());
    std::memcpy(key + path.size() + host.size(), method.data(), method.size());
    entry.method = static_cast<uint8_t>(method.size());
    entry.host = static_cast<uint8_t>(host.size());
    entry.path = static_cast<uint8_t>(path.size());
    entry.route = route;
  }

 private:
  static constexpr size_t kEntries = 64, kMaxKey = 116;
  struct alignas(64) Entry {
    uint32_t route = kNone;
    uint8_t method = 0, host = 0, path = 0;
    std::array<char, kMaxKey> key;
  };

  // REQUIRES: neither is empty.
  static size_t slot_of(std::string_view method, std::string_view path) noexcept {
    uint64_t last = 0;
    const size_t count = path.size() < 8 ? path.size() : 8;
    std::memcpy(&last, path.data() + path.size() - count, count);
    last = (last ^ static_cast<uint8_t>(method[0]) ^ path.size() << 56) * 0x9e3779b97f4a7c15u;
    return last >> 58;
  }

  std::array<Entry, kEntries> entries_;
};

}  // namespace roost::dispatch
