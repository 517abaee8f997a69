// A form that came with a request, as multipart/form-data or urlencoded: its fields, and where in the body its files
// are. Files are not copied: their content is a range of the body, which is in memory or, above `spill`, in a temporary
// file. Plain values; read by one thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/form_limits.hpp"
#include "http/form_parser.hpp"

namespace roost::http {

struct FormField {
  std::string name, value;
};

struct FormFile {
  std::string name, filename, content_type;
  uint64_t offset = 0, size = 0;  // in the body
};

struct Form {
  // 0: it was read. 415: the body is no form. 400: malformed. 413: past a limit. 500: the body could not be read.
  uint16_t status = 0;
  std::string why;
  std::vector<FormField> fields;  // both in order of arrival
  std::vector<FormFile> files;
};

// Reads a form from its body, piece by piece.
class FormReader : private FormSink {
 public:
  // content_type: of the request, empty when it has none. form: outlives this.
  FormReader(std::string_view content_type, const config::FormLimits& limits, Form& form);

  // False when the form's status is set: the rest of the body need not be read.
  bool feed(const char* data, size_t size) { return parser_.feed(data, size) || tell(); }
  // The body is complete.
  bool finish() { return parser_.finish() || tell(); }

 private:
  void part(const FormPart& part) override;
  void data(std::string_view bytes) override;
  void part_end() override;
  bool tell();

  Form& form_;
  FormParser parser_;
  bool in_file_ = false;
};

// Reads the whole of a body: `body`, or where file is not -1 `size` bytes of that file by pread().
void read_form(std::string_view content_type, std::string_view body, int file, uint64_t size,
               const config::FormLimits& limits, Form& form);

}  // namespace roost::http
