#include "handlers/directory_response.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <ctime>
#include <iterator>

#include "http/conditional.hpp"
#include "http/field_lookup.hpp"
#include "http/response_writer.hpp"

namespace roost::handlers {
namespace {

using http::ByteRange;
using http::RangeResult;

// Many ranges of a large file are put together in memory up to here; beyond it the whole file is the answer.
constexpr uint64_t kMaxMultipart = 1024 * 1024;
constexpr std::string_view kBoundary = "roost-3f9a1c5e7b2d4068";

// Which of the fields that change the answer the request has, found in one pass.
struct Asked {
  bool conditional = false, range = false, encoding = false;
};

Asked look_at(const http::Request& request) {
  Asked asked;
  for (size_t i = 0; i < request.header_count; ++i) {
    const std::string_view name = http::view(request.headers[i].name);
    if (name.size() > 3 && http::equals_ignore_case(name.substr(0, 3), "if-")) asked.conditional = true;
    if (name.size() == 5 && http::equals_ignore_case(name, "range")) asked.range = true;
    if (name.size() == 15 && http::equals_ignore_case(name, "accept-encoding")) asked.encoding = true;
  }
  return asked;
}

const Representation& choose(const http::Exchange& exchange, const CachedFile& file) {
  const std::string_view accepted = exchange.header("accept-encoding");
  const Representation* best = file.plain.get();
  int quality = http::coding_quality(accepted, "identity");
  auto offer = [&](const std::unique_ptr<Representation>& other, std::string_view coding) {
    if (other == nullptr) return;
    const int its = http::coding_quality(accepted, coding);
    // Smaller wins where the client does not care; brotli is offered last and so wins over gzip.
    if (its > 0 && its >= quality) {
      best = other.get();
      quality = its;
    }
  };
  offer(file.gzip, "gzip");
  offer(file.brotli, "br");
  return *best;
}

bool read_range(const Representation& it, const ByteRange& range, std::string& out) {
  if (!it.file) {
    out.append(it.body, range.first, range.size());
    return true;
  }
  const size_t start = out.size();
  out.resize(start + range.size());
  for (size_t got = 0; got < range.size();) {
    const ssize_t n =
        pread(it.file.get(), out.data() + start + got, range.size() - got, static_cast<off_t>(range.first + got));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    got += static_cast<size_t>(n);
  }
  return true;
}

// The response while it is put together: fields of the representation, and some more.
class Response {
 public:
  Response(const Representation& it, bool head) : it_(it), head_(head) {
    response_.struct_size = sizeof response_;
    response_.file = -1;
    if (it.fields.size() + kAdded > std::size(few_)) {
      many_.resize(it.fields.size() + kAdded);
      fields_ = many_.data();
    }
  }
  Response(const Response&) = delete;
  Response& operator=(const Response&) = delete;

  void fields(size_t count, std::string_view left_out = {}) {
    for (size_t i = 0; i < count; ++i) {
      if (http::view(it_.fields[i].name) != left_out) fields_[count_++] = it_.fields[i];
    }
  }
  void field(std::string_view name, std::string_view value) { fields_[count_++] = {http::str(name), http::str(value)}; }

  // range: of the representation.
  bool body(const ByteRange& range, uint64_t size) {
    if (head_) {
      length(size);
    } else if (!it_.file) {
      response_.body = http::str(std::string_view(it_.body).substr(range.first, size));
    } else if (size != 0) {
      response_.file = fcntl(it_.file.get(), F_DUPFD_CLOEXEC, 0);
      if (response_.file < 0) return false;
      response_.flags |= ROOST_RESPONSE_FILE;
      response_.file_offset = range.first;
      response_.file_size = size;
    }
    return true;
  }
  void body(const std::string& text) {
    if (head_) {
      length(text.size());
    } else {
      response_.body = http::str(text);
    }
  }

  roost_status send(http::Exchange& exchange, uint16_t status) {
    response_.status = status;
    response_.headers = fields_;
    response_.header_count = count_;
    return exchange.respond(response_);
  }

 private:
  // Of the body that GET would have had.
  void length(uint64_t size) {
    field("Content-Length", {digits_, static_cast<size_t>(http::write_decimal(digits_, size) - digits_)});
  }

  const Representation& it_;
  const bool head_;
  roost_response response_{};
  static constexpr size_t kAdded = 2;  // beside those of the representation: Content-Length, -Range, -Type
  roost_field few_[12];
  std::vector<roost_field> many_;
  roost_field* fields_ = few_;
  size_t count_ = 0;
  char digits_[20];
};

std::string content_range(const ByteRange& range, uint64_t size) {
  return "bytes " + std::to_string(range.first) + "-" + std::to_string(range.last) + "/" + std::to_string(size);
}

// multipart/byteranges (RFC 9110 section 14.6). False: too large, or the file changed under it.
bool respond_with_parts(http::Exchange& exchange, const Representation& it, const std::vector<ByteRange>& ranges,
                        roost_status& status) {
  uint64_t total = 0;
  for (const ByteRange& range : ranges) total += range.size();
  if (total > kMaxMultipart) return false;
  const std::string_view type = http::find_field(it.fields.data(), it.fields.size(), "content-type");
  std::string body;
  for (const ByteRange& range : ranges) {
    body.append("\r\n--").append(kBoundary).append("\r\nContent-Type: ").append(type);
    body.append("\r\nContent-Range: ").append(content_range(range, it.state.size)).append("\r\n\r\n");
    if (!read_range(it, range, body)) return false;
  }
  body.append("\r\n--").append(kBoundary).append("--\r\n");
  Response response(it, false);
  response.fields(it.fields.size(), "Content-Type");
  const std::string multipart = "multipart/byteranges; boundary=" + std::string(kBoundary);
  response.field("Content-Type", multipart);
  response.body(body);
  status = response.send(exchange, 206);
  return true;
}

// True when it answered, with `status`.
bool respond_with_ranges(http::Exchange& exchange, const Representation& it, roost_status& status) {
  std::vector<ByteRange> ranges;
  switch (http::parse_range(exchange.header("range"), it.state.size, ranges)) {
    case RangeResult::none:
      return false;
    case RangeResult::unsatisfiable: {
      Response response(it, false);
      const std::string size = "bytes */" + std::to_string(it.state.size);
      response.field("Content-Range", size);
      status = response.send(exchange, 416);
      return true;
    }
    case RangeResult::satisfiable:
      break;
  }
  if (ranges.size() > 1) return respond_with_parts(exchange, it, ranges, status);
  Response response(it, false);
  response.fields(it.fields.size());
  const std::string range = content_range(ranges[0], it.state.size);
  response.field("Content-Range", range);
  if (!response.body(ranges[0], ranges[0].size())) return false;
  status = response.send(exchange, 206);
  return true;
}

roost_status respond_as_asked(http::Exchange& exchange, const Representation& it, const Asked& asked, uint16_t status) {
  const http::Request& request = exchange.request();
  const bool head = request.method_view() == "HEAD";
  if (asked.conditional) {
    const int64_t now = time(nullptr);
    switch (http::check_preconditions(request.headers, request.header_count, it.validators(), now)) {
      case http::Precondition::not_modified: {
        Response response(it, false);
        response.fields(it.not_modified_fields);
        return response.send(exchange, 304);
      }
      case http::Precondition::failed:
        exchange.respond_status(412);
        return ROOST_OK;
      case http::Precondition::proceed:
        break;
    }
  }
  roost_status ranged = ROOST_OK;
  // Range is defined for GET alone (RFC 9110 section 14.2).
  if (asked.range && !head &&
      (!asked.conditional ||
       http::if_range_holds(request.headers, request.header_count, it.validators(), time(nullptr))) &&
      respond_with_ranges(exchange, it, ranged)) {
    return ranged;
  }
  Response response(it, head);
  response.fields(it.fields.size());
  if (!response.body({0, 0}, it.state.size)) {
    exchange.respond_status(503);
    return ROOST_OK;
  }
  return response.send(exchange, status);
}

}  // namespace

void respond_with_file(http::Exchange& exchange, const CachedFile& file) {
  const Asked asked = look_at(exchange.request());
  const bool neighbours = file.brotli != nullptr || file.gzip != nullptr;
  respond_as_asked(exchange, asked.encoding && neighbours ? choose(exchange, file) : *file.plain, asked, 200);
}

roost_status respond_with_representation(http::Exchange& exchange, const Representation& it, uint16_t status) {
  return respond_as_asked(exchange, it, status == 200 ? look_at(exchange.request()) : Asked(), status);
}

}  // namespace roost::handlers
