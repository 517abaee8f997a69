// The request parser and the chunked decoder against another library's: Boost.Beast reads the same bytes. Where both
// take a request they must agree on every part of it, down to the byte where the next one begins; where only one takes
// it, a named rule has to explain that, and its predicate has to hold for the bytes at hand.
#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/characters.hpp"
#include "http/chunked_decoder.hpp"
#include "http/request_parser.hpp"

namespace {

namespace beast_http = boost::beast::http;
using roost::http::ChunkedDecoder;
using roost::http::ParseResult;
using roost::http::RequestHead;
using roost::http::RequestParser;

constexpr size_t kHeaderBytes = 4096;

struct Reading {
  enum class End : uint8_t { taken, incomplete, refused } end = End::refused;
  std::string reason;
  std::string method, target, body;
  unsigned version = 0;
  bool keep_alive = false;
  size_t consumed = 0;
  std::vector<std::pair<std::string, std::string>> head;    // its fields
  std::vector<std::pair<std::string, std::string>> fields;  // and the trailers
};

std::string text(const roost_str& view) {
  return {view.data, view.size};
}

Reading read_ours(std::string_view input) {
  static RequestParser parser({.header_bytes = kHeaderBytes, .headers = 64, .target_bytes = 1024});
  Reading reading;
  const ParseResult result = parser.parse(input.data(), input.size());
  if (result != ParseResult::done) {
    reading.end = result == ParseResult::error ? Reading::End::refused : Reading::End::incomplete;
    reading.reason = result == ParseResult::error ? parser.reason() : "";
    return reading;
  }
  const RequestHead& head = parser.head();
  reading.method = head.method;
  reading.target = head.target;
  reading.version = head.version == 0x0101 ? 11 : 10;
  reading.keep_alive = head.keep_alive;
  for (size_t i = 0; i < head.field_count; ++i) {
    reading.head.emplace_back(text(head.fields[i].name), text(head.fields[i].value));
  }
  reading.fields = reading.head;
  reading.consumed = head.bytes;
  std::string_view rest = input.substr(head.bytes);
  reading.end = Reading::End::incomplete;
  if (!head.chunked) {
    if (rest.size() < head.content_length) return reading;
    reading.body = rest.substr(0, static_cast<size_t>(head.content_length));
    reading.consumed += reading.body.size();
    reading.end = Reading::End::taken;
    return reading;
  }
  ChunkedDecoder decoder({.extension_bytes = 256, .trailer_bytes = kHeaderBytes, .trailers = 64});
  for (;;) {
    const ChunkedDecoder::Step step = decoder.next(rest.data(), rest.size());
    rest.remove_prefix(step.consumed);
    reading.body += step.data;
    if (step.status == ChunkedDecoder::Status::data) continue;
    if (step.status == ChunkedDecoder::Status::need_more) return reading;
    if (step.status == ChunkedDecoder::Status::error) {
      reading.end = Reading::End::refused;
      reading.reason = decoder.reason();
      return reading;
    }
    break;
  }
  for (const roost_field& field : decoder.trailers()) reading.fields.emplace_back(text(field.name), text(field.value));
  reading.consumed = input.size() - rest.size();
  reading.end = Reading::End::taken;
  return reading;
}

std::vector<std::pair<std::string, std::string>> fields_of(
    const beast_http::request<beast_http::string_body>& message) {
  std::vector<std::pair<std::string, std::string>> fields;
  for (const auto& field : message) fields.emplace_back(field.name_string(), field.value());
  return fields;
}

Reading read_beast(std::string_view input) {
  beast_http::request_parser<beast_http::string_body> parser;
  parser.header_limit(kHeaderBytes);
  parser.body_limit(1 << 20);
  parser.eager(false);  // first the head alone
  Reading reading;
  std::string_view rest = input;
  while (!parser.is_done()) {
    boost::system::error_code error;
    const size_t used = parser.put(boost::asio::buffer(rest.data(), rest.size()), error);
    rest.remove_prefix(used);
    if (error == beast_http::error::need_more || (!error && used == 0)) {
      reading.end = Reading::End::incomplete;
      return reading;
    }
    if (error) {
      reading.reason = error.message();
      return reading;
    }
    if (parser.is_header_done() && !parser.eager()) {
      reading.head = fields_of(parser.get());
      parser.eager(true);
    }
  }
  reading.fields = fields_of(parser.get());
  const auto& message = parser.get();
  reading.end = Reading::End::taken;
  reading.method = std::string(message.method_string());
  reading.target = std::string(message.target());
  reading.version = message.version();
  reading.keep_alive = parser.keep_alive();
  reading.body = message.body();
  reading.consumed = input.size() - rest.size();
  return reading;
}

// What the rules look at.
struct Both {
  std::string_view input;
  const Reading& ours;
  const Reading& beast;

  size_t count(std::string_view name) const { return static_cast<size_t>(values(name).size()); }
  // In the head, as Beast reads it.
  std::vector<std::string> values(std::string_view name) const {
    std::vector<std::string> found;
    for (const auto& [field, value] : beast.head) {
      if (roost::http::equals_ignore_case(field, name)) found.push_back(value);
    }
    return found;
  }
  bool any(std::string_view name, bool (*holds)(std::string_view)) const {
    const auto all = values(name);
    return std::any_of(all.begin(), all.end(), holds);
  }
  bool has_any_case(std::string_view word) const {
    return std::search(input.begin(), input.end(), word.begin(), word.end(), [](char a, char b) {
             return roost::http::equals_ignore_case({&a, 1}, {&b, 1});
           }) != input.end();
  }
  bool has(std::string_view bytes) const { return input.find(bytes) != std::string_view::npos; }
};

bool is_plain_chunked(std::string_view value) {
  return roost::http::equals_ignore_case(value, "chunked");
}
bool starts_with_zero(std::string_view value) {
  return value.size() > 1 && value[0] == '0';
}
bool is_not_digits(std::string_view value) {
  return !roost::http::all_are(value, roost::http::kDigit);
}
bool is_above_int64(std::string_view value) {
  return value.size() >= 19;
}

struct Rule {
  const char* reason;       // of the one that refuses
  const char* explanation;  // why we are stricter, or more lenient
  bool (*holds)(const Both&);
};

// Beast takes it, we do not.
const Rule kStricter[] = {
    {"folded field line", "RFC 9112 section 5.2 deprecates folding: what one server unfolds another may not",
     [](const Both& b) { return b.has("\r\n ") || b.has("\r\n\t"); }},
    {"malformed trailer", "the same among trailers", [](const Both& b) { return b.has("\r\n ") || b.has("\r\n\t"); }},
    {"malformed request target", "fragments, raw bytes above ASCII, and forms that RFC 9112 section 3.2 does not have",
     [](const Both& b) {
       const std::string& target = b.beast.target;
       return target[0] != '/' || b.beast.method == "CONNECT" || target.find('#') != std::string::npos ||
              std::any_of(target.begin(), target.end(), [](char c) { return static_cast<uint8_t>(c) >= 0x7f; });
     }},
    {"no Host", "RFC 9112 section 3.2: HTTP/1.1 needs one",
     [](const Both& b) { return b.beast.version == 11 && b.count("host") == 0; }},
    {"repeated Host", "RFC 9112 section 3.2", [](const Both& b) { return b.count("host") > 1; }},
    {"malformed Host", "RFC 9112 section 3.2: its grammar is checked",
     [](const Both& b) { return b.count("host") > 0; }},
    {"method too long", "RFC 9112 section 3: longer than any that is known",
     [](const Both& b) { return b.beast.method.size() > 32; }},
    {"malformed method", "so long that it is none", [](const Both& b) { return b.beast.method.size() > 256; }},
    {"request target too long", "a limit", [](const Both& b) { return b.beast.target.size() > 1024; }},
    {"too many fields", "a limit", [](const Both& b) { return b.beast.fields.size() > 64; }},
    {"header section too large", "a limit", [](const Both& b) { return b.input.size() > kHeaderBytes; }},
    {"repeated Content-Length", "refused even when the values agree",
     [](const Both& b) { return b.count("content-length") > 1; }},
    {"malformed Content-Length", "lists are refused even when the values agree, and so is padding",
     [](const Both& b) { return b.any("content-length", is_not_digits) || b.count("content-length") > 0; }},
    {"Content-Length with leading zeros", "octal to some",
     [](const Both& b) { return b.any("content-length", starts_with_zero); }},
    {"Content-Length too large", "RFC 9110 section 8.6: beyond what a file can be",
     [](const Both& b) { return b.any("content-length", is_above_int64); }},
    {"repeated Content-Type", "RFC 9110 section 5.3", [](const Both& b) { return b.count("content-type") > 1; }},
    {"Transfer-Encoding in HTTP/1.0", "RFC 9112 section 6.1: faulty framing",
     [](const Both& b) { return b.beast.version == 10 && b.count("transfer-encoding") > 0; }},
    {"Content-Length with Transfer-Encoding", "Beast looks at chunked alone",
     [](const Both& b) { return b.count("content-length") > 0 && b.count("transfer-encoding") > 0; }},
    {"unknown transfer coding", "Beast takes such a request to have no body",
     [](const Both& b) {
       const auto all = b.values("transfer-encoding");
       return !std::all_of(all.begin(), all.end(), is_plain_chunked);
     }},
    {"malformed Transfer-Encoding", "Beast takes what it cannot read to be no chunked, and padding as usual",
     [](const Both& b) { return b.count("transfer-encoding") > 0; }},
    {"chunked is not the one final transfer coding", "RFC 9112 section 6.3; Beast takes it to be no chunked",
     [](const Both& b) { return b.count("transfer-encoding") > 0; }},
    {"malformed chunk extension", "Beast allows white space around the semicolon (RFC 9112 section 7.1.1, BWS)",
     [](const Both& b) {
       return b.has(" ;") || b.has("\t;") || b.has("; ") || b.has(";\t") || b.has("=") || b.has(";");
     }},
    {"malformed chunk size", "Beast allows white space behind the size, before an extension",
     [](const Both& b) { return b.has(" ;") || b.has("\t;") || b.has(" \r\n") || b.has("\t\r\n"); }},
    {"chunk extensions too large", "a limit", [](const Both& b) { return b.input.size() > 256; }},
    {"chunk size too large", "more than fifteen digits, even when they are zeros",
     [](const Both& b) { return b.input.size() > 16; }},
    {"trailers too large", "a limit", [](const Both& b) { return b.input.size() > kHeaderBytes; }},
    {"too many trailers", "a limit", [](const Both& b) { return b.beast.fields.size() > 64; }},
    {"a field that trailers must not have", "RFC 9110 section 6.5.1",
     [](const Both& b) {
       for (const char* name :
            {"host", "authorization", "content-type", "content-encoding", "content-length", "transfer-encoding"}) {
         if (b.has_any_case(name)) return true;
       }
       return false;
     }},
};

// We take it, Beast does not; reason: Beast's.
const Rule kMoreLenient[] = {
    {"bad method", "one empty line before a request is tolerated (RFC 9112 section 2.2)",
     [](const Both& b) { return b.input.substr(0, 2) == "\r\n"; }},
    {"bad value",
     "what is no list of tokens in Connection names no option (RFC 9110 section 7.6.1); Beast refuses it, in "
     "Proxy-Connection and among trailers, too",
     [](const Both& b) { return b.has_any_case("connection"); }},
};

// Both take it, and yet see another value.
bool same_persistence(const Both& both) {
  if (both.ours.keep_alive == both.beast.keep_alive) return true;
  // Beast reads Proxy-Connection like Connection, also among trailers; and in HTTP/1.0 keep-alive wins over close.
  return both.has_any_case("proxy-connection") || (both.ours.version == 10 && !both.ours.keep_alive) ||
         both.ours.fields.size() != both.beast.fields.size();
}

bool same_fields(const Both& both) {
  // Trailers that mean nothing there are left out by us.
  auto next = both.beast.fields.begin();
  for (const auto& field : both.ours.fields) {
    while (next != both.beast.fields.end() && *next != field) ++next;
    if (next == both.beast.fields.end()) return false;
    ++next;
  }
  return true;
}

[[noreturn]] void differ(const char* what, const Both& both) {
  std::fprintf(stderr, "%s\n  ours: %d %s\n  Beast: %d %s\n", what, static_cast<int>(both.ours.end),
               both.ours.reason.c_str(), static_cast<int>(both.beast.end), both.beast.reason.c_str());
  std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const Reading ours = read_ours(input), beast = read_beast(input);
  const Both both{input, ours, beast};
  if (ours.end == Reading::End::taken && beast.end == Reading::End::taken) {
    if (ours.method != beast.method || ours.target != beast.target || ours.version != beast.version) {
      differ("another request line", both);
    }
    if (ours.body != beast.body) differ("another body", both);
    if (ours.consumed != beast.consumed) differ("another end", both);
    // Beast keeps fields of one name together: compared in any order.
    Reading sorted_ours = ours, sorted_beast = beast;
    std::sort(sorted_ours.fields.begin(), sorted_ours.fields.end());
    std::sort(sorted_beast.fields.begin(), sorted_beast.fields.end());
    if (!same_fields({input, sorted_ours, sorted_beast})) differ("other fields", both);
    if (!same_persistence(both)) differ("another end of the connection", both);
  } else if (beast.end == Reading::End::taken) {
    if (ours.end == Reading::End::incomplete) differ("Beast takes what is incomplete to us", both);
    for (const Rule& rule : kStricter) {
      if (ours.reason == rule.reason && rule.holds(both)) return 0;
    }
    differ("no rule says why this is refused", both);
  } else if (ours.end == Reading::End::taken) {
    for (const Rule& rule : kMoreLenient) {
      if (beast.reason == rule.reason && rule.holds(both)) return 0;
    }
    differ("no rule says why this is taken", both);
  }
  return 0;
}
