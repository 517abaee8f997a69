// Takes application/x-www-form-urlencoded apart as browsers do (WHATWG URL, section 5.1), incrementally: pairs at '&',
// name and value at the first '=', '+' a blank, percent-decoded once; an escape that is none stays as it is, and empty
// pairs are skipped. One for each body; one thread's at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/form_limits.hpp"

namespace roost::http {

class UrlencodedParser {
 public:
  enum class Status : uint8_t { need_more, pair, error };
  struct Step {
    Status status;
    size_t consumed;
  };

  explicit UrlencodedParser(const config::FormLimits& limits) : limits_(limits) {}

  // The next step: call again with the rest after a pair; need_more has consumed everything. error: reason() says which
  // limit was passed (413).
  Step next(const char* data, size_t size);
  // At the end of the body: pair when there is a last one, need_more when there is none. Once.
  Status finish();

  // Valid from Status::pair until the next call.
  const std::string& name() const { return name_; }
  const std::string& value() const { return value_; }
  const char* reason() const { return reason_; }  // static

 private:
  Step fail(const char* reason, size_t consumed);
  bool add(std::string_view text);

  const config::FormLimits limits_;
  std::string name_, value_;
  bool in_value_ = false, begun_ = false, ended_ = false;
  char escape_[2] = {0, 0};  // '%' and the digit behind it, while the next is awaited
  size_t escape_size_ = 0;
  size_t pairs_ = 0, value_bytes_ = 0;
  const char* reason_ = nullptr;
};

}  // namespace roost::http
