#include "handlers/named_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <ctime>
#include <string>

#include "handlers/directory_response.hpp"
#include "handlers/mime_types.hpp"
#include "http/date.hpp"
#include "http/field_lookup.hpp"

namespace roost::handlers {
namespace {

// What is said of the bytes; not part of a 304 (RFC 9110 section 15.4.5).
bool describes_content(std::string_view name) {
  return name.size() > 8 && http::equals_ignore_case(name.substr(0, 8), "content-");
}

}  // namespace

roost_status respond_with_named_file(http::Exchange& exchange, const roost_response& head, std::string_view path) {
  const std::string name(path);
  Representation it;
  // Not to hang on a FIFO; what is no regular file is refused below.
  it.file = FileDescriptor(open(name.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  struct stat info {};
  if (name.size() != path.size() || !it.file || fstat(it.file.get(), &info) != 0) return ROOST_ERROR;
  if (!S_ISREG(info.st_mode)) {
    errno = S_ISDIR(info.st_mode) ? EISDIR : ENOENT;
    return ROOST_ERROR;
  }
  it.state = state_of(info);
  if (!describe(it, "")) {
    errno = EIO;
    return ROOST_ERROR;
  }
  const auto given = [&head](std::string_view field) {
    return http::find_field(head.headers, head.header_count, field);
  };
  it.fields.clear();
  if (const std::string_view etag = given("etag"); etag.data() != nullptr) {
    it.etag = etag;
  } else {
    it.fields.push_back({http::str("ETag"), http::str(it.etag)});
  }
  if (const std::string_view date = given("last-modified"); date.data() != nullptr) {
    it.last_modified_seconds = http::parse_date(date, time(nullptr)).value_or(it.last_modified_seconds);
  } else {
    it.fields.push_back({http::str("Last-Modified"), http::str(it.last_modified)});
  }
  for (const bool of_content : {false, true}) {
    for (size_t i = 0; i < head.header_count; ++i) {
      if (describes_content(http::view(head.headers[i].name)) == of_content) it.fields.push_back(head.headers[i]);
    }
    if (!of_content) it.not_modified_fields = it.fields.size();
  }
  if (given("content-type").data() == nullptr) {
    it.fields.push_back({http::str("Content-Type"), http::str(mime_type(name))});
  }
  if (head.status == 200 && given("accept-ranges").data() == nullptr) {
    it.fields.push_back({http::str("Accept-Ranges"), http::str("bytes")});
  }
  return respond_with_representation(exchange, it, head.status);
}

}  // namespace roost::handlers
