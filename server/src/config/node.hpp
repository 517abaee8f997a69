// One node of the YAML file on its way into the structs of config.hpp: knows its place and its key path, hands out
// typed values, and remembers which keys were asked for, so that the others can be named as unknown. Lives while a file
// is read; only config/ sees it. Every getter throws ConfigError.
#pragma once

#include <yaml-cpp/yaml.h>

#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "config/error.hpp"

namespace roost::config {

class Node {
 public:
  Node(YAML::Node node, std::string key, std::shared_ptr<const std::string> file);

  Place place() const;
  const std::string& key() const { return key_; }
  const YAML::Node& yaml() const { return node_; }
  bool is_null() const { return node_.IsNull(); }
  bool is_map() const { return node_.IsMap(); }
  bool is_list() const { return node_.IsSequence(); }
  bool is_scalar() const { return node_.IsScalar(); }

  // The scalar with its variables replaced.
  std::string text() const;
  std::string one_of(std::initializer_list<const char*> allowed) const;
  size_t size() const;
  milliseconds duration() const;
  bool boolean() const;
  uint64_t integer(uint64_t least, uint64_t most) const;
  // A list of texts; one scalar is a list of one.
  std::vector<std::string> texts() const;

  // Elements of a list; a single value is a list of one when `one_or_many`.
  std::vector<Node> items(bool one_or_many = false) const;
  // Of a map, in order of the file. A key written twice is an error.
  std::vector<std::pair<std::string, Node>> entries() const;

  // The value of a key, which counts as known from then on.
  std::optional<Node> get(const char* name);
  Node require(const char* name);
  // Known keys that this version does not act on: an error unless the value turns the thing off.
  void refuse(std::initializer_list<const char*> names);
  // After the last get(): an error for the first key that nobody asked for.
  void no_others() const;

  [[noreturn]] void fail(const std::string& problem) const;

 private:
  Node child(const YAML::Node& node, const std::string& name) const;
  void expect_map() const;

  YAML::Node node_;
  std::string key_;
  std::shared_ptr<const std::string> file_;
  std::vector<std::string> known_;
};

}  // namespace roost::config
