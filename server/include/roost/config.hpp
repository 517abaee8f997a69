// A plugin's configuration: the `config:` of its entry in the YAML file, read by name and type. What is wrong is thrown
// as ConfigError with file, line and column of the value; thrown out of ROOST_PLUGIN it is what the operator reads.
// A key that the plugin never asked for is an error too, so that a misspelt one is found.
// Part of <roost/plugin.hpp>. Used while the plugin is configured, on that one thread.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "text.hpp"

namespace roost ROOST_SDK {

// what(): `roost.yaml:4:31: config.limit: a whole number is expected, found "many"`
class ConfigError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class Config {
 public:
  // value: lives as long as the process. key: its name in messages.
  explicit Config(const roost_value& value, std::string key = "config")
      : value_(&value), key_(std::move(key)), asked_(std::make_shared<Asked>()) {}

  // A value of a map, with a fallback where the key is not written; without a fallback it has to be there.
  std::string text(std::string_view name) const { return required(name).as_text(); }
  std::string text(std::string_view name, std::string_view fallback) const {
    const roost_value* value = find(name);
    return value == nullptr ? std::string(fallback) : below(*value).as_text();
  }
  template <class T = int64_t>
  T integer(std::string_view name) const {
    return required(name).as_integer<T>();
  }
  template <class T = int64_t>
  T integer(std::string_view name, T fallback) const {
    return get(name, fallback, [](const Config& c) { return c.as_integer<T>(); });
  }
  double number(std::string_view name) const { return required(name).as_number(); }
  double number(std::string_view name, double fallback) const {
    return get(name, fallback, [](const Config& c) { return c.as_number(); });
  }
  // true, yes, on; false, no, off
  bool boolean(std::string_view name) const { return required(name).as_boolean(); }
  bool boolean(std::string_view name, bool fallback) const {
    return get(name, fallback, [](const Config& c) { return c.as_boolean(); });
  }
  // 500ms, 10s, 5m, 1h
  std::chrono::milliseconds duration(std::string_view name) const { return required(name).as_duration(); }
  std::chrono::milliseconds duration(std::string_view name, std::chrono::milliseconds fallback) const {
    return get(name, fallback, [](const Config& c) { return c.as_duration(); });
  }
  // In bytes: 512, 512B, 64KiB, 10MiB, 1GiB
  uint64_t size(std::string_view name) const { return required(name).as_size(); }
  uint64_t size(std::string_view name, uint64_t fallback) const {
    return get(name, fallback, [](const Config& c) { return c.as_size(); });
  }
  // The items of a list, one value alone is a list of one; empty where the key is not written.
  std::vector<Config> list(std::string_view name) const {
    const roost_value* value = find(name);
    return value == nullptr ? std::vector<Config>() : below(*value).items();
  }
  std::vector<std::string> texts(std::string_view name) const {
    std::vector<std::string> all;
    for (const Config& item : list(name)) all.push_back(item.as_text());
    return all;
  }
  // A map inside of this one; an empty one where the key is not written.
  Config map(std::string_view name) const {
    const roost_value* value = find(name);
    if (value == nullptr) return Config(nothing(), key_ + "." + std::string(name));
    Config found = below(*value);
    found.expect_map();
    return found;
  }
  bool has(std::string_view name) const { return find(name) != nullptr; }
  // All keys and values of a map whose keys are not known beforehand.
  std::vector<std::pair<std::string, Config>> entries() const {
    expect_map();
    asked_->everything.insert(value_);
    std::vector<std::pair<std::string, Config>> all;
    for (size_t i = 0; i < value_->item_count; ++i) {
      all.emplace_back(std::string(view(value_->items[i]->key)), below(*value_->items[i]));
    }
    return all;
  }

  // This value itself, as for an item of a list.
  std::string as_text() const { return std::string(scalar("a text is expected")); }
  template <class T = int64_t>
  T as_integer() const {
    static_assert(std::is_integral_v<T> && !std::is_same_v<T, bool>);
    const std::string_view text = scalar("a whole number is expected");
    if (const auto number = number_from<T>(text)) return *number;
    if (number_from<int64_t>(text)) {
      fail(join("a whole number from ", std::numeric_limits<T>::min(), " to ", std::numeric_limits<T>::max(),
                " is expected", found()));
    }
    fail("a whole number is expected" + found());
  }
  double as_number() const {
    if (const auto number = number_from<double>(scalar("a number is expected"))) return *number;
    fail("a number is expected" + found());
  }
  bool as_boolean() const {
    const std::string_view text = scalar("true or false is expected");
    if (text == "true" || text == "yes" || text == "on") return true;
    if (text == "false" || text == "no" || text == "off") return false;
    fail("true or false is expected" + found());
  }
  std::chrono::milliseconds as_duration() const {
    static constexpr const char* kExpected = "a time such as 500ms, 10s, 5m or 1h is expected";
    const auto [number, unit] = number_and_unit(scalar(kExpected));
    double factor = 0;
    if (unit == "ms" || (unit.empty() && number == 0)) factor = 1;
    if (unit == "s") factor = 1000;
    if (unit == "m") factor = 60'000;
    if (unit == "h") factor = 3'600'000;
    if (factor == 0 || !(number >= 0) || number * factor > 366.0 * 24 * 3'600'000) fail(kExpected + found());
    return std::chrono::milliseconds(static_cast<int64_t>(std::llround(number * factor)));
  }
  uint64_t as_size() const {
    static constexpr const char* kExpected = "a size such as 512B, 64KiB, 10MiB or 1GiB is expected";
    const auto [number, unit] = number_and_unit(scalar(kExpected));
    double factor = 0;
    if (unit.empty() || unit == "B") factor = 1;
    if (unit == "KiB") factor = 1024;
    if (unit == "MiB") factor = 1024.0 * 1024;
    if (unit == "GiB") factor = 1024.0 * 1024 * 1024;
    // Exact up to 2^53.
    if (factor == 0 || !(number >= 0) || number * factor > 9e15) fail(kExpected + found());
    return static_cast<uint64_t>(number * factor);
  }

  // Throws ConfigError at this value: for what only the plugin knows to be wrong.
  [[noreturn]] void fail(std::string_view problem) const {
    throw ConfigError(place(*value_) + key_ + ": " + std::string(problem));
  }
  [[noreturn]] void fail(std::string_view name, std::string_view problem) const {
    const roost_value* value = find(name);
    const std::string where = place(value == nullptr ? *value_ : *value);
    throw ConfigError(join(where, key_, ".", name, ": ", problem));
  }

  // The wrapper calls it when the plugin is configured. Throws ConfigError at the first key that nobody asked for.
  void expect_all_asked() const { check(*value_, key_); }

 private:
  using Names = std::set<std::string, std::less<>>;
  struct Asked {
    std::map<const roost_value*, Names> names;
    std::set<const roost_value*> everything;
  };

  Config(const roost_value& value, std::string key, std::shared_ptr<Asked> asked)
      : value_(&value), key_(std::move(key)), asked_(std::move(asked)) {}

  static const roost_value& nothing() {
    static const roost_value value = [] {
      roost_value empty{};
      empty.struct_size = sizeof empty;
      return empty;
    }();
    return value;
  }

  Config below(const roost_value& value) const {
    const std::string name(view(value.key));
    return Config(value, name.empty() ? key_ : key_ + "." + name, asked_);
  }

  std::vector<Config> items() const {
    std::vector<Config> all;
    if (value_->kind == ROOST_VALUE_MAP) fail("a list is expected, found a map");
    if (value_->kind == ROOST_VALUE_SCALAR) all.push_back(*this);
    for (size_t i = 0; i < value_->item_count; ++i) {
      all.push_back(Config(*value_->items[i], join(key_, "[", i, "]"), asked_));
    }
    return all;
  }

  const roost_value* find(std::string_view name) const {
    expect_map();
    asked_->names[value_].emplace(name);
    for (size_t i = 0; i < value_->item_count; ++i) {
      const roost_value* item = value_->items[i];
      if (view(item->key) == name) return item->kind == ROOST_VALUE_NULL ? nullptr : item;
    }
    return nullptr;
  }

  Config required(std::string_view name) const {
    const roost_value* value = find(name);
    if (value == nullptr) throw ConfigError(join(place(*value_), key_, ".", name, ": a value is missing"));
    return below(*value);
  }

  template <class T, class Read>
  T get(std::string_view name, T fallback, Read read) const {
    const roost_value* value = find(name);
    return value == nullptr ? fallback : read(below(*value));
  }

  void expect_map() const {
    if (value_->kind != ROOST_VALUE_MAP && value_->kind != ROOST_VALUE_NULL) {
      fail("a map of keys and values is expected" + found());
    }
  }

  std::string_view scalar(const char* expected) const {
    if (value_->kind != ROOST_VALUE_SCALAR) fail(expected + found());
    return view(value_->text);
  }

  std::string found() const {
    switch (value_->kind) {
      case ROOST_VALUE_SCALAR:
        return join(", found \"", view(value_->text), "\"");
      case ROOST_VALUE_LIST:
        return ", found a list";
      case ROOST_VALUE_MAP:
        return ", found a map";
      default:
        return ", found nothing";
    }
  }

  // Where the number ends, the unit begins, with or without a blank between.
  static std::pair<double, std::string_view> number_and_unit(std::string_view text) {
    size_t end = 0;
    while (end < text.size() && ((text[end] >= '0' && text[end] <= '9') || text[end] == '.')) ++end;
    const auto number = number_from<double>(text.substr(0, end));
    text.remove_prefix(end);
    while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
    return {number.value_or(-1), text};
  }

  static std::string place(const roost_value& value) {
    if (value.file.size == 0) return {};
    return join(view(value.file), ":", value.line, ":", value.column, ": ");
  }

  void check(const roost_value& value, const std::string& key) const {
    const bool everything = asked_->everything.count(&value) > 0;
    const auto names = asked_->names.find(&value);
    for (size_t i = 0; i < value.item_count; ++i) {
      const roost_value& item = *value.items[i];
      const std::string name(view(item.key));
      const bool known = value.kind != ROOST_VALUE_MAP || everything ||
                         (names != asked_->names.end() && names->second.count(name) > 0);
      if (!known) {
        std::string message = join(place(item), key, ".", name, ": no such key");
        if (names != asked_->names.end()) message += nearest(name, names->second);
        throw ConfigError(message);
      }
      // What the plugin did not look into (a map or list that it only asked to be there) is its own affair.
      if (asked_->names.count(&item) > 0) check(item, name.empty() ? key : key + "." + name);
      if (item.kind == ROOST_VALUE_LIST) check(item, key + "." + name);
    }
  }

  static std::string nearest(std::string_view written, const Names& known) {
    const std::string* best = nullptr;
    size_t distance = 0;
    for (const std::string& name : known) {
      const size_t d = edits(written, name);
      if (best == nullptr || d < distance) {
        best = &name;
        distance = d;
      }
    }
    if (best == nullptr || distance > std::max<size_t>(1, std::max(written.size(), best->size()) / 3)) return {};
    return " (did you mean \"" + *best + "\"?)";
  }

  // Levenshtein's distance.
  static size_t edits(std::string_view a, std::string_view b) {
    std::vector<size_t> row(b.size() + 1);
    for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
    for (size_t i = 1; i <= a.size(); ++i) {
      size_t diagonal = row[0];
      row[0] = i;
      for (size_t j = 1; j <= b.size(); ++j) {
        const size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
      }
    }
    return row[b.size()];
  }

  const roost_value* value_;
  std::string key_;
  std::shared_ptr<Asked> asked_;  // shared by all that came from one configuration
};

}  // namespace ROOST_SDK
