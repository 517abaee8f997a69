#include "http/form.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "http/characters.hpp"
#include "http/parameters.hpp"

namespace roost::http {

FormReader::FormReader(std::string_view content_type, const config::FormLimits& limits, Form& form)
    : limits_(limits), form_(form) {
  bool is_multipart = false;
  const std::string boundary = multipart_boundary(content_type, is_multipart);
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  if (!boundary.empty()) {
    multipart_.emplace(boundary, limits);
  } else if (is_multipart) {
    fail(400, "the Content-Type has no valid boundary");
  } else if (equals_ignore_case(type, "application/x-www-form-urlencoded")) {
    urlencoded_.emplace(limits);
  } else {
    fail(415, "the body is no form");
  }
}

bool FormReader::fail(uint16_t status, const char* why) {
  form_.status = status;
  form_.why = why;
  form_.fields.clear();
  form_.files.clear();
  return false;
}

bool FormReader::feed(const char* data, size_t size) {
  if (form_.status != 0) return false;
  if (multipart_) return feed_multipart(data, size);
  for (size_t at = 0;;) {
    const UrlencodedParser::Step step = urlencoded_->next(data + at, size - at);
    at += step.consumed;
    if (step.status == UrlencodedParser::Status::error) return fail(413, urlencoded_->reason());
    if (step.status == UrlencodedParser::Status::need_more) return true;
    form_.fields.push_back({urlencoded_->name(), urlencoded_->value()});
  }
}

bool FormReader::finish() {
  if (form_.status != 0) return false;
  if (multipart_) {
    return multipart_->finish() || fail(multipart_->error_status(), multipart_->reason());
  }
  const UrlencodedParser::Status status = urlencoded_->finish();
  if (status == UrlencodedParser::Status::error) return fail(413, urlencoded_->reason());
  if (status == UrlencodedParser::Status::pair) form_.fields.push_back({urlencoded_->name(), urlencoded_->value()});
  return true;
}

bool FormReader::feed_multipart(const char* data, size_t size) {
  for (size_t at = 0;;) {
    const MultipartParser::Step step = multipart_->next(data + at, size - at);
    at += step.consumed;
    switch (step.status) {
      case MultipartParser::Status::need_more:
        return true;
      case MultipartParser::Status::part:
        if (!begin_part()) return false;
        break;
      case MultipartParser::Status::data:
        if (!add_content(step.data)) return false;
        break;
      case MultipartParser::Status::part_end:
        end_part();
        break;
      case MultipartParser::Status::error:
        return fail(multipart_->error_status(), multipart_->reason());
    }
  }
}

bool FormReader::begin_part() {
  const MultipartParser::Part& part = multipart_->part();
  in_file_ = part.is_file;
  if (in_file_) {
    form_.files.push_back({part.name, part.filename, part.content_type, multipart_->offset(), 0});
  } else {
    form_.fields.push_back({part.name, {}});
  }
  return true;
}

bool FormReader::add_content(std::string_view data) {
  if (in_file_) {
    FormFile& file = form_.files.back();
    file.size += data.size();
    return limits_.file_bytes == 0 || file.size <= limits_.file_bytes || fail(413, "a file is too large");
  }
  field_bytes_ += data.size();
  if (field_bytes_ > limits_.field_bytes) return fail(413, "the values of the fields are too long");
  std::string& value = form_.fields.back().value;
  if (multipart_->part().is_latin1) {
    append_latin1(data, value);
  } else {
    value.append(data);
  }
  return true;
}

// A form's file input that nothing was chosen for comes as a file without name and content (WHATWG HTML): no file.
void FormReader::end_part() {
  if (in_file_ && form_.files.back().filename.empty() && form_.files.back().size == 0) form_.files.pop_back();
}

void read_form(std::string_view content_type, std::string_view body, int file, uint64_t size,
               const config::FormLimits& limits, Form& form) {
  FormReader reader(content_type, limits, form);
  if (file < 0) {
    if (form.status == 0 && reader.feed(body.data(), body.size())) reader.finish();
    return;
  }
  std::vector<char> buffer(form.status == 0 ? 256 * 1024 : 0);
  for (uint64_t at = 0; form.status == 0 && at < size;) {
    const ssize_t got =
        ::pread(file, buffer.data(), std::min<uint64_t>(buffer.size(), size - at), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) {
      form = {500, "the body cannot be read", {}, {}};
      return;
    }
    at += static_cast<uint64_t>(got);
    reader.feed(buffer.data(), static_cast<size_t>(got));
  }
  reader.finish();
}

}  // namespace roost::http
