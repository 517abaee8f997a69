// Names and values in order, many of one name: what headers and query parameters are kept in. One block of text and
// offsets into it, so that copying a request's fields costs two allocations. Not thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace roost::bridge {

bool equal_ignoring_case(std::string_view a, std::string_view b);
// Percent-decodes once; '+' is a space where `plus`. What is no escape stays as it is.
std::string percent_decode(std::string_view text, bool plus);

class FieldList {
 public:
  explicit FieldList(bool ignore_case) : ignore_case_(ignore_case) {}

  size_t size() const { return entries_.size(); }
  // Valid until the list changes.
  std::string_view name(size_t i) const { return {text_.data() + entries_[i].name, entries_[i].name_size}; }
  std::string_view value(size_t i) const { return {text_.data() + entries_[i].value, entries_[i].value_size}; }
  bool matches(size_t i, std::string_view wanted) const {
    return ignore_case_ ? equal_ignoring_case(name(i), wanted) : name(i) == wanted;
  }
  // Index of the last of that name, or -1.
  std::ptrdiff_t last(std::string_view wanted) const;
  bool ignores_case() const { return ignore_case_; }

  void reserve(size_t fields, size_t bytes) {
    entries_.reserve(fields);
    text_.reserve(bytes);
  }
  void add(std::string_view name, std::string_view value);
  // Replaces all of that name by one, in the place of the first.
  void set(std::string_view name, std::string_view value);
  // How many there were.
  size_t remove(std::string_view name);
  // "a=1&b=2", decoded.
  void add_query(std::string_view query);

 private:
  struct Entry {
    uint32_t name, name_size, value, value_size;
  };
  Entry keep(std::string_view name, std::string_view value);

  const bool ignore_case_;
  std::string text_;
  std::vector<Entry> entries_;
};

}  // namespace roost::bridge
