// urlencoded forms: whole and byte by byte they must come to the same pairs, within the limits.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "http/urlencoded_parser.hpp"

namespace {

using roost::http::UrlencodedParser;

std::string parse(const std::string& body, size_t piece) {
  UrlencodedParser parser({.parts = 8, .name_bytes = 16, .field_bytes = 64});
  std::string seen;
  for (size_t at = 0; at < body.size();) {
    const std::string copy = body.substr(at, piece);
    const UrlencodedParser::Step step = parser.next(copy.data(), copy.size());
    if (step.consumed > copy.size() || parser.name().size() > 16 || parser.value().size() > 64) std::abort();
    at += step.consumed;
    if (step.status == UrlencodedParser::Status::error) return seen + "error";
    if (step.status == UrlencodedParser::Status::pair) seen += parser.name() + "=" + parser.value() + ";";
  }
  const UrlencodedParser::Status status = parser.finish();
  if (status == UrlencodedParser::Status::error) return seen + "error";
  if (status == UrlencodedParser::Status::pair) seen += parser.name() + "=" + parser.value() + ";";
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string body(reinterpret_cast<const char*>(data), size);
  const std::string whole = parse(body, SIZE_MAX);
  if (whole != parse(body, 1) || whole != parse(body, 3)) std::abort();
  return 0;
}
