#include "net/resp.hpp"

#include <algorithm>
#include <charconv>

namespace roost::net {
namespace {

constexpr size_t kMaxLine = 64 * 1024;
constexpr int64_t kMaxItems = 1024 * 1024;

class Reader {
 public:
  explicit Reader(std::string_view bytes) : bytes_(bytes) {}
  size_t taken() const { return at_; }

  RespStatus read(RespReply& reply, int depth) {
    std::string_view line;
    if (const auto status = read_line(line); status != RespStatus::complete) return status;
    if (line.empty()) return RespStatus::invalid;
    const std::string_view rest = line.substr(1);
    switch (line[0]) {
      case '+':
      case '-':
        reply.type = line[0] == '+' ? RespReply::Type::text : RespReply::Type::error;
        reply.text = rest;
        return RespStatus::complete;
      case ':':
        reply.type = RespReply::Type::integer;
        return read_number(rest, reply.number) ? RespStatus::complete : RespStatus::invalid;
      case '$':
        return read_bulk(rest, reply);
      case '*':
        return read_array(rest, reply, depth);
      default:
        return RespStatus::invalid;
    }
  }

 private:
  RespStatus read_line(std::string_view& line) {
    const size_t end = bytes_.find("\r\n", at_);
    if (end == std::string_view::npos) {
      return bytes_.size() - at_ > kMaxLine ? RespStatus::invalid : RespStatus::incomplete;
    }
    line = bytes_.substr(at_, end - at_);
    at_ = end + 2;
    return RespStatus::complete;
  }

  static bool read_number(std::string_view text, int64_t& number) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    return error == std::errc() && end == text.data() + text.size();
  }

  RespStatus read_bulk(std::string_view length, RespReply& reply) {
    int64_t size = 0;
    if (!read_number(length, size) || size < -1 || size > static_cast<int64_t>(kMaxRespBulk)) {
      return RespStatus::invalid;
    }
    reply.type = size < 0 ? RespReply::Type::null : RespReply::Type::bulk;
    if (size < 0) return RespStatus::complete;
    const auto bytes = static_cast<size_t>(size);
    if (bytes_.size() - at_ < bytes + 2) return RespStatus::incomplete;
    reply.text = bytes_.substr(at_, bytes);
    if (bytes_.substr(at_ + bytes, 2) != "\r\n") return RespStatus::invalid;
    at_ += bytes + 2;
    return RespStatus::complete;
  }

  RespStatus read_array(std::string_view length, RespReply& reply, int depth) {
    int64_t count = 0;
    if (!read_number(length, count) || count < -1 || count > kMaxItems || depth >= 4) return RespStatus::invalid;
    reply.type = count < 0 ? RespReply::Type::null : RespReply::Type::array;
    for (int64_t i = 0; i < count; ++i) {
      if (const auto status = read(reply.items.emplace_back(), depth + 1); status != RespStatus::complete) {
        return status;
      }
    }
    return RespStatus::complete;
  }

  const std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace

RespStatus read_reply(std::string_view bytes, RespReply& reply, size_t& taken) {
  reply = {};
  Reader reader(bytes);
  const RespStatus status = reader.read(reply, 0);
  taken = reader.taken();
  return status;
}

void write_command(std::string& out, std::initializer_list<std::string_view> words) {
  out.append("*").append(std::to_string(words.size())).append("\r\n");
  for (const std::string_view word : words) {
    out.append("$").append(std::to_string(word.size())).append("\r\n").append(word).append("\r\n");
  }
}

}  // namespace roost::net
