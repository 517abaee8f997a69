#include <catch2/catch.hpp>
#include <limits>

#include "roost/text.hpp"

using namespace roost;

TEST_CASE("PercentDecode.DecodesOnceAndKeepsWhatIsNoEscape") {
  struct {
    std::string text;
    bool plus;
    std::string want;
  } cases[] = {{"", false, ""},        {"a%20b", false, "a b"},  {"%2525", false, "%25"}, {"a+b", false, "a+b"},
               {"a+b", true, "a b"},   {"%", false, "%"},        {"%4", false, "%4"},     {"%zz%41", false, "%zzA"},
               {"%c3%BC", false, "ü"}, {"%00", false, {"\0", 1}}};
  for (const auto& c : cases) {
    CAPTURE(c.text);
    CHECK(percent_decode(c.text, c.plus) == c.want);
  }
}

TEST_CASE("NumberFrom.TakesWholeNumbersInRangeOnly") {
  CHECK(number_from<int>("-12") == -12);
  CHECK(number_from<uint8_t>("255") == 255);
  CHECK(number_from<double>("2.5e1") == 25);
  CHECK(number_from<bool>("true") == true);
  for (const char* bad : {"", " 1", "1 ", "+1", "1.0", "0x1", "2147483648", "one"}) {
    CAPTURE(bad);
    CHECK_FALSE(number_from<int>(bad));
  }
  CHECK_FALSE(number_from<uint8_t>("256"));
  CHECK_FALSE(number_from<unsigned>("-1"));
  for (const char* bad : {"", "x", "1x", "nan", "inf", " 1"}) {
    CAPTURE(bad);
    CHECK_FALSE(number_from<double>(bad));
  }
}

TEST_CASE("Join.WritesEachPartAsItReads") {
  const std::string text = "s";
  CHECK(join() == "");
  CHECK(join(text, "lit", std::string_view("v"), 'c', 7, -7L, uint8_t{8}, true, 0.1, 1.5f, 3.0) ==
        "slitvc7-78true0.11.53");
  CHECK(join(std::numeric_limits<int64_t>::min()) == "-9223372036854775808");
  CHECK(join(1.0 / 3) == "0.33333333333333331");
}
