// Names and values in order, as headers, path parameters and forms have them. Part of <roost/plugin.hpp>.
#pragma once

#include <cstddef>
#include <string_view>

#include "host.hpp"

namespace roost ROOST_SDK {

struct Field {
  std::string_view name, value;
};

// A range over fields: for (const roost::Field field : request.headers()) ...
class Fields {
 public:
  Fields(const roost_field* fields, size_t count) noexcept : fields_(fields), count_(count) {}

  class Iterator {
   public:
    explicit Iterator(const roost_field* at) noexcept : at_(at) {}
    Field operator*() const noexcept { return {view(at_->name), view(at_->value)}; }
    Iterator& operator++() noexcept {
      ++at_;
      return *this;
    }
    bool operator!=(const Iterator& other) const noexcept { return at_ != other.at_; }

   private:
    const roost_field* at_;
  };
  Iterator begin() const noexcept { return Iterator(fields_); }
  Iterator end() const noexcept { return Iterator(fields_ + count_); }
  size_t size() const noexcept { return count_; }
  Field operator[](size_t index) const noexcept { return {view(fields_[index].name), view(fields_[index].value)}; }

 private:
  const roost_field* fields_;
  size_t count_;
};

}  // namespace ROOST_SDK
