#include "http/request_form.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/temporary_file.hpp"
#include "http/characters.hpp"
#include "http/exchange.hpp"

namespace roost::http {
namespace {

// Empty when there is none. Two are two readings: false.
bool content_type_of(const roost_request& request, std::string_view& type) {
  size_t found = 0;
  for (size_t i = 0; i < request.header_count; ++i) {
    if (!equals_ignore_case(view(request.headers[i].name), "content-type")) continue;
    type = view(request.headers[i].value);
    ++found;
  }
  return found < 2;
}

}  // namespace

RequestForm::RequestForm() {
  view_.struct_size = sizeof view_;
}

RequestForm::~RequestForm() {
  for (const std::string& path : paths_) {
    if (!path.empty()) ::unlink(path.c_str());
  }
}

void RequestForm::read(const roost_request& request, const config::FormLimits& limits, Form* ready) {
  std::string_view type;
  if (!content_type_of(request, type)) {
    form_.status = 400;
    form_.why = "two Content-Type lines";
  } else if (ready != nullptr) {
    form_ = std::move(*ready);
  } else {
    read_form(type, http::view(request.body), request.body_file, request.body_size, limits, form_);
  }
  show(request);
}

void RequestForm::refuse(std::string_view why) {
  form_.status = 500;
  form_.why = why;
  show({});
}

void RequestForm::show(const roost_request& request) {
  view_.status = form_.status;
  view_.why = str(form_.why);
  fields_.reserve(form_.fields.size());
  for (const FormField& field : form_.fields) fields_.push_back({str(field.name), str(field.value)});
  files_.reserve(form_.files.size());
  for (const FormFile& file : form_.files) {
    roost_form_file shown{};
    shown.struct_size = sizeof shown;
    shown.name = str(file.name);
    shown.filename = str(file.filename);
    shown.content_type = str(file.content_type);
    shown.size = file.size;
    shown.file = request.body_file;
    if (shown.file < 0) {
      shown.content = {request.body.data + file.offset, static_cast<size_t>(file.size)};
    } else {
      shown.file_offset = file.offset;
    }
    files_.push_back(shown);
  }
  for (const roost_form_file& file : files_) file_list_.push_back(&file);
  paths_.resize(files_.size());
  view_.fields = fields_.data();
  view_.field_count = fields_.size();
  view_.files = file_list_.data();
  view_.file_count = file_list_.size();
}

roost_status RequestForm::path(const roost_form_file& file, roost_str& path, roost_error* error) {
  size_t index = 0;
  while (index < files_.size() && &files_[index] != &file) ++index;
  if (index == files_.size()) return ROOST_INVALID;
  std::string& made = paths_[index];
  if (made.empty()) {
    const base::UniqueFd copy = base::create_temporary(made);
    const bool written =
        copy && (file.file < 0 ? base::write_all(copy.get(), http::view(file.content))
                               : base::append_range(copy.get(), file.file, file.file_offset, file.size));
    if (!written) {
      const int problem = errno;
      if (copy) ::unlink(made.c_str());
      made.clear();
      if (error != nullptr) {
        const std::string why = std::string("a file of a form cannot be stored: ") + std::strerror(problem);
        error->message[why.copy(error->message, sizeof error->message - 1)] = '\0';
      }
      return ROOST_ERROR;
    }
  }
  path = str(made);
  return ROOST_OK;
}

}  // namespace roost::http
