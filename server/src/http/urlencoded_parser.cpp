#include "http/urlencoded_parser.hpp"

#include <utility>

#include "http/characters.hpp"

namespace roost::http {

UrlencodedParser::Step UrlencodedParser::fail(const char* reason, size_t consumed) {
  reason_ = reason;
  return {Status::error, consumed};
}

bool UrlencodedParser::add(std::string_view text) {
  if (!in_value_) {
    if (name_.size() + text.size() > limits_.name_bytes) {
      reason_ = "a field's name is too long";
      return false;
    }
    name_.append(text);
    return true;
  }
  if (value_bytes_ + text.size() > limits_.field_bytes) {
    reason_ = "the values of the fields are too long";
    return false;
  }
  value_bytes_ += text.size();
  value_.append(text);
  return true;
}

UrlencodedParser::Step UrlencodedParser::next(const char* data, size_t size) {
  if (reason_ != nullptr) return {Status::error, 0};
  if (ended_) {
    name_.clear();
    value_.clear();
    ended_ = begun_ = in_value_ = false;
  }
  for (size_t at = 0; at < size;) {
    const char c = data[at];
    if (escape_size_ != 0) {
      if (hex_value(c) < 0) {
        const size_t held = std::exchange(escape_size_, 0);
        if (!add({escape_, held})) return fail(reason_, at);
        continue;  // c itself is still to be read
      }
      ++at;
      if (escape_size_ == 1) {
        escape_[escape_size_++] = c;
        continue;
      }
      escape_size_ = 0;
      const char decoded = static_cast<char>(hex_value(escape_[1]) * 16 + hex_value(c));
      if (!add({&decoded, 1})) return fail(reason_, at);
      continue;
    }
    if (c == '&') {
      ++at;
      if (!begun_) continue;
      if (++pairs_ > limits_.parts) return fail("too many fields", at);
      ended_ = true;
      return {Status::pair, at};
    }
    begun_ = true;
    if (c == '=' && !in_value_) {
      in_value_ = true;
      ++at;
    } else if (c == '%') {
      escape_[0] = '%';
      escape_size_ = 1;
      ++at;
    } else if (c == '+') {
      if (!add(" ")) return fail(reason_, at);
      ++at;
    } else {
      size_t end = at + 1;
      while (end < size && data[end] != '&' && data[end] != '%' && data[end] != '+' && data[end] != '=') ++end;
      if (!add({data + at, end - at})) return fail(reason_, at);
      at = end;
    }
  }
  return {Status::need_more, size};
}

UrlencodedParser::Status UrlencodedParser::finish() {
  if (reason_ != nullptr) return Status::error;
  if (ended_ || !begun_) return Status::need_more;
  const size_t held = std::exchange(escape_size_, 0);
  if (held != 0 && !add({escape_, held})) return Status::error;
  if (++pairs_ > limits_.parts) {
    reason_ = "too many fields";
    return Status::error;
  }
  ended_ = true;
  return Status::pair;
}

}  // namespace roost::http
