#include "websocket/utf8.hpp"

#include <catch2/catch.hpp>
#include <string>
#include <vector>

namespace roost::websocket {

TEST_CASE("Utf8.WholeTexts") {
  const std::vector<std::pair<std::string, bool>> cases = {
      {"", true},
      {"Hello", true},
      {"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5", true},
      {std::string("\0", 1), true},
      {"\x7f", true},
      {"\xc2\x80", true},
      {"\xe0\xa0\x80", true},
      {"\xed\x9f\xbf", true},
      {"\xee\x80\x80", true},
      {"\xef\xbf\xbf", true},
      {"\xf0\x90\x80\x80", true},
      {"\xf4\x8f\xbf\xbf", true},
      {"\x80", false},
      {"\xbf", false},
      {"\xc0\xaf", false},
      {"\xc1\xbf", false},
      {"\xe0\x80\xaf", false},
      {"\xe0\x9f\xbf", false},
      {"\xed\xa0\x80", false},
      {"\xed\xbf\xbf", false},
      {"\xf0\x80\x80\xaf", false},
      {"\xf0\x8f\xbf\xbf", false},
      {"\xf4\x90\x80\x80", false},
      {"\xf5\x80\x80\x80", false},
      {"\xfe", false},
      {"\xff", false},
      {"\xc2", false},
      {"\xe1\xbd", false},
      {"\xf0\x90\x80", false},
      {"0123456789abcdef0123456789abcde\xff", false},
  };
  for (const auto& [text, want] : cases) {
    INFO(Catch::StringMaker<std::string>::convert(text));
    CHECK(Utf8::valid(text) == want);
    for (size_t cut = 0; cut <= text.size(); ++cut) {
      Utf8 check;
      const bool valid = check.feed(text.substr(0, cut)) && check.feed(text.substr(cut)) && check.complete();
      CHECK(valid == want);
    }
  }
}

TEST_CASE("Utf8.FailsAtTheFirstByteThatCannotBeRight") {
  const std::vector<std::pair<std::string, size_t>> cases = {// text, bytes that are still fine
                                                             {"ab\xf4\x90\x80\x80", 3},
                                                             {"\xed\xa0\x80", 1},
                                                             {"\xe0\x80\x80", 1},
                                                             {"a\x80", 1},
                                                             {"\xc2\x41", 1}};
  for (const auto& [text, good] : cases) {
    Utf8 check;
    for (size_t i = 0; i < good; ++i) CHECK(check.feed(text.substr(i, 1)));
    CHECK_FALSE(check.feed(text.substr(good, 1)));
  }
}

}  // namespace roost::websocket
