// The protocol of Redis, version 2 (RESP2): commands written, replies read. Pure; thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

namespace roost::net {

struct RespReply {
  enum class Type : uint8_t { text, error, integer, bulk, null, array };

  Type type = Type::null;
  std::string_view text;  // text, error, bulk: points into what was read
  int64_t number = 0;
  std::vector<RespReply> items;  // array
};

enum class RespStatus : uint8_t { complete, incomplete, invalid };

constexpr size_t kMaxRespBulk = 128u << 20;

// Reads one reply from the beginning of bytes; complete: size of it in taken. invalid: no reply of a Redis server, or
// longer than kMaxRespBulk, or nested more than four deep.
RespStatus read_reply(std::string_view bytes, RespReply& reply, size_t& taken);

// Appends a command: an array of bulk strings.
void write_command(std::string& out, std::initializer_list<std::string_view> words);

}  // namespace roost::net
