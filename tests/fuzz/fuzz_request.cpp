// The request parser: whole and in two pieces it must come to the same, and its views must lie within the bytes.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "http/request_parser.hpp"

namespace {

using roost::http::ParseResult;
using roost::http::RequestHead;
using roost::http::RequestParser;

// Shorter heads are parsed anew with each piece.
constexpr size_t kParsedAnew = 1024;

void require(bool condition) {
  if (!condition) std::abort();
}

bool within(std::string_view view, const std::vector<char>& bytes) {
  return view.data() == nullptr || view == "/" || view == "*" ||
         (view.data() >= bytes.data() && view.data() + view.size() <= bytes.data() + bytes.size());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static RequestParser parser({.header_bytes = 4096, .headers = 16, .target_bytes = 1024});
  const std::vector<char> bytes(data, data + size);  // of exactly this size: reading past it is noticed
  const ParseResult result = parser.parse(bytes.data(), size);
  const uint16_t status = parser.status();
  if (result == ParseResult::done) {
    const RequestHead& head = parser.head();
    require(head.bytes <= size && head.field_count <= 16);
    require(!head.method.empty() && !head.target.empty());
    require(!(head.chunked && head.has_content_length));
    for (std::string_view view : {head.method, head.target, head.path, head.query, head.authority, head.host}) {
      require(within(view, bytes));
    }
    for (size_t i = 0; i < head.field_count; ++i) {
      require(within({head.fields[i].name.data, head.fields[i].name.size}, bytes));
      require(within({head.fields[i].value.data, head.fields[i].value.size}, bytes));
      require(head.fields[i].name.size != 0);
    }
  }
  if (size > 1) {
    const size_t half = size > 2 ? 1 + (data[0] * 256u + data[size - 1]) % (size - 1) : 1;
    const std::vector<char> first(data, data + half);
    const ParseResult early = parser.parse(first.data(), half);
    if (early == ParseResult::need_more) {
      ParseResult late = parser.parse(bytes.data(), size, half);
      if (late == ParseResult::need_more && result == ParseResult::error && half >= kParsedAnew) {
        // Of a long head an error within a line is found with the line's end.
        std::vector<char> ended = bytes;
        ended.push_back('\r');
        late = parser.parse(ended.data(), size + 1, size);
      }
      require(late == result);
      if (result == ParseResult::error) require(parser.status() == status);
    } else {
      require(early == result);
    }
  }
  return 0;
}
