#include "config/node.hpp"

#include <algorithm>

#include "config/scalar.hpp"
#include "config/suggestion.hpp"

namespace roost::config {

namespace {

// What stands where something else is expected.
std::string found_instead(const YAML::Node& node) {
  return node.IsMap() ? ", found a map" : node.IsSequence() ? ", found a list" : ", found \"" + node.Scalar() + "\"";
}

}  // namespace

Node::Node(YAML::Node node, std::string key, std::shared_ptr<const std::string> file)
    : node_(std::move(node)), key_(std::move(key)), file_(std::move(file)) {}

Place Node::place() const {
  const YAML::Mark mark = node_.Mark();
  if (mark.is_null()) return {file_, 0, 0};
  return {file_, static_cast<uint32_t>(mark.line + 1), static_cast<uint32_t>(mark.column + 1)};
}

void Node::fail(const std::string& problem) const {
  throw ConfigError(place(), key_, problem);
}

std::string Node::text() const {
  if (!node_.IsScalar())
    fail(node_.IsNull() ? "a value is missing" : "a single value is expected" + found_instead(node_));
  Interpolated result = interpolate(node_.Scalar());
  if (result.malformed)
    fail("\"" + node_.Scalar() + "\": a variable is written ${NAME} or ${NAME:-default}; $$ is a dollar");
  if (!result.missing.empty()) {
    fail("the environment has no variable " + result.missing + "; set it, or give a default: ${" + result.missing +
         ":-...}");
  }
  return result.text;
}

std::string Node::one_of(std::initializer_list<const char*> allowed) const {
  const std::string value = text();
  std::vector<std::string> names(allowed.begin(), allowed.end());
  if (std::find(names.begin(), names.end(), value) != names.end()) return value;
  std::string list;
  for (const auto& name : names) list += (list.empty() ? "" : ", ") + name;
  fail("\"" + value + "\" is none of " + list + suggestion(value, names));
}

size_t Node::size() const {
  const std::string value = text();
  if (const auto size = parse_size(value)) return *size;
  fail("\"" + value + "\" is no size; write a whole number with B, KiB, MiB or GiB, such as 32KiB");
}

milliseconds Node::duration() const {
  const std::string value = text();
  if (const auto duration = parse_duration(value)) return *duration;
  fail("\"" + value + "\" is no time; write a number with ms, s, m or h, such as 10s");
}

bool Node::boolean() const {
  const std::string value = text();
  if (const auto answer = parse_switch(value)) return *answer;
  fail("\"" + value + "\" is neither true nor false");
}

uint64_t Node::integer(uint64_t least, uint64_t most) const {
  const std::string value = text();
  const auto number = parse_unsigned(value);
  if (number && *number >= least && *number <= most) return *number;
  fail("\"" + value + "\" is no whole number from " + std::to_string(least) + " to " + std::to_string(most));
}

std::vector<std::string> Node::texts() const {
  std::vector<std::string> all;
  for (const Node& item : items(true)) all.push_back(item.text());
  return all;
}

std::vector<Node> Node::items(bool one_or_many) const {
  std::vector<Node> all;
  if (node_.IsNull()) return all;
  if (!node_.IsSequence()) {
    if (!one_or_many) fail("a list is expected, each entry behind \"- \"" + found_instead(node_));
    all.push_back(*this);
    return all;
  }
  for (size_t i = 0; i < node_.size(); ++i) all.emplace_back(node_[i], key_ + "[" + std::to_string(i) + "]", file_);
  return all;
}

std::vector<std::pair<std::string, Node>> Node::entries() const {
  expect_map();
  std::vector<std::pair<std::string, Node>> all;
  std::set<std::string> seen;
  for (const auto& entry : node_) {
    if (!entry.first.IsScalar()) Node(entry.first, key_, file_).fail("a key must be a single word");
    const std::string name = entry.first.Scalar();
    if (!seen.insert(name).second) Node(entry.first, key_, file_).fail("the key \"" + name + "\" stands here twice");
    all.emplace_back(name, child(entry.second, name));
  }
  return all;
}

void Node::expect_map() const {
  if (!node_.IsMap() && !node_.IsNull()) {
    fail("a map of keys and values is expected" + found_instead(node_));
  }
}

Node Node::child(const YAML::Node& node, const std::string& name) const {
  return Node(node, key_.empty() ? name : key_ + "." + name, file_);
}

std::optional<Node> Node::get(const char* name) {
  expect_map();
  known_.emplace_back(name);
  if (node_.IsNull()) return std::nullopt;
  for (const auto& entry : node_) {
    if (entry.first.IsScalar() && entry.first.Scalar() == name) return child(entry.second, name);
  }
  return std::nullopt;
}

Node Node::require(const char* name) {
  if (auto found = get(name)) return *found;
  fail(std::string("the key \"") + name + "\" is missing");
}

void Node::refuse(std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const auto found = get(name);
    if (!found || found->is_null()) continue;
    if (found->is_scalar()) {
      const std::string value = found->text();
      if (value.empty() || value == "0" || parse_switch(value) == false) continue;
    }
    found->fail("not supported yet");
  }
}

void Node::no_others() const {
  for (const auto& [name, node] : entries()) {
    if (std::find(known_.begin(), known_.end(), name) != known_.end()) continue;
    for (const auto& entry : node_) {
      if (entry.first.Scalar() == name) {
        Node(entry.first, key_, file_).fail("there is no key \"" + name + "\"" + suggestion(name, known_));
      }
    }
  }
}

}  // namespace roost::config
