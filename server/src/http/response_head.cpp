#include "http/response_head.hpp"

#include <algorithm>

#include "http/characters.hpp"

namespace roost::http {
namespace {

bool is_valid_field(std::string_view name, std::string_view value) {
  return all_are(name, kTokenChar) && (value.empty() || all_are(value, kFieldChar));
}

}  // namespace

const std::string* ResponseHead::get(std::string_view name) const {
  for (const Field& field : fields) {
    if (equals_ignore_case(field.name, name)) return &field.value;
  }
  return nullptr;
}

roost_status ResponseHead::set(std::string_view name, std::string_view value) {
  if (!is_valid_field(name, value)) return ROOST_INVALID;
  auto same = [name](const Field& field) { return equals_ignore_case(field.name, name); };
  const auto first = std::find_if(fields.begin(), fields.end(), same);
  if (first == fields.end()) {
    fields.push_back({std::string(name), std::string(value)});
  } else {
    // value may be a view of the very field that it replaces.
    std::string copy(value);
    fields.erase(std::remove_if(first + 1, fields.end(), same), fields.end());
    first->value = std::move(copy);
  }
  return ROOST_OK;
}

roost_status ResponseHead::add(std::string_view name, std::string_view value) {
  if (!is_valid_field(name, value)) return ROOST_INVALID;
  fields.push_back({std::string(name), std::string(value)});
  return ROOST_OK;
}

void ResponseHead::remove(std::string_view name) {
  std::erase_if(fields, [name](const Field& field) { return equals_ignore_case(field.name, name); });
}

}  // namespace roost::http
