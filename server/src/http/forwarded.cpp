#include "http/forwarded.hpp"

#include <arpa/inet.h>

#include <cstring>

#include "http/field_lookup.hpp"
#include "http/request_parser.hpp"

namespace roost::http {
namespace {

bool is_address(std::string_view text, int family) {
  char copy[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof copy) return false;
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  unsigned char address[16];
  return inet_pton(family, copy, address) == 1;
}

std::string_view unquote(std::string_view value) {
  return value.size() >= 2 && value.front() == '"' && value.back() == '"' ? value.substr(1, value.size() - 2) : value;
}

std::string_view scheme_of(std::string_view text) {
  if (equals_ignore_case(text, "https") || equals_ignore_case(text, "wss")) return "https";
  if (equals_ignore_case(text, "http") || equals_ignore_case(text, "ws")) return "http";
  return {};
}

std::string_view host_of(std::string_view text) {
  return is_valid_authority(text) ? text : std::string_view();
}

bool is_named(const roost_field& field, std::string_view name) {
  return equals_ignore_case({field.name.data, field.name.size}, name);
}

// Takes the last element off a list; false when nothing is left. Commas within quoted strings are not looked for here:
// no address, scheme or host has one.
bool pop_last(std::string_view& list, std::string_view& element) {
  if (list.data() == nullptr) return false;
  const size_t comma = list.rfind(',');
  element = trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
  list = comma == std::string_view::npos ? std::string_view() : list.substr(0, comma);
  return true;
}

// Calls each(element) from the last element of the last line to the first of the first, until it returns false.
template <typename Each>
void each_from_right(const roost_field* fields, size_t count, std::string_view name, Each&& each) {
  for (size_t i = count; i-- > 0;) {
    if (!is_named(fields[i], name)) continue;
    std::string_view list{fields[i].value.data, fields[i].value.size};
    std::string_view element;
    while (pop_last(list, element)) {
      if (!each(element)) return;
    }
  }
}

// One forwarded-element (RFC 7239 section 4): pairs parted by ';'.
ForwardedClient parse_element(std::string_view element) {
  ForwardedClient result;
  while (!element.empty()) {
    const size_t semicolon = element.find(';');
    const std::string_view pair = trim(element.substr(0, semicolon));
    element = semicolon == std::string_view::npos ? std::string_view() : element.substr(semicolon + 1);
    const size_t equals = pair.find('=');
    if (equals == std::string_view::npos) continue;
    const std::string_view name = pair.substr(0, equals);
    const std::string_view value = unquote(pair.substr(equals + 1));
    if (equals_ignore_case(name, "for")) result.client = forwarded_address(value);
    if (equals_ignore_case(name, "proto")) result.scheme = scheme_of(value);
    if (equals_ignore_case(name, "host")) result.host = host_of(value);
  }
  return result;
}

// The rightmost element: what the proxy next to this server says.
std::string_view rightmost(const roost_field* fields, size_t count, std::string_view name) {
  std::string_view found;
  each_from_right(fields, count, name, [&found](std::string_view element) {
    found = element;
    return false;
  });
  return found;
}

}  // namespace

std::string_view forwarded_address(std::string_view node) noexcept {
  node = trim(node);
  if (!node.empty() && node.front() == '[') {
    const size_t close = node.find(']');
    if (close == std::string_view::npos) return {};
    const std::string_view address = node.substr(1, close - 1);
    return is_address(address, AF_INET6) ? address : std::string_view();
  }
  if (is_address(node, AF_INET6)) return node;
  const std::string_view address = node.substr(0, node.find(':'));
  return is_address(address, AF_INET) ? address : std::string_view();
}

ForwardedClient parse_forwarded(const roost_field* fields, size_t count,
                                bool (*trusted)(const void* arg, std::string_view address), const void* arg) noexcept {
  ForwardedClient result;
  bool standard = false;
  each_from_right(fields, count, "forwarded", [&](std::string_view element) {
    standard = true;
    const ForwardedClient hop = parse_element(element);
    if (!hop.scheme.empty()) result.scheme = hop.scheme;
    if (!hop.host.empty()) result.host = hop.host;
    if (hop.client.empty()) return false;
    result.client = hop.client;
    return trusted(arg, hop.client);
  });
  if (standard) return result;
  each_from_right(fields, count, "x-forwarded-for", [&](std::string_view element) {
    const std::string_view address = forwarded_address(element);
    if (address.empty()) return false;
    result.client = address;
    return trusted(arg, address);
  });
  if (result.client.empty()) result.client = forwarded_address(rightmost(fields, count, "x-real-ip"));
  result.scheme = scheme_of(rightmost(fields, count, "x-forwarded-proto"));
  result.host = host_of(rightmost(fields, count, "x-forwarded-host"));
  return result;
}

}  // namespace roost::http
