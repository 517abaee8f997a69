// Takes multipart/form-data apart (RFC 7578 over RFC 2046 section 5.1), incrementally, in one pass and in place:
// content is handed out as views into the bytes it was given. One for each body; one thread's at a time.
//
// Strict where two readers could differ: lines end with CRLF, nothing stands before the first boundary (but one empty
// line) or after the last (but empty lines), no blanks behind a boundary, nothing that begins like a boundary line
// within content, no folded header lines, every part with one `Content-Disposition: form-data` and one name, no
// Content-Transfer-Encoding but the identity, and the final boundary must come. Names: `\"`, `\\` and browsers' %22,
// %0D, %0A are undone. `filename*` (RFC 8187), which RFC 7578 section 4.2 tells clients not to send and .NET sends,
// wins over `filename`, as RFC 6266 section 4.3 has it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "config/form_limits.hpp"

namespace roost::http {

// The boundary of a multipart/form-data Content-Type, or an empty string: it is none, or malformed (RFC 2046: 1 to 70
// of some characters, named once; without quotes a token). is_multipart says which.
std::string multipart_boundary(std::string_view content_type, bool& is_multipart);

class MultipartParser {
 public:
  enum class Status : uint8_t { need_more, part, data, part_end, error };
  struct Step {
    Status status;
    size_t consumed;        // of the bytes given
    std::string_view data;  // content, valid until the next call; empty unless status is data
  };
  struct Part {
    std::string name;
    bool is_file = false;  // a file name was given, be it empty
    std::string filename;  // as the client says: never a path to write to
    std::string content_type;
    bool is_latin1 = false;  // charset=iso-8859-1, else UTF-8 or what is taken for it
  };

  // REQUIRES: boundary is one that multipart_boundary() gave.
  MultipartParser(std::string_view boundary, const config::FormLimits& limits);

  // The next step: call again with the rest; need_more has consumed everything. part: part() tells what begins. error:
  // error_status() and reason() say why, and every further call answers the same.
  Step next(const char* data, size_t size);
  // At the end of the body. False, and then error_status(): the final boundary is missing, or an error was there
  // already.
  bool finish();

  // Valid from Status::part until the next one.
  const Part& part() const { return part_; }
  // Bytes consumed so far; at Status::part where its content begins. A part's content is without gaps.
  uint64_t offset() const { return offset_; }
  uint16_t error_status() const { return error_status_; }  // 400 or 413
  const char* reason() const { return reason_; }           // static

 private:
  enum class State : uint8_t {
    first,
    header,
    data,
    boundary_end,
    boundary_lf,
    last_dash,
    epilogue,
    epilogue_lf,
    failed
  };

  Step step(Status status, size_t consumed, std::string_view data = {});
  Step fail(uint16_t status, const char* reason);
  Step next_data(const char* data, size_t size);
  Step next_header(const char* data, size_t size, size_t consumed);
  // nullptr, or what is wrong with header_; then error_status_ is set.
  const char* read_header();
  const char* read_disposition(std::string_view value);
  const char* read_content_type(std::string_view value);

  const config::FormLimits limits_;
  const std::string delimiter_;  // CRLF, "--", boundary
  State state_ = State::first;
  // How much of the delimiter the bytes before this call end with, beginning in it at held_from_: 0 with CR, 1 with LF,
  // 2 where the line began already. Those bytes are held back until it is known what they are.
  size_t matched_ = 2, held_from_ = 2;
  uint64_t offset_ = 0;
  size_t parts_ = 0;
  std::string header_;
  Part part_;
  uint16_t error_status_ = 0;
  const char* reason_ = "";
};

}  // namespace roost::http
