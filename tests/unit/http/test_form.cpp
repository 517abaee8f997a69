#include <unistd.h>

#include <catch2/catch.hpp>
#include <string>

#include "base/temporary_file.hpp"
#include "http/form.hpp"

namespace roost::http {
namespace {

const std::string kMultipart = "multipart/form-data; boundary=b";
const std::string kUrlencoded = "application/x-www-form-urlencoded; charset=UTF-8";

std::string part(const std::string& parameters, const std::string& content, const std::string& type = "") {
  return "--b\r\nContent-Disposition: form-data; " + parameters + "\r\n" +
         (type.empty() ? "" : "Content-Type: " + type + "\r\n") + "\r\n" + content + "\r\n";
}

std::string describe(const Form& form, const std::string& body) {
  if (form.status != 0) return std::to_string(form.status);
  std::string text;
  for (const FormField& field : form.fields) text += field.name + "=" + field.value + ";";
  for (const FormFile& file : form.files) {
    text += file.name + "<" + file.filename + "," + file.content_type + ">" + body.substr(file.offset, file.size) + ";";
  }
  return text;
}

// In memory and from a file, which must be the same.
std::string read(const std::string& type, const std::string& body, const config::FormLimits& limits = {}) {
  Form form;
  read_form(type, body, -1, body.size(), limits, form);
  const base::UniqueFd file = base::open_temporary();
  REQUIRE(base::write_all(file.get(), body));
  Form from_file;
  read_form(type, {}, file.get(), body.size(), limits, from_file);
  CHECK(describe(form, body) == describe(from_file, body));
  return describe(form, body);
}

}  // namespace

TEST_CASE("Form.FieldsAndFiles") {
  CHECK(read(kUrlencoded, "a=1&b=2&a=3") == "a=1;b=2;a=3;");
  CHECK(read(kUrlencoded, "").empty());
  CHECK(read(kMultipart, part("name=a", "1") + part("name=f; filename=x", "xx", "text/plain") + part("name=a", "2") +
                             part("name=f; filename=y", "yy") + "--b--\r\n") == "a=1;a=2;f<x,text/plain>xx;f<y,>yy;");
  CHECK(read(kMultipart, part("name=a", "\xfc", "text/plain; charset=iso-8859-1") + "--b--") == "a=\xc3\xbc;");
}

TEST_CASE("Form.AnInputWithoutAFileIsNoFile") {
  CHECK(read(kMultipart, part("name=f; filename=\"\"", "", "application/octet-stream") + "--b--").empty());
  CHECK(read(kMultipart, part("name=f; filename=\"\"", "x") + "--b--") == "f<,>x;");
  CHECK(read(kMultipart, part("name=f; filename=empty", "") + "--b--") == "f<empty,>;");
}

TEST_CASE("Form.OtherBodiesAreNone") {
  CHECK(read("", "a=1") == "415");
  CHECK(read("application/json", "{}") == "415");
  CHECK(read("multipart/mixed; boundary=b", "--b--") == "415");
  CHECK(read("multipart/form-data", "--b--") == "400");
  CHECK(read(kMultipart, "") == "400");
  CHECK(read(kMultipart, part("name=a", "1")) == "400");
}

TEST_CASE("Form.Limits") {
  config::FormLimits limits;
  limits.field_bytes = 4;
  limits.file_bytes = 2;
  CHECK(read(kMultipart, part("name=a", "12") + part("name=a", "34") + "--b--", limits) == "a=12;a=34;");
  CHECK(read(kMultipart, part("name=a", "12") + part("name=a", "345") + "--b--", limits) == "413");
  CHECK(read(kMultipart, part("name=f; filename=x", "12") + part("name=f; filename=y", "34") + "--b--", limits) ==
        "f<x,>12;f<y,>34;");
  CHECK(read(kMultipart, part("name=f; filename=x", "123") + "--b--", limits) == "413");
  CHECK(read(kUrlencoded, "a=12345", limits) == "413");
}

TEST_CASE("Form.LargeFilesAreRangesOfTheBody") {
  std::string content;
  while (content.size() < 3 << 20) content += "0123456789\r\n--";
  const std::string body = part("name=a", "1") + part("name=f; filename=x", content) + "--b--";
  Form form;
  read_form(kMultipart, body, -1, body.size(), {}, form);
  REQUIRE(form.files.size() == 1);
  CHECK(form.files[0].size == content.size());
  CHECK(body.compare(form.files[0].offset, form.files[0].size, content) == 0);
  const base::UniqueFd file = base::open_temporary();
  REQUIRE(base::write_all(file.get(), body));
  Form from_file;
  read_form(kMultipart, {}, file.get(), body.size(), {}, from_file);
  REQUIRE(from_file.files.size() == 1);
  CHECK(from_file.files[0].offset == form.files[0].offset);
  CHECK(from_file.files[0].size == form.files[0].size);
  Form cut;
  read_form(kMultipart, {}, file.get(), body.size() + 1, {}, cut);
  CHECK(cut.status == 500);
}

}  // namespace roost::http
