#include <catch2/catch.hpp>
#include <deque>

#include "roost/config.hpp"

using namespace roost;
using namespace std::chrono_literals;

namespace {

// A tree of values as the server hands it over.
class Tree {
 public:
  const roost_value& scalar(const char* key, const char* text) {
    roost_value& value = add(key, ROOST_VALUE_SCALAR);
    value.text = str(text);
    return value;
  }
  const roost_value& many(const char* key, roost_value_kind kind, std::vector<const roost_value*> items) {
    const auto& kept = lists_.emplace_back(std::move(items));
    roost_value& value = add(key, kind);
    value.items = kept.data();
    value.item_count = kept.size();
    return value;
  }

 private:
  roost_value& add(const char* key, roost_value_kind kind) {
    roost_value& value = values_.emplace_back();
    value.struct_size = sizeof value;
    value.kind = kind;
    value.key = str(key);
    value.file = str("x.yaml");
    value.line = static_cast<uint32_t>(values_.size());
    value.column = 3;
    return value;
  }

  std::deque<roost_value> values_;
  std::deque<std::vector<const roost_value*>> lists_;
};

template <class Read>
std::string error_of(Read read) {
  try {
    read();
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace

TEST_CASE("Config.ReadsByTypeAndFallsBack") {
  Tree tree;
  const Config config(
      tree.many("", ROOST_VALUE_MAP,
                {&tree.scalar("text", "t"), &tree.scalar("int", "-5"), &tree.scalar("wait", "1.5s"),
                 &tree.scalar("size", "10 MiB"), &tree.scalar("flag", "off"),
                 &tree.many("list", ROOST_VALUE_LIST, {&tree.scalar("", "a"), &tree.scalar("", "b")}),
                 &tree.many("map", ROOST_VALUE_MAP, {&tree.scalar("x", "1"), &tree.scalar("y", "2")})}));
  CHECK(config.text("text") == "t");
  CHECK(config.integer("int") == -5);
  CHECK(config.duration("wait") == 1500ms);
  CHECK(config.size("size") == 10u << 20);
  CHECK_FALSE(config.boolean("flag"));
  CHECK(config.texts("list") == std::vector<std::string>{"a", "b"});
  CHECK(config.texts("text") == std::vector<std::string>{"t"});
  CHECK(config.map("map").integer("y") == 2);
  CHECK(config.map("map").entries().size() == 2);
  CHECK(config.text("none", "f") == "f");
  CHECK(config.integer("none", 3) == 3);
  CHECK(config.map("none").text("deep", "f") == "f");
  CHECK(config.list("none").empty());
  CHECK(error_of([&] { config.expect_all_asked(); }) == "no error");
}

TEST_CASE("Config.ErrorsCarryThePlaceOfTheValue") {
  Tree tree;
  const roost_value& bad = tree.scalar("limit", "many");
  const Config config(tree.many("", ROOST_VALUE_MAP, {&bad}));
  CHECK(error_of([&] { config.integer("limit"); }) ==
        "x.yaml:1:3: config.limit: a whole number is expected, found \"many\"");
  CHECK(error_of([&] { config.text("missing"); }) == "x.yaml:2:3: config.missing: a value is missing");
  CHECK(error_of([&] { config.map("limit"); }) ==
        "x.yaml:1:3: config.limit: a map of keys and values is expected, found \"many\"");
}

TEST_CASE("Config.KeyThatNobodyAskedForIsAnError") {
  Tree tree;
  const Config config(tree.many("", ROOST_VALUE_MAP, {&tree.scalar("greting", "x")}));
  config.text("greeting", "Hello");
  CHECK(error_of([&] { config.expect_all_asked(); }) ==
        "x.yaml:1:3: config.greting: no such key (did you mean \"greeting\"?)");
}

TEST_CASE("Config.NothingIsAnEmptyMap") {
  roost_value nothing{};
  nothing.struct_size = sizeof nothing;
  const Config config(nothing);
  CHECK(config.text("greeting", "Hello") == "Hello");
  CHECK(error_of([&] { config.text("greeting"); }) == "config.greeting: a value is missing");
  CHECK(error_of([&] { config.expect_all_asked(); }) == "no error");
}
