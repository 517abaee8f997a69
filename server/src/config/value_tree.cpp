#include "config/value_tree.hpp"

namespace roost::config {

roost_str ValueTree::keep(std::string text) {
  const std::string& kept = texts_.emplace_back(std::move(text));
  return {kept.data(), kept.size()};
}

const roost_value* ValueTree::add(const Node& node, const std::string& key) {
  roost_value& value = values_.emplace_back();
  value.struct_size = sizeof(roost_value);
  value.key = keep(key);
  const Place place = node.place();
  value.file = keep(place.file ? *place.file : std::string());
  value.line = place.line;
  value.column = place.column;
  if (node.is_scalar()) {
    value.kind = ROOST_VALUE_SCALAR;
    value.text = keep(node.text());
    value.quoted = node.yaml().Tag() == "!";  // yaml-cpp's mark for a quoted scalar
    return &value;
  }
  if (node.is_null()) return &value;
  std::vector<const roost_value*>& items = items_.emplace_back();
  if (node.is_list()) {
    value.kind = ROOST_VALUE_LIST;
    for (const Node& item : node.items()) items.push_back(add(item));
  } else {
    value.kind = ROOST_VALUE_MAP;
    for (const auto& [name, item] : node.entries()) items.push_back(add(item, name));
  }
  value.items = items.data();
  value.item_count = items.size();
  return &value;
}

}  // namespace roost::config
