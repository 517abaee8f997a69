// The address at the other end of a connection, in 20 bytes instead of a Poco::Net::SocketAddress for each of ten
// thousand idle ones. A value; thread-safe.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace Poco::Net {
class SocketAddress;
}

namespace roost::net {

class PeerAddress {
 public:
  PeerAddress() = default;  // of a unix socket
  explicit PeerAddress(const sockaddr_storage& address);

  bool is_ip() const { return family_ != 0; }
  // REQUIRES: is_ip().
  Poco::Net::SocketAddress address() const;
  // "203.0.113.7"; empty for unix sockets. At most kMaxText bytes at out; returns how many.
  static constexpr size_t kMaxText = 46;
  size_t write_ip(char* out) const;
  // "203.0.113.7:4711", "[2001:db8::1]:4711", "unix".
  std::string with_port() const;

  const std::array<uint8_t, 16>& bytes() const { return bytes_; }
  bool within(const std::vector<config::Network>& networks) const;

 private:
  uint8_t family_ = 0;  // 4 or 6
  uint16_t port_ = 0;
  std::array<uint8_t, 16> bytes_{};  // IPv4 mapped into IPv6
};

// Whether that textual address lies in one of the networks.
bool within(std::string_view address, const std::vector<config::Network>& networks) noexcept;

}  // namespace roost::net
