// Who a request comes from when trusted proxies stand in front: Forwarded (RFC 7239), X-Forwarded-For, -Proto and
// -Host, X-Real-IP. Views into the fields. Thread-safe.
#pragma once

#include <cstddef>
#include <string_view>

#include "roost/abi.h"

namespace roost::http {

struct ForwardedClient {
  std::string_view client;  // an address without port and brackets; empty: none was named
  std::string_view scheme;  // "http" or "https"; empty: none was named
  std::string_view host;    // with port, as the client used; empty: none was named
};

// REQUIRES: the connection's peer is trusted itself. trusted(arg, address): whether that address is a trusted proxy's.
// The client is the rightmost address that is not trusted, or the leftmost one when all are; what stands left of an
// untrusted or unreadable one is anybody's invention and not looked at. Forwarded wins over X-Forwarded-*, which win
// over X-Real-IP.
ForwardedClient parse_forwarded(const roost_field* fields, size_t count,
                                bool (*trusted)(const void* arg, std::string_view address), const void* arg) noexcept;

// "203.0.113.7", "203.0.113.7:80", "[2001:db8::1]:80" or "2001:db8::1" without brackets and port; empty for anything
// that is no address ("unknown", "_hidden").
std::string_view forwarded_address(std::string_view node) noexcept;

}  // namespace roost::http
