// multipart/form-data: whole and byte by byte it must come to the same parts and outcome, and content must lie where
// offset() says. The first line is the Content-Type.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "http/multipart_parser.hpp"

namespace {

using roost::http::MultipartParser;

struct Outcome {
  std::string seen;
  uint16_t status = 0;
};

void must(bool holds) {
  if (!holds) std::abort();
}

Outcome parse(const std::string& boundary, const std::string& body, size_t piece) {
  MultipartParser parser(boundary, {.parts = 8, .name_bytes = 32, .header_bytes = 200});
  Outcome outcome;
  uint64_t at = 0, content = 0;
  while (at < body.size()) {
    const std::string copy = body.substr(at, piece);
    const MultipartParser::Step step = parser.next(copy.data(), copy.size());
    must(step.consumed <= copy.size());
    at += step.consumed;
    if (step.status == MultipartParser::Status::error) break;
    must(parser.offset() == at);
    must(step.status != MultipartParser::Status::need_more || step.consumed == copy.size());
    if (step.status == MultipartParser::Status::part) {
      content = at;
      const MultipartParser::Part& part = parser.part();
      must(part.name.size() <= 32 && part.filename.size() <= 32);
      outcome.seen += "[" + part.name + "|" + part.filename + "|" + part.content_type + "]";
    }
    must(body.compare(content, step.data.size(), step.data) == 0);
    content += step.data.size();
    outcome.seen += step.data;
    if (step.status == MultipartParser::Status::part_end) outcome.seen += "!";
  }
  if (!parser.finish()) outcome.status = parser.error_status();
  return outcome;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string input(reinterpret_cast<const char*>(data), size);
  const size_t line = std::min(input.find('\n'), input.size());
  bool is_multipart = false;
  std::string boundary = roost::http::multipart_boundary(input.substr(0, line), is_multipart);
  if (boundary.empty()) boundary = "b";
  const std::string body = input.substr(std::min(line + 1, input.size()));
  const Outcome whole = parse(boundary, body, SIZE_MAX);
  for (const size_t piece : {size_t{1}, size_t{5}}) {
    const Outcome split = parse(boundary, body, piece);
    must(whole.status == split.status);
    // Refused content may have been handed out to another point.
    must(whole.status != 0 || whole.seen == split.seen);
  }
  return 0;
}
