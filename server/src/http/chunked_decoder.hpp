// Takes the chunked transfer coding apart (RFC 9112 section 7.1), incrementally and in place: what it hands out are
// views into the bytes it was given. Strict: no spaces, signs or "0x" in sizes, no bare CR or LF, extensions and
// trailers within limits. Allocates only for trailers. One for each body; one thread's at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "roost/abi.h"

namespace roost::http {

struct ChunkedLimits {
  size_t extension_bytes = 1024;    // over all chunks of a body: 400
  size_t trailer_bytes = 8 * 1024;  // 431
  size_t trailers = 100;            // 431
};

class ChunkedDecoder {
 public:
  enum class Status : uint8_t { need_more, data, done, error };
  struct Step {
    Status status;
    size_t consumed;        // of the bytes given; with done, what follows belongs to the next request
    std::string_view data;  // a piece of the body, part of the bytes given; empty unless status is data
  };

  explicit ChunkedDecoder(const ChunkedLimits& limits = {}) : limits_(limits) {}

  // For the next body.
  void reset();

  // The next step: call again with the rest after data; need_more has consumed everything. error: error_status() and
  // reason() say why, and every further call answers the same.
  Step next(const char* data, size_t size);

  // After done; views live until reset(). Fields that trailers must not have are left out, or, where they could change
  // what the request means, refused (RFC 9110 section 6.5.1).
  const std::vector<roost_field>& trailers() const { return trailers_; }

  uint16_t error_status() const { return error_status_; }  // 400 or 431
  const char* reason() const { return reason_; }           // static

 private:
  enum class State : uint8_t {
    size_start,
    size,
    extension_start,
    extension_name,
    extension_value_start,
    extension_token,
    extension_quoted,
    extension_escape,
    extension_quoted_end,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer_start,
    trailer_line,
    trailer_lf,
    end_lf,
    done,
    failed
  };

  Step fail(uint16_t status, const char* reason, size_t consumed);
  const char* step_size(char c);
  bool parse_trailers();

  ChunkedLimits limits_;
  State state_ = State::size_start;
  uint8_t size_digits_ = 0;
  uint16_t error_status_ = 0;
  uint64_t remaining_ = 0;
  size_t extension_bytes_ = 0;
  const char* reason_ = "";
  std::string trailer_text_;
  std::vector<roost_field> trailers_;
};

}  // namespace roost::http
