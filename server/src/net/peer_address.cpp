#include "net/peer_address.hpp"

#include <Poco/Net/IPAddress.h>
#include <Poco/Net/SocketAddress.h>
#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace roost::net {
namespace {

constexpr std::array<uint8_t, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool is_mapped(const std::array<uint8_t, 16>& bytes) {
  return std::memcmp(bytes.data(), kMapped.data(), kMapped.size()) == 0;
}

bool contains(const config::Network& network, const std::array<uint8_t, 16>& bytes) {
  const size_t whole = network.prefix / 8;
  if (std::memcmp(network.address.data(), bytes.data(), whole) != 0) return false;
  const unsigned rest = network.prefix % 8;
  return rest == 0 || ((network.address[whole] ^ bytes[whole]) >> (8 - rest)) == 0;
}

bool any_contains(const std::vector<config::Network>& networks, const std::array<uint8_t, 16>& bytes) {
  return std::any_of(networks.begin(), networks.end(),
                     [&bytes](const config::Network& network) { return contains(network, bytes); });
}

}  // namespace

PeerAddress::PeerAddress(const sockaddr_storage& address) {
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    family_ = 4;
    port_ = ntohs(in.sin_port);
    std::copy(kMapped.begin(), kMapped.end(), bytes_.begin());
    std::memcpy(bytes_.data() + 12, &in.sin_addr, 4);
  } else if (address.ss_family == AF_INET6) {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
    port_ = ntohs(in.sin6_port);
    std::memcpy(bytes_.data(), &in.sin6_addr, 16);
    // A client of IPv4 on a socket for both.
    family_ = is_mapped(bytes_) ? 4 : 6;
  }
}

Poco::Net::SocketAddress PeerAddress::address() const {
  if (family_ == 4) return {Poco::Net::IPAddress(bytes_.data() + 12, 4), port_};
  return {Poco::Net::IPAddress(bytes_.data(), 16), port_};
}

size_t PeerAddress::write_ip(char* out) const {
  if (family_ == 0) return 0;
  if (family_ == 6) {
    inet_ntop(AF_INET6, bytes_.data(), out, kMaxText);
    return std::strlen(out);
  }
  char* p = out;
  for (size_t i = 12; i < 16; ++i) {
    if (i != 12) *p++ = '.';
    p = std::to_chars(p, p + 3, bytes_[i]).ptr;
  }
  return static_cast<size_t>(p - out);
}

std::string PeerAddress::with_port() const {
  return family_ == 0 ? "unix" : address().toString();
}

bool PeerAddress::within(const std::vector<config::Network>& networks) const {
  return family_ != 0 && any_contains(networks, bytes_);
}

bool within(std::string_view address, const std::vector<config::Network>& networks) noexcept {
  char text[INET6_ADDRSTRLEN];
  if (address.empty() || address.size() >= sizeof text) return false;
  std::memcpy(text, address.data(), address.size());
  text[address.size()] = '\0';
  std::array<uint8_t, 16> bytes{};
  if (inet_pton(AF_INET, text, bytes.data() + 12) == 1) {
    std::copy(kMapped.begin(), kMapped.end(), bytes.begin());
  } else if (inet_pton(AF_INET6, text, bytes.data()) != 1) {
    return false;
  }
  return any_contains(networks, bytes);
}

}  // namespace roost::net
