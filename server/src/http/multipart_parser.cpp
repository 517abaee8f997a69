#include "http/multipart_parser.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "http/characters.hpp"
#include "http/parameters.hpp"

namespace roost::http {
namespace {

constexpr size_t kMaxBoundary = 70;  // RFC 2046 section 5.1.1

// Those of RFC 2046, and of a token: "*****" is common, and reads one way.
bool is_boundary(std::string_view text) {
  if (text.empty() || text.size() > kMaxBoundary || text.back() == ' ') return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return is(c, kTokenChar) || std::string_view("'()+_,-./:=? ").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string multipart_boundary(std::string_view content_type, bool& is_multipart) {
  const size_t semicolon = std::min(content_type.find(';'), content_type.size());
  is_multipart = equals_ignore_case(trim(content_type.substr(0, semicolon)), "multipart/form-data");
  if (!is_multipart) return {};
  std::string boundary;
  Parameters parameters(content_type.substr(semicolon));
  for (Parameter parameter; parameters.next(parameter);) {
    const bool extended = equals_ignore_case(parameter.name.substr(0, 9), "boundary*");
    if (!extended && !equals_ignore_case(parameter.name, "boundary")) continue;
    if (extended || !boundary.empty()) return {};
    boundary = unquote(parameter, false);
    if (!is_boundary(boundary)) return {};
  }
  return parameters.failed() ? std::string() : boundary;
}

MultipartParser::MultipartParser(std::string_view boundary, const config::FormLimits& limits)
    : limits_(limits), delimiter_(std::string("\r\n--").append(boundary)) {}

MultipartParser::Step MultipartParser::step(Status status, size_t consumed, std::string_view data) {
  offset_ += consumed;
  return {status, consumed, data};
}

MultipartParser::Step MultipartParser::fail(uint16_t status, const char* reason) {
  state_ = State::failed;
  error_status_ = status;
  reason_ = reason;
  return {Status::error, 0, {}};
}

bool MultipartParser::finish() {
  if (state_ == State::epilogue) return true;
  if (state_ != State::failed) fail(400, "the final boundary is missing");
  return false;
}

MultipartParser::Step MultipartParser::next(const char* data, size_t size) {
  size_t at = 0;
  // An empty line before the first boundary: some clients begin every boundary with its CRLF.
  if (state_ == State::first && offset_ == 0 && size != 0 && data[0] == '\r') matched_ = 0;
  while (at < size) {
    const char c = data[at];
    switch (state_) {
      case State::first:
        if (c != delimiter_[matched_]) return fail(400, "the body does not begin with the boundary");
        ++at;
        if (++matched_ == delimiter_.size()) state_ = State::boundary_end;
        break;
      case State::boundary_end:
        if (c != '\r' && c != '-') return fail(400, "a boundary is followed by other text");
        ++at;
        state_ = c == '-' ? State::last_dash : State::boundary_lf;
        break;
      case State::boundary_lf:
        if (c != '\n') return fail(400, "a bare CR behind a boundary");
        if (++parts_ > limits_.parts) return fail(413, "too many parts");
        ++at;
        header_.clear();
        state_ = State::header;
        break;
      case State::last_dash:
        if (c != '-') return fail(400, "a boundary is followed by other text");
        ++at;
        state_ = State::epilogue;
        break;
      case State::header:
        return next_header(data, size, at);
      case State::data:
        // What was consumed before is no content: it goes with the next step.
        if (at == 0) return next_data(data, size);
        return step(Status::need_more, at);
      case State::epilogue:
      case State::epilogue_lf:
        if (c != (state_ == State::epilogue ? '\r' : '\n')) return fail(400, "text behind the final boundary");
        ++at;
        state_ = state_ == State::epilogue ? State::epilogue_lf : State::epilogue;
        break;
      case State::failed:
        return {Status::error, 0, {}};
    }
  }
  if (state_ == State::failed) return {Status::error, 0, {}};
  return step(Status::need_more, at);
}

// Content up to a line that begins with the boundary. Searched for is LF and boundary, so that one behind a bare LF,
// which other readers take for a boundary, is seen and refused.
MultipartParser::Step MultipartParser::next_data(const char* data, size_t size) {
  size_t at = 0;
  if (matched_ != 0) {
    while (at < size && matched_ < delimiter_.size() && data[at] == delimiter_[matched_]) {
      ++at;
      ++matched_;
    }
    if (matched_ == delimiter_.size()) {
      if (held_from_ != 0) return fail(400, "a boundary that does not follow a CRLF");
      state_ = State::boundary_end;
      return step(Status::part_end, at);
    }
    if (at == size) return step(Status::need_more, at);
    // It was content. What the delimiter begins with occurs in it nowhere else, so nothing of it can begin another.
    const std::string_view held = std::string_view(delimiter_).substr(held_from_, matched_ - held_from_);
    matched_ = 0;
    if (!held.empty()) return step(Status::data, at, held);
  }
  const char* const line = delimiter_.data() + 1;
  const size_t line_size = delimiter_.size() - 1;
  if (const void* const found = memmem(data + at, size - at, line, line_size)) {
    const auto where = static_cast<size_t>(static_cast<const char*>(found) - data);
    if (where == at || data[where - 1] != '\r') return fail(400, "a boundary that does not follow a CRLF");
    if (where - 1 > at) return step(Status::data, where - 1, {data + at, where - 1 - at});
    state_ = State::boundary_end;
    return step(Status::part_end, where + line_size);
  }
  size_t end = size;
  const size_t window = std::min(line_size - 1, size - at);
  if (const void* const feed = memrchr(data + size - window, '\n', window)) {
    const auto where = static_cast<size_t>(static_cast<const char*>(feed) - data);
    if (std::memcmp(data + where, line, size - where) == 0) {
      held_from_ = where > at && data[where - 1] == '\r' ? 0 : 1;
      matched_ = 1 + size - where;
      end = where - (1 - held_from_);
    }
  }
  if (end == size && data[size - 1] == '\r') {
    held_from_ = 0;
    matched_ = 1;
    end = size - 1;
  }
  return end > at ? step(Status::data, size, {data + at, end - at}) : step(Status::need_more, size);
}

MultipartParser::Step MultipartParser::next_header(const char* data, size_t size, size_t consumed) {
  while (consumed < size) {
    const void* const feed = std::memchr(data + consumed, '\n', size - consumed);
    const size_t end = feed == nullptr ? size : static_cast<size_t>(static_cast<const char*>(feed) - data) + 1;
    if (header_.size() + (end - consumed) > limits_.header_bytes) {
      return fail(413, "the header lines of a part are too long");
    }
    header_.append(data + consumed, end - consumed);
    consumed = end;
    if (feed == nullptr) break;
    const std::string_view text = header_;
    if (text.size() < 2 || text[text.size() - 2] != '\r') return fail(400, "a bare LF in a part's header");
    if (text.size() > 2 && text.substr(text.size() - std::min<size_t>(text.size(), 4)) != "\r\n\r\n") continue;
    if (const char* const problem = read_header()) return fail(error_status_, problem);
    state_ = State::data;
    // Content that begins with the boundary would be read as an empty part by others.
    matched_ = held_from_ = 2;
    return step(Status::part, consumed);
  }
  return step(Status::need_more, consumed);
}

const char* MultipartParser::read_header() {
  part_.name.clear();
  part_.filename.clear();
  part_.content_type.clear();
  part_.is_file = part_.is_latin1 = false;
  error_status_ = 400;
  bool has_disposition = false;
  std::string_view rest = header_;
  for (size_t end; (end = rest.find("\r\n")) != 0; rest.remove_prefix(end + 2)) {
    const std::string_view line = rest.substr(0, end);
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos || !all_are(line.substr(0, colon), kTokenChar)) {
      return "a malformed header line in a part";
    }
    const std::string_view name = line.substr(0, colon);
    const std::string_view value = trim(line.substr(colon + 1));
    if (!value.empty() && !all_are(value, kFieldChar)) return "a control character in a part's header";
    if (equals_ignore_case(name, "content-disposition")) {
      if (std::exchange(has_disposition, true)) return "a part with two Content-Disposition lines";
      if (const char* const problem = read_disposition(value)) return problem;
    } else if (equals_ignore_case(name, "content-type")) {
      if (!part_.content_type.empty()) return "a part with two Content-Type lines";
      part_.content_type = value;
    } else if (equals_ignore_case(name, "content-transfer-encoding")) {
      // RFC 7578 section 4.7 deprecates it: who ignores it would read other content than who undoes it.
      if (!equals_ignore_case(value, "binary") && !equals_ignore_case(value, "8bit") &&
          !equals_ignore_case(value, "7bit")) {
        return "a part with a Content-Transfer-Encoding";
      }
    }
  }
  if (!has_disposition) return "a part without Content-Disposition";
  return part_.is_file || part_.content_type.empty() ? nullptr : read_content_type(part_.content_type);
}

const char* MultipartParser::read_disposition(std::string_view value) {
  constexpr const char* malformed = "a malformed Content-Disposition";
  const size_t semicolon = std::min(value.find(';'), value.size());
  if (!equals_ignore_case(trim(value.substr(0, semicolon)), "form-data")) return "a part that is no form-data";
  bool has_name = false, has_filename = false, has_extended = false;
  std::string extended;
  Parameters parameters(value.substr(semicolon));
  for (Parameter parameter; parameters.next(parameter);) {
    if (equals_ignore_case(parameter.name, "name")) {
      if (std::exchange(has_name, true)) return "a part with two names";
      part_.name = unquote(parameter, true);
    } else if (equals_ignore_case(parameter.name, "filename")) {
      if (std::exchange(has_filename, true)) return "a part with two file names";
      part_.filename = unquote(parameter, true);
    } else if (equals_ignore_case(parameter.name, "filename*")) {
      if (std::exchange(has_extended, true)) return "a part with two file names";
      if (parameter.quoted || !decode_extended(parameter.value, extended)) return malformed;
    } else if (parameter.name.find('*') != std::string_view::npos) {
      return malformed;  // name*, filename*0 and the like (RFC 2231): nothing that a form may have
    }
  }
  if (parameters.failed() || !has_name) return has_name ? malformed : "a part without a name";
  part_.is_file = has_filename || has_extended;
  if (has_extended) part_.filename = std::move(extended);
  if (part_.name.size() > limits_.name_bytes || part_.filename.size() > limits_.name_bytes) {
    error_status_ = 413;
    return "a name of a part is too long";
  }
  return nullptr;
}

// Of a field: how its bytes become text.
const char* MultipartParser::read_content_type(std::string_view value) {
  const size_t semicolon = std::min(value.find(';'), value.size());
  bool has_charset = false;
  Parameters parameters(value.substr(semicolon));
  for (Parameter parameter; parameters.next(parameter);) {
    if (!equals_ignore_case(parameter.name, "charset")) continue;
    if (std::exchange(has_charset, true)) return "a part with two charsets";
    const std::string charset = unquote(parameter, false);
    part_.is_latin1 = equals_ignore_case(charset, "iso-8859-1");
    if (!part_.is_latin1 && !equals_ignore_case(charset, "utf-8") && !equals_ignore_case(charset, "us-ascii")) {
      return "a field in a charset other than UTF-8, US-ASCII and ISO-8859-1";
    }
  }
  return parameters.failed() ? "a malformed Content-Type in a part" : nullptr;
}

}  // namespace roost::http
