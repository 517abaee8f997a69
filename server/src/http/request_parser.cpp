#include "http/request_parser.hpp"

#include <arpa/inet.h>

#include <cassert>
#include <cstring>

#include "http/characters.hpp"
#include "http/field_lookup.hpp"
#include "http/scan.hpp"

namespace roost::http {
namespace {

constexpr size_t kMaxMethod = 32;
// What is longer than this is no method that anybody implements (501), but noise (400).
constexpr size_t kLongestMethod = 256;
// Below this size a head is parsed anew with each piece, so that an error is answered with the byte that makes it.
constexpr size_t kAlwaysReparse = 1024;

// REQUIRES: name is lower case.
bool named(std::string_view field, std::string_view name) {
  return equals_ignore_case(field, name);
}

// Whether at most the one usual space surrounds the value. Others are legal (RFC 9112 section 5), but nobody pads the
// fields that frame a message, unless to hide them from one of two servers.
// REQUIRES: both are views into one field line that ends with CR.
bool unpadded(std::string_view name, std::string_view value) {
  const char* const colon = name.data() + name.size();
  const bool usual = value.data() == colon + 1 || (value.data() == colon + 2 && colon[1] == ' ');
  return usual && value.data()[value.size()] == '\r';
}

}  // namespace

bool is_valid_authority(std::string_view authority, bool port_required) noexcept {
  std::string_view host = authority, port;
  bool has_port = false;
  if (!authority.empty() && authority.front() == '[') {
    const size_t close = authority.find(']');
    if (close == std::string_view::npos) return false;
    host = authority.substr(1, close - 1);
    const std::string_view rest = authority.substr(close + 1);
    if (!rest.empty()) {
      if (rest.front() != ':') return false;
      has_port = true;
      port = rest.substr(1);
    }
    char text[INET6_ADDRSTRLEN];
    if (host.empty() || host.size() >= sizeof text) return false;
    std::memcpy(text, host.data(), host.size());
    text[host.size()] = '\0';
    in6_addr address;
    if (std::memchr(text, '\0', host.size()) != nullptr || inet_pton(AF_INET6, text, &address) != 1) return false;
  } else {
    const size_t colon = authority.find(':');
    if (colon != std::string_view::npos) {
      host = authority.substr(0, colon);
      port = authority.substr(colon + 1);
      has_port = true;
    }
    if (!all_are(host, kHostChar)) return false;
    for (size_t i = host.find('%'); i != std::string_view::npos; i = host.find('%', i + 3)) {
      if (i + 2 >= host.size() || !is(host[i + 1], kHexDigit) || !is(host[i + 2], kHexDigit)) return false;
    }
  }
  if (!has_port || port.empty()) return !port_required;
  uint32_t number = 0;
  for (char c : port) {
    if (!is(c, kDigit)) return false;
    number = number * 10 + static_cast<uint32_t>(c - '0');
    if (number > 65535) return false;
  }
  return true;
}

// What the fields say that can be judged only together.
struct RequestParser::Digest {
  unsigned hosts = 0, content_types = 0;
  bool transfer_encoding = false;
  bool unknown_coding = false;
  bool close = false, keep_alive = false, upgrade = false;
  bool websocket = false;
};

RequestParser::RequestParser(const RequestLimits& limits)
    : limits_(limits), fields_(std::make_unique<roost_field[]>(limits.headers)) {}

ParseResult RequestParser::fail(uint16_t status, const char* reason) noexcept {
  status_ = status;
  reason_ = reason;
  return ParseResult::error;
}

ParseResult RequestParser::incomplete(size_t size) noexcept {
  if (size >= limits_.header_bytes) return fail(431, "header section too large");
  return ParseResult::need_more;
}

ParseResult RequestParser::parse(const char* data, size_t size, size_t seen) noexcept {
  // Where even the longest method and target have ended: looked at once, so that a longer target is 414 in time.
  const size_t target_end = limits_.target_bytes + kMaxMethod + 3;
  if (seen >= kAlwaysReparse && seen < size && size < limits_.header_bytes && data[seen - 1] != '\r' &&
      (seen > target_end || size <= target_end) && !has_control(data + seen, data + size)) {
    return ParseResult::need_more;
  }
  const char* p = data;
  const char* const end = data + size;
  head_ = RequestHead{};

  // One empty line before the request line is tolerated (RFC 9112 section 2.2).
  if (p != end && *p == '\r') {
    if (end - p < 2) return ParseResult::need_more;
    if (p[1] != '\n') return fail(400, "bare CR");
    p += 2;
  }
  const char* const method = p;
  p = scan_token(p, end);
  const size_t method_size = static_cast<size_t>(p - method);
  if (method_size > kLongestMethod) return fail(400, "malformed method");
  if (p == end) return incomplete(size);
  if (*p != ' ' || method_size == 0) return fail(400, "malformed method");
  if (method_size > kMaxMethod) return fail(501, "method too long");
  head_.method = {method, method_size};
  ++p;

  const char* const target = p;
  const char* question = nullptr;
  p = scan_target(p, end, question);
  const size_t target_size = static_cast<size_t>(p - target);
  if (target_size > limits_.target_bytes) return fail(414, "request target too long");
  if (p == end) return incomplete(size);
  if (*p != ' ' || target_size == 0) return fail(400, "malformed request target");
  head_.target = {target, target_size};
  ++p;

  // HTTP-version (RFC 9112 section 2.3): case-sensitive, one digit each.
  constexpr std::string_view form = "HTTP/";
  for (size_t i = 0; i < 10; ++i, ++p) {
    if (p == end) return incomplete(size);
    const bool good = i < 5    ? *p == form[i]
                      : i == 6 ? *p == '.'
                      : i == 8 ? *p == '\r'
                      : i == 9 ? *p == '\n'
                               : is(*p, kDigit);
    if (!good) return fail(400, "malformed version");
  }
  if (p[-5] != '1' || p[-3] > '1') return fail(505, "HTTP version not supported");
  head_.version = p[-3] == '1' ? 0x0101 : 0x0100;

  Digest digest;
  size_t count = 0;
  for (;;) {
    if (p == end) return incomplete(size);
    if (*p == '\r') {
      if (end - p < 2) return incomplete(size);
      if (p[1] != '\n') return fail(400, "bare CR");
      p += 2;
      break;
    }
    const char* const name = p;
    p = scan_token(p, end);
    if (p == end) return incomplete(size);
    if (*p != ':' || p == name) {
      if (*p == ' ' || *p == '\t') return fail(400, p == name ? "folded field line" : "white space before the colon");
      return fail(400, "malformed field name");
    }
    const size_t name_size = static_cast<size_t>(p - name);
    ++p;
    while (p != end && (*p == ' ' || *p == '\t')) ++p;
    const char* const value = p;
    p = scan_field_value(p, end);
    if (end - p < 2) {
      if (p != end && *p != '\r') return fail(400, "control character in a field value");
      return incomplete(size);
    }
    if (p[0] != '\r' || p[1] != '\n') return fail(400, "control character in a field value");
    const char* value_end = p;
    while (value_end != value && (value_end[-1] == ' ' || value_end[-1] == '\t')) --value_end;
    p += 2;
    if (count == limits_.headers) return fail(431, "too many fields");
    if (static_cast<size_t>(p - data) > limits_.header_bytes) return fail(431, "header section too large");
    const size_t value_size = static_cast<size_t>(value_end - value);
    fields_[count++] = {{name, name_size}, {value, value_size}};
    if (!digest_field({name, name_size}, {value, value_size}, digest)) return ParseResult::error;
  }
  head_.bytes = static_cast<size_t>(p - data);
  if (head_.bytes > limits_.header_bytes) return fail(431, "header section too large");
  head_.fields = fields_.get();
  head_.field_count = count;
  return finish(digest, question);
}

bool RequestParser::digest_field(std::string_view name, std::string_view value, Digest& digest) noexcept {
  switch (name.size()) {
    case 4:
      if (!named(name, "host")) break;
      if (digest.hosts++ != 0) return fail(400, "repeated Host"), false;
      if (!is_valid_authority(value)) return fail(400, "malformed Host"), false;
      head_.host = value;
      break;
    case 6:
      if (!named(name, "expect")) break;
      if (equals_ignore_case(value, "100-continue") && !head_.unknown_expectation) {
        head_.expect_continue = true;
      } else {
        head_.unknown_expectation = true;
        head_.expect_continue = false;
      }
      break;
    case 7:
      if (named(name, "upgrade") && list_has(value, "websocket")) digest.websocket = true;
      break;
    case 10:
      if (named(name, "connection")) digest_connection(value, digest);
      break;
    case 12:
      // Two servers may choose differently what the body is (RFC 9110 section 5.3).
      if (named(name, "content-type") && digest.content_types++ != 0) return fail(400, "repeated Content-Type"), false;
      break;
    case 14: {
      if (!named(name, "content-length")) break;
      // Repeated lines and lists are refused even when they agree (RFC 9112 section 6.3 allows that).
      if (head_.has_content_length) return fail(400, "repeated Content-Length"), false;
      if (!all_are(value, kDigit) || !unpadded(name, value)) return fail(400, "malformed Content-Length"), false;
      // Octal to some.
      if (value.size() > 1 && value.front() == '0') return fail(400, "Content-Length with leading zeros"), false;
      uint64_t length = 0;
      for (char c : value) {
        if (__builtin_mul_overflow(length, uint64_t{10}, &length) ||
            __builtin_add_overflow(length, static_cast<uint64_t>(c - '0'), &length)) {
          return fail(400, "Content-Length too large"), false;
        }
      }
      if (length > INT64_MAX) return fail(400, "Content-Length too large"), false;
      head_.content_length = length;
      head_.has_content_length = true;
      break;
    }
    case 17:
      if (named(name, "transfer-encoding")) {
        if (!unpadded(name, value)) return fail(400, "malformed Transfer-Encoding"), false;
        return digest_transfer_encoding(value, digest);
      }
      if (named(name, "sec-websocket-key")) {
        if (head_.websocket_key.data() != nullptr) head_.websocket_repeated = true;
        head_.websocket_key = value;
      }
      break;
    case 21:
      if (named(name, "sec-websocket-version")) {
        if (head_.websocket_version.data() != nullptr) head_.websocket_repeated = true;
        head_.websocket_version = value;
      }
      break;
    case 22:
      if (named(name, "sec-websocket-protocol") && head_.websocket_protocols.data() == nullptr) {
        head_.websocket_protocols = value;
      }
      break;
    case 24:
      if (named(name, "sec-websocket-extensions") && head_.websocket_extensions.data() == nullptr) {
        head_.websocket_extensions = value;
      }
      break;
    default:
      break;
  }
  return true;
}

void RequestParser::digest_connection(std::string_view value, Digest& digest) noexcept {
  each_list_element(value, [&digest](std::string_view token) {
    if (equals_ignore_case(token, "close")) digest.close = true;
    if (equals_ignore_case(token, "keep-alive")) digest.keep_alive = true;
    if (equals_ignore_case(token, "upgrade")) digest.upgrade = true;
    return true;
  });
}

// One final "chunked" over all lines (RFC 9112 sections 6.1, 7.1); parameters, empty elements and anything behind it
// are refused. Codings that this server does not know are 501, but only where the framing is not in doubt already.
bool RequestParser::digest_transfer_encoding(std::string_view value, Digest& digest) noexcept {
  digest.transfer_encoding = true;
  return each_list_element(value, [this, &digest](std::string_view coding) {
    if (head_.chunked) return fail(400, "chunked is not the one final transfer coding"), false;
    if (equals_ignore_case(coding, "chunked")) {
      head_.chunked = true;
    } else if (all_are(coding, kTokenChar)) {
      digest.unknown_coding = true;
    } else {
      return fail(400, "malformed Transfer-Encoding"), false;
    }
    return true;
  });
}

bool RequestParser::resolve_target(const char* question) noexcept {
  const std::string_view target = head_.target;
  const bool connect = head_.method == "CONNECT";
  if (question != nullptr) {
    head_.query = {question + 1, static_cast<size_t>(target.data() + target.size() - question - 1)};
  }
  const std::string_view before_query =
      question == nullptr ? target : target.substr(0, static_cast<size_t>(question - target.data()));
  if (target.front() == '/') {
    head_.form = TargetForm::origin;
    head_.path = before_query;
    return !connect;
  }
  if (connect) {
    head_.form = TargetForm::authority;
    head_.authority = target;
    head_.query = {};
    return is_valid_authority(target, true);
  }
  if (target == "*") {
    head_.form = TargetForm::asterisk;
    head_.path = target;
    return head_.method == "OPTIONS";
  }
  head_.form = TargetForm::absolute;
  const size_t scheme = target.find("://");
  if (scheme == std::string_view::npos) return false;
  const std::string_view name = target.substr(0, scheme);
  if (!equals_ignore_case(name, "http") && !equals_ignore_case(name, "https")) return false;
  if (scheme + 3 > before_query.size()) return false;
  const std::string_view rest = before_query.substr(scheme + 3);
  const size_t slash = rest.find('/');
  head_.authority = rest.substr(0, slash);
  // An empty path is "/", and for OPTIONS the server as a whole (RFC 9112 section 3.2.4).
  head_.path = slash != std::string_view::npos                    ? rest.substr(slash)
               : head_.method == "OPTIONS" && question == nullptr ? std::string_view("*")
                                                                  : std::string_view("/");
  return is_valid_authority(head_.authority);
}

ParseResult RequestParser::finish(const Digest& digest, const char* question) noexcept {
  if (!resolve_target(question)) return fail(400, "malformed request target");
  const bool version_1_1 = head_.version == 0x0101;
  if (version_1_1 && digest.hosts == 0) return fail(400, "no Host");
  if (head_.form == TargetForm::origin || head_.form == TargetForm::asterisk) head_.authority = head_.host;

  if (digest.transfer_encoding) {
    if (head_.has_content_length) return fail(400, "Content-Length with Transfer-Encoding");
    if (!version_1_1) return fail(400, "Transfer-Encoding in HTTP/1.0");
    if (digest.unknown_coding) return fail(501, "unknown transfer coding");
    if (!head_.chunked) return fail(400, "malformed Transfer-Encoding");
  }
  head_.keep_alive = !digest.close && (version_1_1 || digest.keep_alive);
  if (!version_1_1) head_.expect_continue = head_.unknown_expectation = false;
  head_.upgrade_websocket = digest.websocket && digest.upgrade && version_1_1 && head_.method == "GET";
  return ParseResult::done;
}

void RequestParser::relocate(const char* from, size_t size, const char* to) noexcept {
  relocate(head_, fields_.get(), from, size, to);
}

void RequestParser::relocate(RequestHead& head, roost_field* fields, const char* from, size_t size,
                             const char* to) noexcept {
  auto moved = [from, size, to](const char* p) { return p >= from && p <= from + size ? to + (p - from) : p; };
  for (std::string_view* view :
       {&head.method, &head.target, &head.path, &head.query, &head.authority, &head.host, &head.websocket_key,
        &head.websocket_version, &head.websocket_protocols, &head.websocket_extensions}) {
    if (view->data() != nullptr) *view = {moved(view->data()), view->size()};
  }
  for (size_t i = 0; i < head.field_count; ++i) {
    fields[i].name.data = moved(fields[i].name.data);
    fields[i].value.data = moved(fields[i].value.data);
  }
}

}  // namespace roost::http
