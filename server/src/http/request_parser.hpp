// Parses the head of an HTTP/1 request in one pass, strictly: whatever two servers might read differently is refused
// (RFC 9112 sections 2.2, 3, 5, 6; RFC 9110 sections 5, 7). Never allocates after construction, never throws.
// One for each I/O thread: it keeps nothing between calls but the last result. A connection whose head is incomplete
// keeps only how many bytes were looked at.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "http/request_head.hpp"

namespace roost::http {

struct RequestLimits {
  size_t header_bytes = 32 * 1024;
  size_t headers = 100;
  size_t target_bytes = 8 * 1024;
};

enum class ParseResult : uint8_t { need_more, done, error };

class RequestParser {
 public:
  explicit RequestParser(const RequestLimits& limits);
  RequestParser(const RequestParser&) = delete;
  RequestParser& operator=(const RequestParser&) = delete;

  // data: every byte of this request so far, from its first on. seen: how many of them an earlier call for the same
  // request answered need_more to, else 0; then nothing is parsed anew until a line can have ended.
  // done: head() is valid until the next call, its views as long as data. error: status() and reason() say why.
  ParseResult parse(const char* data, size_t size, size_t seen = 0) noexcept;

  const RequestHead& head() const { return head_; }

  // Points the head at a copy of the bytes: all views into [from, from + size) move to `to`.
  void relocate(const char* from, size_t size, const char* to) noexcept;
  // The same for a head and fields that were copied elsewhere; head.fields must point to `fields`.
  static void relocate(RequestHead& head, roost_field* fields, const char* from, size_t size, const char* to) noexcept;

  // 400, 414, 431, 501 or 505.
  uint16_t status() const { return status_; }
  // For the log: "white space before the colon". Static.
  const char* reason() const { return reason_; }
  const RequestLimits& limits() const { return limits_; }

 private:
  struct Digest;

  ParseResult fail(uint16_t status, const char* reason) noexcept;
  ParseResult incomplete(size_t size) noexcept;
  bool digest_field(std::string_view name, std::string_view value, Digest& digest) noexcept;
  bool digest_transfer_encoding(std::string_view value, Digest& digest) noexcept;
  void digest_connection(std::string_view value, Digest& digest) noexcept;
  bool resolve_target(const char* question) noexcept;
  ParseResult finish(const Digest& digest, const char* question) noexcept;

  const RequestLimits limits_;
  std::unique_ptr<roost_field[]> fields_;
  RequestHead head_;
  uint16_t status_ = 0;
  const char* reason_ = "";
};

// host [":" port], host not empty and port at most 65535 (RFC 3986 section 3.2.2); no user information.
bool is_valid_authority(std::string_view authority, bool port_required = false) noexcept;

}  // namespace roost::http
