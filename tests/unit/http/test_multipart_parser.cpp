#include <algorithm>
#include <catch2/catch.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "http/multipart_parser.hpp"

namespace roost::http {
namespace {

// "name=value;" for a field, "name<filename,type>=content;" for a file; then "400" or "413" where it was refused.
std::string parse(const std::string& bytes, size_t piece, std::string_view boundary = "b",
                  const config::FormLimits& limits = {}) {
  MultipartParser parser(boundary, limits);
  std::string seen;
  uint64_t total = 0;
  for (size_t start = 0; start < bytes.size(); start += piece) {
    // A copy of exactly this size, so that a sanitizer sees what is read beyond it.
    const std::vector<char> part(bytes.begin() + static_cast<std::ptrdiff_t>(start),
                                 bytes.begin() + static_cast<std::ptrdiff_t>(std::min(start + piece, bytes.size())));
    for (size_t at = 0;;) {
      const MultipartParser::Step step = parser.next(part.data() + at, part.size() - at);
      at += step.consumed;
      total += step.consumed;
      if (step.status == MultipartParser::Status::error) return seen + std::to_string(parser.error_status());
      CHECK(parser.offset() == total);
      if (step.status == MultipartParser::Status::need_more) {
        CHECK(at == part.size());
        break;
      }
      if (step.status == MultipartParser::Status::part) {
        seen += parser.part().name;
        if (parser.part().is_file) seen += "<" + parser.part().filename + "," + parser.part().content_type + ">";
        seen += "=";
      }
      seen += step.data;
      if (step.status == MultipartParser::Status::part_end) seen += ";";
    }
  }
  return parser.finish() ? seen : seen + std::to_string(parser.error_status());
}

std::string with_header(const std::string& lines, const std::string& content = "v") {
  return "--b\r\n" + lines + "\r\n\r\n" + content + "\r\n--b--\r\n";
}

std::string disposition(const std::string& parameters) {
  return with_header("Content-Disposition: form-data" + parameters);
}

}  // namespace

TEST_CASE("MultipartParser.OneReadingOnly") {
  const std::string a = "Content-Disposition: form-data; name=\"a\"";
  struct Case {
    std::string input, want;
  };
  const std::vector<Case> cases = {
      // What browsers, curl and libraries send.
      {with_header(a), "a=v;"},
      {"--b\r\n" + a + "\r\n\r\n1\r\n--b\r\n" + a + "\r\n\r\n2\r\n--b--\r\n", "a=1;a=2;"},
      {with_header(a + "; filename=\"x.txt\"\r\nContent-Type: text/plain"), "a<x.txt,text/plain>=v;"},
      {with_header(a + "; filename=\"\"\r\nContent-Type: application/octet-stream", ""),
       "a<,application/octet-stream>=;"},
      {with_header("content-disposition:form-data;name=a"), "a=v;"},
      {with_header("X-Other: \r\n" + a), "a=v;"},
      {with_header(a + ";"), "a=v;"},
      {with_header(a, ""), "a=;"},
      {with_header(a, "\r\n"), "a=\r\n;"},
      {with_header(a, "\r\r\n\n\r"), "a=\r\r\n\n\r;"},
      {with_header(a, "--b"), "a=400"},  // read as an empty part by others
      {with_header(a, " --b"), "a= --b;"},
      {with_header(a, "\r\n-\r\n--\r\n--c\r\n --b"), "a=\r\n-\r\n--\r\n--c\r\n --b;"},
      {with_header(a, std::string("\0\r\n\xff", 4)), "a=" + std::string("\0\r\n\xff", 4) + ";"},
      {"--b--\r\n", ""},
      {"--b--", ""},
      {"\r\n" + with_header(a), "a=v;"},
      {with_header(a) + "\r\n\r\n", "a=v;"},
      // Not at all a form.
      {"", "400"},
      {"x", "400"},
      {"--", "400"},
      {"--b", "400"},
      {"--bb\r\n", "400"},
      {"\r\n\r\n" + with_header(a), "400"},
      {"preamble\r\n" + with_header(a), "400"},
      {with_header(a) + "epilogue", "a=v;400"},
      {with_header(a) + "\n", "a=v;400"},
      // Boundaries.
      {"--b\n" + a + "\r\n\r\nv\r\n--b--\r\n", "400"},
      {"--b \r\n" + a + "\r\n\r\nv\r\n--b--\r\n", "400"},
      {"--b\rx", "400"},
      {"--b-x", "400"},
      {"--b\r\n" + a + "\r\n\r\n\n--b--\r\n", "a=400"},
      {"--b\r\n" + a + "\r\n\r\nv\r--b--\r\n", "a=v\r--b--400"},
      {"--b\r\n" + a + "\r\n\r\nv\r\n--b \r\n", "a=v;400"},
      {"--b\r\n" + a + "\r\n\r\nv\r\n--bc\r\n--b--\r\n", "a=v;400"},
      {"--b\r\n" + a + "\r\n\r\nv\r\n--b-\r\n", "a=v;400"},
      {"--b\r\n" + a + "\r\n\r\nv\r\n--b", "a=v;400"},
      {"--b\r\n" + a + "\r\n\r\nv\r\n--b-", "a=v;400"},
      {"--b\r\n" + a + "\r\n\r\nv\r\n", "a=v400"},
      {"--b\r\n" + a + "\r\n\r\n", "a=400"},
      {"--b\r\n" + a, "400"},
      // Header lines.
      {"--b\r\n\r\nv\r\n--b--\r\n", "400"},
      {with_header("X: y"), "400"},
      {with_header(a + "\r\n" + a), "400"},
      {with_header(a + "\r\nContent-Type: text/plain\r\nContent-Type: text/html"), "400"},
      {with_header("Content-Disposition : form-data; name=a"), "400"},
      {with_header("Content-Disposition: form-data;\r\n name=a"), "400"},
      {with_header(" " + a), "400"},
      {with_header(": x\r\n" + a), "400"},
      {with_header("no colon\r\n" + a), "400"},
      {with_header("X: a\nb\r\n" + a), "400"},
      {with_header("X: a\rb\r\n" + a), "400"},
      {with_header("X: a\r\r\n" + a), "400"},
      {with_header(std::string("X: a\0\r\n", 7) + a), "400"},
      {"--b\r\n" + a + "\n\nv\r\n--b--\r\n", "400"},
      // Content-Disposition.
      {disposition(""), "400"},
      {with_header("Content-Disposition: attachment; name=a"), "400"},
      {with_header("Content-Disposition: file; name=a"), "400"},
      {disposition("; filename=x"), "400"},
      {disposition("; name=a; name=a"), "400"},
      {disposition("; name=a; filename=x; filename=x"), "400"},
      {disposition("; name=a b"), "400"},
      {disposition("; name"), "400"},
      {disposition("; name="), "400"},
      {disposition("; name=\"a"), "400"},
      {disposition("; name=\"a\\\""), "400"},
      {disposition("; name=\"a\"b"), "400"},
      {disposition(";; name=a"), "400"},
      {disposition("; name =a"), "400"},
      {disposition("; name=\"\""), "=v;"},
      {disposition("; NAME=a; FileName=x"), "a<x,>=v;"},
      {disposition("; name=a; size=3"), "a=v;"},
      // Names in other than plain letters.
      {disposition("; name=\"a\\\"b\\\\c\\d\""), "a\"b\\c\\d=v;"},
      {disposition("; name=a; filename=\"C:\\docs\\x.txt\""), "a<C:\\docs\\x.txt,>=v;"},
      {disposition("; name=\"a%22%0D%0a%41%\""), "a\"\r\n%41%=v;"},
      {disposition("; name=a%22"), "a%22=v;"},
      {disposition("; name=\"\xc3\xbc;=\"; filename=\"\xe2\x82\xac.txt\""), "\xc3\xbc;=<\xe2\x82\xac.txt,>=v;"},
      {disposition("; name=a; filename*=UTF-8''%e2%82%ac.txt"), "a<\xe2\x82\xac.txt,>=v;"},
      {disposition("; name=a; filename=\"=?utf-8?B?4g==?=\"; filename*=utf-8''%e2%82%ac"), "a<\xe2\x82\xac,>=v;"},
      {disposition("; name=a; filename*=utf-8'en'x; filename=y"), "a<x,>=v;"},
      {disposition("; name=a; filename*=iso-8859-1''%fc"), "a<\xc3\xbc,>=v;"},
      {disposition("; name=a; filename*=utf-8''%fc"), "400"},
      {disposition("; name=a; filename*=utf-8''%ed%a0%80"), "400"},
      {disposition("; name=a; filename*=utf-8''%00"), "400"},
      {disposition("; name=a; filename*=utf-8''%c"), "400"},
      {disposition("; name=a; filename*=utf-8x"), "400"},
      {disposition("; name=a; filename*=koi8-r''x"), "400"},
      {disposition("; name=a; filename*=\"utf-8''x\""), "400"},
      {disposition("; name=a; filename*=utf-8''x; filename*=utf-8''y"), "400"},
      {disposition("; name*=utf-8''a"), "400"},
      {disposition("; name=a; filename*0=x"), "400"},
      // What would change the content.
      {with_header(a + "\r\nContent-Transfer-Encoding: BINARY"), "a=v;"},
      {with_header(a + "\r\nContent-Transfer-Encoding: 8bit"), "a=v;"},
      {with_header(a + "\r\nContent-Transfer-Encoding: base64"), "400"},
      {with_header(a + "\r\nContent-Transfer-Encoding: quoted-printable"), "400"},
      {with_header(a + "\r\nContent-Type: text/plain; charset=UTF-8"), "a=v;"},
      {with_header(a + "\r\nContent-Type: text/plain; charset=\"us-ascii\""), "a=v;"},
      {with_header(a + "\r\nContent-Type: text/plain; charset=utf-16"), "400"},
      {with_header(a + "\r\nContent-Type: text/plain; charset=utf-8; charset=utf-8"), "400"},
      {with_header(a + "\r\nContent-Type: text/plain; charset"), "400"},
      {with_header(a + "; filename=x\r\nContent-Type: text/plain; charset=utf-16"),
       "a<x,text/plain; charset=utf-16>=v;"},
  };
  for (const Case& test : cases) {
    for (size_t piece : {size_t{1}, size_t{2}, size_t{3}, size_t{7}, size_t{1000}}) {
      INFO(test.input << "\nin pieces of " << piece);
      CHECK(parse(test.input, piece) == test.want);
    }
  }
}

TEST_CASE("MultipartParser.SplitAnywhere") {
  const std::string boundary = "----WebKitFormBoundary0123456789abcdef";
  const std::string begin = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n";
  const std::string content = "\r\n--\r\r\n--" + boundary.substr(1) + "\n-\r\n--" + boundary.substr(0, 37) + "\r\n\r";
  const std::string body = begin + content + "\r\n" + begin + "\r\n--" + boundary + "--\r\n";
  for (size_t first = 0; first < body.size(); ++first) {
    INFO("split at " << first);
    MultipartParser parser(boundary, {});
    std::string seen;
    for (const std::string& piece : {body.substr(0, first), body.substr(first)}) {
      for (size_t at = 0;;) {
        const MultipartParser::Step step = parser.next(piece.data() + at, piece.size() - at);
        at += step.consumed;
        REQUIRE(step.status != MultipartParser::Status::error);
        if (step.status == MultipartParser::Status::need_more) break;
        if (step.status == MultipartParser::Status::part) seen += "[";
        seen += step.data;
        if (step.status == MultipartParser::Status::part_end) seen += "]";
      }
    }
    CHECK(parser.finish());
    CHECK(seen == "[" + content + "][]");
  }
}

TEST_CASE("MultipartParser.Limits") {
  const std::string a = "Content-Disposition: form-data; name=\"aaaa\"; filename=\"ffff\"";
  const std::string part = "--b\r\n" + a + "\r\n\r\nv\r\n";
  config::FormLimits limits;
  limits.parts = 2;
  CHECK(parse(part + part + "--b--", 1, "b", limits) == "aaaa<ffff,>=v;aaaa<ffff,>=v;");
  CHECK(parse(part + part + part + "--b--", 1, "b", limits) == "aaaa<ffff,>=v;aaaa<ffff,>=v;413");
  limits = {};
  limits.name_bytes = 4;
  CHECK(parse(part + "--b--", 1, "b", limits) == "aaaa<ffff,>=v;");
  limits.name_bytes = 3;
  CHECK(parse(part + "--b--", 1, "b", limits) == "413");
  limits = {};
  limits.header_bytes = a.size() + 4;
  CHECK(parse(part + "--b--", 1, "b", limits) == "aaaa<ffff,>=v;");
  CHECK(parse(part + "--b--", 1000, "b", limits) == "aaaa<ffff,>=v;");
  limits.header_bytes = a.size() + 3;
  CHECK(parse(part + "--b--", 1, "b", limits) == "413");
  CHECK(parse(part + "--b--", 1000, "b", limits) == "413");
}

TEST_CASE("MultipartParser.Boundaries") {
  struct Case {
    std::string input;
    bool is_multipart;
    std::string want;
  };
  const std::vector<Case> cases = {
      {"multipart/form-data; boundary=b", true, "b"},
      {"Multipart/Form-Data;BOUNDARY=b", true, "b"},
      {"multipart/form-data; charset=utf-8; boundary=\"a b\"", true, "a b"},
      {"multipart/form-data; boundary=\"a=b:c/d,(e)?'\"", true, "a=b:c/d,(e)?'"},
      {"multipart/form-data; boundary=*****", true, "*****"},
      {"multipart/form-data; boundary=" + std::string(70, 'x'), true, std::string(70, 'x')},
      {"multipart/form-data; boundary=" + std::string(71, 'x'), true, ""},
      {"multipart/form-data", true, ""},
      {"multipart/form-data; boundary=", true, ""},
      {"multipart/form-data; boundary=\"\"", true, ""},
      {"multipart/form-data; boundary=\"a \"", true, ""},
      {"multipart/form-data; boundary=\"a\\\"b\"", true, ""},
      {"multipart/form-data; boundary=\"a", true, ""},
      {"multipart/form-data; boundary=a,b", true, ""},
      {"multipart/form-data; boundary=a b", true, ""},
      {"multipart/form-data; boundary=a; boundary=a", true, ""},
      {"multipart/form-data; boundary*=utf-8''a", true, ""},
      {"multipart/form-data; boundary=a; boundary*0=b", true, ""},
      {"multipart/form-data boundary=a", false, ""},
      {"multipart/mixed; boundary=a", false, ""},
      {"multipart/form-datax; boundary=a", false, ""},
      {"", false, ""},
  };
  for (const Case& test : cases) {
    INFO(test.input);
    bool is_multipart = false;
    CHECK(multipart_boundary(test.input, is_multipart) == test.want);
    CHECK(is_multipart == test.is_multipart);
  }
}

// Twice the input may cost twice the time, and not four times: what would be quadratic is a thousand times slower here.
TEST_CASE("MultipartParser.HostileContentInLinearTime") {
  const std::string boundary(70, '-');
  const std::string begin = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nx";
  struct Case {
    const char* what;
    std::string unit;
  };
  const std::vector<Case> cases = {
      {"line ends", "\r\n"},
      {"CR", "\r"},
      {"LF", "\n"},
      {"dashes", "-"},
      {"beginnings of the boundary", "\r\n--" + boundary.substr(1)},
      {"beginnings without CR", "\n--" + boundary.substr(1)},
  };
  for (const Case& test : cases) {
    INFO(test.what);
    auto seconds = [&](size_t bytes) {
      std::string body = begin;
      while (body.size() < bytes) body += test.unit;
      body += "x\r\n--" + boundary + "--";
      const auto start = std::chrono::steady_clock::now();
      MultipartParser parser(boundary, {});
      for (size_t start_at = 0; start_at < body.size(); start_at += 65536) {
        const std::string_view piece = std::string_view(body).substr(start_at, 65536);
        for (size_t at = 0;;) {
          const MultipartParser::Step step = parser.next(piece.data() + at, piece.size() - at);
          at += step.consumed;
          REQUIRE(step.status != MultipartParser::Status::error);
          if (step.status == MultipartParser::Status::need_more) break;
        }
      }
      REQUIRE(parser.finish());
      return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    };
    // The least of some, as the machine has other work, too.
    double small = 1e9, large = 1e9;
    for (int i = 0; i < 5; ++i) {
      small = std::min(small, seconds(1 << 18));
      large = std::min(large, seconds(1 << 22));
    }
    CHECK(large < small * 16 * 8 + 0.01);
  }
}

TEST_CASE("MultipartParser.MillionsOfEmptyPartsEndAtTheLimit") {
  const std::string part = "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n";
  std::string body;
  while (body.size() < 4 << 20) body += part;
  const std::string seen = parse(body, 65536);
  CHECK(seen.size() == 1000 * 3 + 3);
  CHECK(seen.substr(3000) == "413");
}

}  // namespace roost::http
