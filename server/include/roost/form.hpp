// The form that came with a request: its fields, many of one name, and its files. Views, valid as long as the
// request's. Part of <roost/plugin.hpp>.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "fields.hpp"
#include "host.hpp"

namespace roost ROOST_SDK {

// A file of a form. Its content is in memory, or a range of a file of the server's.
class FormFile {
 public:
  FormFile(const roost_request* request, const roost_form_file* file) noexcept : request_(request), file_(file) {}

  // Of the form's field.
  std::string_view name() const noexcept { return view(file_->name); }
  // As the client says: never a path to write to.
  std::string_view filename() const noexcept { return view(file_->filename); }
  // As the client says; empty when it does not.
  std::string_view content_type() const noexcept { return view(file_->content_type); }
  uint64_t size() const noexcept { return file_->size; }

  // The content where it is in memory; nothing where the server keeps it in a file (bodies above `limits: { spill }`).
  std::optional<std::string_view> content() const noexcept {
    return file_->file < 0 ? std::optional(view(file_->content)) : std::nullopt;
  }
  // Up to `size` bytes from `offset` on into `buffer`, wherever they are; how many, 0 at the end. From a file it blocks
  // a little. Throws std::system_error.
  size_t read(void* buffer, size_t size, uint64_t offset) const {
    if (offset >= file_->size) return 0;
    if (size > file_->size - offset) size = static_cast<size_t>(file_->size - offset);
    if (file_->file < 0)
      return view(file_->content).copy(static_cast<char*>(buffer), size, static_cast<size_t>(offset));
    for (;;) {
      const ssize_t got = pread(file_->file, buffer, size, static_cast<off_t>(file_->file_offset + offset));
      if (got > 0) return static_cast<size_t>(got);
      if (got < 0 && errno == EINTR) continue;
      throw std::system_error(got < 0 ? errno : EIO, std::generic_category(), "reading an uploaded file");
    }
  }
  // All of it in memory.
  std::string read() const {
    std::string all(static_cast<size_t>(file_->size), '\0');
    for (size_t at = 0; at < all.size();) at += read(all.data() + at, all.size() - at, at);
    return all;
  }
  // The path of a file of its own with this content, made when first asked for and removed when the request is over:
  // rename it to keep it. Throws std::runtime_error.
  std::string path() const {
    roost_error error{};
    error.struct_size = sizeof error;
    roost_str path{};
    if (detail::host->form_file_path(request_, file_, &path, &error) != ROOST_OK)
      throw std::runtime_error(error.message);
    return std::string(view(path));
  }
  const roost_form_file& raw() const noexcept { return *file_; }

 private:
  const roost_request* request_;
  const roost_form_file* file_;
};

class Form {
 public:
  Form(const roost_request* request, const roost_form& form) noexcept : request_(request), form_(&form) {}

  // In order of arrival.
  Fields fields() const noexcept { return {form_->fields, form_->field_count}; }
  // The first of that name; nothing when there is none.
  std::optional<std::string_view> field(std::string_view name) const noexcept {
    for (const Field field : fields()) {
      if (field.name == name) return field.value;
    }
    return std::nullopt;
  }
  std::string_view field(std::string_view name, std::string_view fallback) const noexcept {
    return field(name).value_or(fallback);
  }
  // All of that name, in order of arrival.
  std::vector<std::string_view> all(std::string_view name) const {
    std::vector<std::string_view> values;
    for (const Field field : fields()) {
      if (field.name == name) values.push_back(field.value);
    }
    return values;
  }

  size_t file_count() const noexcept { return form_->file_count; }
  FormFile file(size_t index) const noexcept { return {request_, form_->files[index]}; }
  // The first of that name; nothing when there is none.
  std::optional<FormFile> file(std::string_view name) const noexcept {
    for (size_t i = 0; i < file_count(); ++i) {
      if (file(i).name() == name) return file(i);
    }
    return std::nullopt;
  }
  // All, in order of arrival; those of one name with a name.
  std::vector<FormFile> files() const {
    std::vector<FormFile> files;
    for (size_t i = 0; i < file_count(); ++i) files.push_back(file(i));
    return files;
  }
  std::vector<FormFile> files(std::string_view name) const {
    std::vector<FormFile> files;
    for (size_t i = 0; i < file_count(); ++i) {
      if (file(i).name() == name) files.push_back(file(i));
    }
    return files;
  }
  const roost_form& raw() const noexcept { return *form_; }

 private:
  const roost_request* request_;
  const roost_form* form_;
};

}  // namespace ROOST_SDK
