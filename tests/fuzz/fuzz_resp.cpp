// Replies of a Redis server: what is complete is so at its last byte and at none before, says what its bytes say, and
// an error is one however much follows.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/resp.hpp"

namespace {

using roost::net::read_reply;
using roost::net::RespReply;
using roost::net::RespStatus;

void check(const RespReply& reply, std::string_view bytes, int depth) {
  if (depth > 4) std::abort();
  if (!reply.text.empty() &&
      (reply.text.data() < bytes.data() || reply.text.data() + reply.text.size() > bytes.data() + bytes.size())) {
    std::abort();
  }
  if (!reply.items.empty() && reply.type != RespReply::Type::array) std::abort();
  for (const RespReply& item : reply.items) check(item, bytes, depth + 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  RespReply reply;
  size_t taken = 0;
  const RespStatus whole = read_reply(bytes, reply, taken);
  if (whole == RespStatus::complete) {
    if (taken == 0 || taken > size) std::abort();
    check(reply, bytes.substr(0, taken), 0);
  }
  bool over = false;
  for (size_t end = 0; end < size && end < 256; ++end) {
    RespReply part;
    size_t used = 0;
    const RespStatus status = read_reply(bytes.substr(0, end), part, used);
    if (over && status != RespStatus::invalid) std::abort();
    over = status == RespStatus::invalid;
    if (over && whole != RespStatus::invalid) std::abort();
    if (whole == RespStatus::complete && (status == RespStatus::complete) != (end >= taken)) std::abort();
  }
  return 0;
}
