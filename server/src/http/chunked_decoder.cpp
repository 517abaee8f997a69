#include "http/chunked_decoder.hpp"

#include "http/characters.hpp"
#include "http/scan.hpp"

namespace roost::http {
namespace {

// Enough for any size below 2^63, and no overflow to look out for.
constexpr uint8_t kMaxSizeDigits = 15;

enum class InTrailers : uint8_t { kept, dropped, refused };

// Fields that decide about framing, routing or who is asking are an attempt to change a request's meaning behind the
// back of whoever looked at its head; those that only make no sense there are left out (RFC 9110 section 6.5.1).
InTrailers in_trailers(std::string_view name) {
  for (std::string_view one :
       {"content-length", "transfer-encoding", "host", "authorization", "content-type", "content-encoding"}) {
    if (equals_ignore_case(name, one)) return InTrailers::refused;
  }
  for (std::string_view one :
       {"trailer", "te", "connection", "content-range", "cookie", "set-cookie", "expect", "upgrade", "cache-control"}) {
    if (equals_ignore_case(name, one)) return InTrailers::dropped;
  }
  return InTrailers::kept;
}

}  // namespace

void ChunkedDecoder::reset() {
  state_ = State::size_start;
  size_digits_ = 0;
  error_status_ = 0;
  remaining_ = 0;
  extension_bytes_ = 0;
  reason_ = "";
  trailer_text_.clear();
  trailers_.clear();
}

ChunkedDecoder::Step ChunkedDecoder::fail(uint16_t status, const char* reason, size_t consumed) {
  state_ = State::failed;
  error_status_ = status;
  reason_ = reason;
  return {Status::error, consumed, {}};
}

// One byte of a chunk's size line; what is wrong with it, or nullptr.
const char* ChunkedDecoder::step_size(char c) {
  switch (state_) {
    case State::size_start:
    case State::size: {
      const int digit = hex_value(c);
      if (digit >= 0) {
        if (++size_digits_ > kMaxSizeDigits) return "chunk size too large";
        remaining_ = remaining_ * 16 + static_cast<unsigned>(digit);
        state_ = State::size;
        return nullptr;
      }
      if (state_ == State::size_start) return "malformed chunk size";
      if (c == ';') {
        state_ = State::extension_start;
      } else if (c == '\r') {
        state_ = State::size_lf;
      } else {
        return "malformed chunk size";
      }
      break;
    }
    case State::extension_start:
    case State::extension_name:
    case State::extension_value_start:
    case State::extension_token:
    case State::extension_quoted_end: {
      const bool may_end = state_ != State::extension_start && state_ != State::extension_value_start;
      const bool token = is(c, kTokenChar) && state_ != State::extension_quoted_end;
      if (token) {
        if (state_ == State::extension_start) state_ = State::extension_name;
        if (state_ == State::extension_value_start) state_ = State::extension_token;
      } else if (c == '"' && state_ == State::extension_value_start) {
        state_ = State::extension_quoted;
      } else if (c == '=' && state_ == State::extension_name) {
        state_ = State::extension_value_start;
      } else if (c == ';' && may_end) {
        state_ = State::extension_start;
      } else if (c == '\r' && may_end) {
        state_ = State::size_lf;
      } else {
        return "malformed chunk extension";
      }
      break;
    }
    case State::extension_quoted:
      if (c == '"') {
        state_ = State::extension_quoted_end;
      } else if (c == '\\') {
        state_ = State::extension_escape;
      } else if (!is(c, kFieldChar)) {
        return "malformed chunk extension";
      }
      break;
    case State::extension_escape:
      if (!is(c, kFieldChar)) return "malformed chunk extension";
      state_ = State::extension_quoted;
      break;
    default:
      break;
  }
  if (c != '\r' && ++extension_bytes_ > limits_.extension_bytes) return "chunk extensions too large";
  return nullptr;
}

ChunkedDecoder::Step ChunkedDecoder::next(const char* data, size_t size) {
  const char* p = data;
  const char* const end = data + size;
  auto consumed = [&p, data] { return static_cast<size_t>(p - data); };
  if (state_ == State::done) return {Status::done, 0, {}};
  if (state_ == State::failed) return {Status::error, 0, {}};
  while (p != end) {
    switch (state_) {
      case State::size_lf:
        if (*p != '\n') return fail(400, "bare CR", consumed());
        ++p;
        state_ = remaining_ == 0 ? State::trailer_start : State::data;
        size_digits_ = 0;
        break;
      case State::data: {
        const auto available = static_cast<size_t>(end - p);
        const size_t piece = remaining_ < available ? static_cast<size_t>(remaining_) : available;
        const char* const start = p;
        p += piece;
        remaining_ -= piece;
        if (remaining_ == 0) state_ = State::data_cr;
        return {Status::data, consumed(), {start, piece}};
      }
      case State::data_cr:
        if (*p != '\r') return fail(400, "chunk longer than its size", consumed());
        ++p;
        state_ = State::data_lf;
        break;
      case State::data_lf:
        if (*p != '\n') return fail(400, "bare CR", consumed());
        ++p;
        state_ = State::size_start;
        break;
      case State::trailer_start:
        if (*p == '\r') {
          ++p;
          state_ = State::end_lf;
        } else {
          state_ = State::trailer_line;
        }
        break;
      case State::trailer_line: {
        const char* const stop = scan_field_value(p, end);
        if (trailer_text_.size() + static_cast<size_t>(stop - p) + 2 > limits_.trailer_bytes) {
          return fail(431, "trailers too large", consumed());
        }
        trailer_text_.append(p, stop);
        p = stop;
        if (p != end) {
          if (*p != '\r') return fail(400, "control character in a trailer", consumed());
          trailer_text_ += "\r\n";
          ++p;
          state_ = State::trailer_lf;
        }
        break;
      }
      case State::trailer_lf:
        if (*p != '\n') return fail(400, "bare CR", consumed());
        ++p;
        state_ = State::trailer_start;
        break;
      case State::end_lf:
        if (*p != '\n') return fail(400, "bare CR", consumed());
        ++p;
        if (!parse_trailers()) return {Status::error, consumed(), {}};
        state_ = State::done;
        return {Status::done, consumed(), {}};
      default:
        if (const char* wrong = step_size(*p)) return fail(400, wrong, consumed());
        ++p;
        break;
    }
  }
  return {Status::need_more, consumed(), {}};
}

bool ChunkedDecoder::parse_trailers() {
  std::string_view rest = trailer_text_;
  size_t lines = 0;
  while (!rest.empty()) {
    const size_t line_end = rest.find("\r\n");
    const std::string_view line = rest.substr(0, line_end);
    rest.remove_prefix(line_end + 2);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !all_are(line.substr(0, colon), kTokenChar)) {
      return fail(400, "malformed trailer", 0), false;
    }
    if (++lines > limits_.trailers) return fail(431, "too many trailers", 0), false;
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    const InTrailers place = in_trailers(name);
    if (place == InTrailers::refused) return fail(400, "a field that trailers must not have", 0), false;
    if (place == InTrailers::kept) trailers_.push_back({{name.data(), name.size()}, {value.data(), value.size()}});
  }
  return true;
}

}  // namespace roost::http
