#include "config/scalar.hpp"
#include "config/section_readers.hpp"

namespace roost::config {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char lower = static_cast<char>(c | 0x20);
  return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

std::string percent_decoded(const Node& node, std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += text[i];
      continue;
    }
    const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
    if (high < 0 || low < 0) node.fail("'%' in the user's name or password is followed by two hexadecimal digits");
    out += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return out;
}

// redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or unix:/PATH. The text is not repeated: it may hold a password.
void read_url(const Node& node, std::string_view url, Redis& redis) {
  constexpr const char* kForm = "write redis://[[USER]:PASSWORD@]HOST[:PORT][/DATABASE] or unix:/PATH";
  if (url.rfind("unix:", 0) == 0) {
    redis.unix_path = url.substr(5);
    if (redis.unix_path.empty() || redis.unix_path[0] != '/')
      node.fail(std::string("\"unix:\" needs a path; ") + kForm);
    if (redis.unix_path.size() > 107) node.fail("the socket's path is longer than the 107 bytes that the kernel takes");
    return;
  }
  if (url.rfind("rediss://", 0) == 0) node.fail("TLS to Redis is not supported yet; a tunnel such as stunnel does it");
  if (url.rfind("redis://", 0) != 0) node.fail(std::string("this is no address of a Redis server; ") + kForm);
  url.remove_prefix(8);
  if (const size_t at = url.rfind('@'); at != std::string_view::npos) {
    const std::string_view who = url.substr(0, at);
    url.remove_prefix(at + 1);
    const size_t colon = who.find(':');
    if (colon == std::string_view::npos) node.fail(std::string("a user needs a password; ") + kForm);
    redis.user = percent_decoded(node, who.substr(0, colon));
    redis.password = percent_decoded(node, who.substr(colon + 1));
    if (redis.password.empty()) node.fail(std::string("the password is empty; ") + kForm);
  }
  if (const size_t slash = url.find('/'); slash != std::string_view::npos) {
    const std::string_view number = url.substr(slash + 1);
    url = url.substr(0, slash);
    const auto database = parse_unsigned(number);
    if (!number.empty() && (!database || *database > 1'000'000)) {
      node.fail("the database \"" + std::string(number) + "\" is no number");
    }
    redis.database = number.empty() ? 0 : static_cast<uint32_t>(*database);
  }
  const bool bracketed = url.rfind('[', 0) == 0;
  const size_t end = bracketed ? url.find(']') : std::string_view::npos;
  if (bracketed && end == std::string_view::npos) node.fail("'[' without ']'");
  const size_t colon = url.find(':', bracketed ? end : 0);
  if (colon != std::string_view::npos) {
    const auto port = parse_unsigned(url.substr(colon + 1));
    if (!port || *port == 0 || *port > 65535) {
      node.fail("\"" + std::string(url.substr(colon + 1)) + "\" is no port; " + kForm);
    }
    redis.port = static_cast<uint16_t>(*port);
  }
  redis.host = bracketed ? url.substr(1, end - 1) : url.substr(0, colon);
  if (redis.host.empty()) node.fail(std::string("the host is missing; ") + kForm);
}

}  // namespace

void read_redis(Node node, Redis& redis) {
  if (node.is_null()) return;
  if (!node.is_map()) {
    const std::string url = node.text();
    redis.enabled = !url.empty();
    if (redis.enabled) read_url(node, url, redis);
    return;
  }
  const Node url = node.require("url");
  const std::string text = url.text();
  redis.enabled = !text.empty();
  if (redis.enabled) read_url(url, text, redis);
  if (auto found = node.get("channel")) {
    redis.channel = found->text();
    if (redis.channel.empty()) found->fail("an empty name; the servers that share topics name the same channel");
  }
  if (auto found = node.get("queue")) redis.queue = found->size();
  node.no_others();
}

}  // namespace roost::config
