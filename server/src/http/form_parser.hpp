// Takes a form apart as it arrives, multipart/form-data or urlencoded, within its limits: part after part, content in
// pieces. One for each body; one thread's at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "config/form_limits.hpp"
#include "http/multipart_parser.hpp"
#include "http/urlencoded_parser.hpp"

namespace roost::http {

// A field or file that begins. Valid for the call.
struct FormPart {
  std::string_view name, filename, content_type;
  bool is_file = false;
  uint64_t offset = 0;  // of a file: where in the body its content begins, which is without gaps
};

// What a form's parts are told to, in order: part, data any number of times, part_end. A field's content is UTF-8 as
// far as the client keeps to it.
class FormSink {
 public:
  virtual void part(const FormPart& part) = 0;
  virtual void data(std::string_view bytes) = 0;
  virtual void part_end() = 0;

 protected:
  ~FormSink() = default;
};

class FormParser {
 public:
  // content_type: of the request, empty when it has none. sink: outlives this.
  FormParser(std::string_view content_type, const config::FormLimits& limits, FormSink& sink);

  // False when status() is set: the rest of the body need not be given.
  bool feed(const char* data, size_t size);
  // The body is complete.
  bool finish();

  // 0: well so far. 415: the body is no form. 400: malformed. 413: past a limit.
  uint16_t status() const { return status_; }
  const char* why() const { return why_; }  // static

 private:
  bool fail(uint16_t status, const char* why);
  bool feed_multipart(const char* data, size_t size);
  bool add_content(std::string_view data);
  void add_pair();

  const config::FormLimits limits_;
  FormSink& sink_;
  std::optional<MultipartParser> multipart_;
  std::optional<UrlencodedParser> urlencoded_;
  uint16_t status_ = 0;
  const char* why_ = "";
  size_t field_bytes_ = 0;
  uint64_t file_bytes_ = 0;  // of the file that is on its way
  std::string converted_;
};

}  // namespace roost::http
