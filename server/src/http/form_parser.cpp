#include "http/form_parser.hpp"

#include "http/characters.hpp"
#include "http/parameters.hpp"

namespace roost::http {

FormParser::FormParser(std::string_view content_type, const config::FormLimits& limits, FormSink& sink)
    : limits_(limits), sink_(sink) {
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

bool FormParser::fail(uint16_t status, const char* why) {
  status_ = status;
  why_ = why;
  return false;
}

bool FormParser::feed(const char* data, size_t size) {
  if (status_ != 0) return false;
  if (multipart_) return feed_multipart(data, size);
  for (size_t at = 0;;) {
    const UrlencodedParser::Step step = urlencoded_->next(data + at, size - at);
    at += step.consumed;
    if (step.status == UrlencodedParser::Status::error) return fail(413, urlencoded_->reason());
    if (step.status == UrlencodedParser::Status::need_more) return true;
    add_pair();
  }
}

bool FormParser::finish() {
  if (status_ != 0) return false;
  if (multipart_) return multipart_->finish() || fail(multipart_->error_status(), multipart_->reason());
  const UrlencodedParser::Status status = urlencoded_->finish();
  if (status == UrlencodedParser::Status::error) return fail(413, urlencoded_->reason());
  if (status == UrlencodedParser::Status::pair) add_pair();
  return true;
}

void FormParser::add_pair() {
  sink_.part({urlencoded_->name(), {}, {}});
  if (!urlencoded_->value().empty()) sink_.data(urlencoded_->value());
  sink_.part_end();
}

bool FormParser::feed_multipart(const char* data, size_t size) {
  for (size_t at = 0;;) {
    const MultipartParser::Step step = multipart_->next(data + at, size - at);
    at += step.consumed;
    const MultipartParser::Part& part = multipart_->part();
    switch (step.status) {
      case MultipartParser::Status::need_more:
        return true;
      case MultipartParser::Status::part:
        file_bytes_ = 0;
        sink_.part({part.name, part.filename, part.content_type, part.is_file, multipart_->offset()});
        break;
      case MultipartParser::Status::data:
        if (!add_content(step.data)) return false;
        break;
      case MultipartParser::Status::part_end:
        sink_.part_end();
        break;
      case MultipartParser::Status::error:
        return fail(multipart_->error_status(), multipart_->reason());
    }
  }
}

bool FormParser::add_content(std::string_view data) {
  if (multipart_->part().is_file) {
    file_bytes_ += data.size();
    if (limits_.file_bytes != 0 && file_bytes_ > limits_.file_bytes) return fail(413, "a file is too large");
  } else {
    field_bytes_ += data.size();
    if (field_bytes_ > limits_.field_bytes) return fail(413, "the values of the fields are too long");
    if (multipart_->part().is_latin1) {
      converted_.clear();
      append_latin1(data, converted_);
      data = converted_;
    }
  }
  sink_.data(data);
  return true;
}

}  // namespace roost::http
