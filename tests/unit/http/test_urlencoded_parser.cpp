#include <algorithm>
#include <catch2/catch.hpp>
#include <string>
#include <vector>

#include "http/urlencoded_parser.hpp"

namespace roost::http {
namespace {

// "name>value;" for each pair; "413" where a limit was passed.
std::string parse(const std::string& bytes, size_t piece, const config::FormLimits& limits = {}) {
  UrlencodedParser parser(limits);
  std::string seen;
  auto pair = [&] { seen += parser.name() + ">" + parser.value() + ";"; };
  for (size_t start = 0; start < bytes.size(); start += piece) {
    const std::string part = bytes.substr(start, piece);
    for (size_t at = 0;;) {
      const UrlencodedParser::Step step = parser.next(part.data() + at, part.size() - at);
      at += step.consumed;
      if (step.status == UrlencodedParser::Status::error) return seen + "413";
      if (step.status == UrlencodedParser::Status::need_more) break;
      pair();
    }
  }
  const UrlencodedParser::Status status = parser.finish();
  if (status == UrlencodedParser::Status::pair) pair();
  return status == UrlencodedParser::Status::error ? seen + "413" : seen;
}

}  // namespace

TEST_CASE("UrlencodedParser.ReadsAsBrowsersWrite") {
  struct Case {
    std::string input, want;
  };
  const std::vector<Case> cases = {
      {"", ""},
      {"a=1", "a>1;"},
      {"a=1&b=2&a=3", "a>1;b>2;a>3;"},
      {"a", "a>;"},
      {"a=", "a>;"},
      {"=a", ">a;"},
      {"=", ">;"},
      {"&&a=1&&", "a>1;"},
      {"a=b=c", "a>b=c;"},
      {"a+b=c+d", "a b>c d;"},
      {"a%20b=%C3%BC", "a b>\xc3\xbc;"},
      {"a%3d%26=%2b%25", "a=&>+%;"},
      {"a=%", "a>%;"},
      {"a=%4", "a>%4;"},
      {"a=%4&b=%", "a>%4;b>%;"},
      {"a=%zz%4z%%41", "a>%zz%4z%A;"},
      {"a=%00", std::string("a>\0;", 4)},
      {"a;b=1", "a;b>1;"},
      {"%=%", "%>%;"},
      {"a=1\r\n", "a>1\r\n;"},
  };
  for (const Case& test : cases) {
    for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{1000}}) {
      INFO(test.input << " in pieces of " << piece);
      CHECK(parse(test.input, piece) == test.want);
    }
  }
}

TEST_CASE("UrlencodedParser.Limits") {
  config::FormLimits limits;
  limits.parts = 2;
  limits.name_bytes = 3;
  limits.field_bytes = 4;
  struct Case {
    std::string input, want;
  };
  const std::vector<Case> cases = {
      {"a=1&b=2", "a>1;b>2;"},      {"a=1&b=2&", "a>1;b>2;"},   {"a=1&b=2&c=3", "a>1;b>2;413"},
      {"abc=1", "abc>1;"},          {"abcd=1", "413"},          {"a%20%20=1", "a  >1;"},
      {"a%20%20+=1", "413"},        {"a=1234", "a>1234;"},      {"a=12345", "413"},
      {"a=12&b=34", "a>12;b>34;"},  {"a=12&b=345", "a>12;413"}, {"a=%41%41%41%41", "a>AAAA;"},
      {"a=%41%41%41%41%41", "413"}, {"a=1234%", "413"},         {"a=1234%&b=1", "413"},
  };
  for (const Case& test : cases) {
    for (size_t piece : {size_t{1}, size_t{2}, size_t{1000}}) {
      INFO(test.input << " in pieces of " << piece);
      CHECK(parse(test.input, piece, limits) == test.want);
    }
  }
}

}  // namespace roost::http
