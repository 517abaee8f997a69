#include "http/form.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace roost::http {

FormReader::FormReader(std::string_view content_type, const config::FormLimits& limits, Form& form)
    : form_(form), parser_(content_type, limits, *this) {
  if (parser_.status() != 0) tell();
}

// What went wrong. Nothing is left of the form.
bool FormReader::tell() {
  form_ = {parser_.status(), parser_.why(), {}, {}};
  return false;
}

void FormReader::part(const FormPart& part) {
  in_file_ = part.is_file;
  if (in_file_) {
    form_.files.push_back(
        {std::string(part.name), std::string(part.filename), std::string(part.content_type), part.offset, 0});
  } else {
    form_.fields.push_back({std::string(part.name), {}});
  }
}

void FormReader::data(std::string_view bytes) {
  if (in_file_) {
    form_.files.back().size += bytes.size();
  } else {
    form_.fields.back().value.append(bytes);
  }
}

// A form's file input that nothing was chosen for comes as a file without name and content (WHATWG HTML): no file.
void FormReader::part_end() {
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
