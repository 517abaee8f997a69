#include "http/status.hpp"

#include <array>

namespace roost::http {
namespace {

struct Entry {
  std::string_view line, phrase;
};

constexpr uint16_t kFirst = 100, kLast = 511;

constexpr std::array<Entry, kLast - kFirst + 1> make_table() {
  std::array<Entry, kLast - kFirst + 1> table{};
#define ROOST_STATUS(code, phrase) table[code - kFirst] = {"HTTP/1.1 " #code " " phrase "\r\n", phrase}
  ROOST_STATUS(100, "Continue");
  ROOST_STATUS(101, "Switching Protocols");
  ROOST_STATUS(102, "Processing");
  ROOST_STATUS(103, "Early Hints");
  ROOST_STATUS(200, "OK");
  ROOST_STATUS(201, "Created");
  ROOST_STATUS(202, "Accepted");
  ROOST_STATUS(203, "Non-Authoritative Information");
  ROOST_STATUS(204, "No Content");
  ROOST_STATUS(205, "Reset Content");
  ROOST_STATUS(206, "Partial Content");
  ROOST_STATUS(207, "Multi-Status");
  ROOST_STATUS(208, "Already Reported");
  ROOST_STATUS(226, "IM Used");
  ROOST_STATUS(300, "Multiple Choices");
  ROOST_STATUS(301, "Moved Permanently");
  ROOST_STATUS(302, "Found");
  ROOST_STATUS(303, "See Other");
  ROOST_STATUS(304, "Not Modified");
  ROOST_STATUS(305, "Use Proxy");
  ROOST_STATUS(307, "Temporary Redirect");
  ROOST_STATUS(308, "Permanent Redirect");
  ROOST_STATUS(400, "Bad Request");
  ROOST_STATUS(401, "Unauthorized");
  ROOST_STATUS(402, "Payment Required");
  ROOST_STATUS(403, "Forbidden");
  ROOST_STATUS(404, "Not Found");
  ROOST_STATUS(405, "Method Not Allowed");
  ROOST_STATUS(406, "Not Acceptable");
  ROOST_STATUS(407, "Proxy Authentication Required");
  ROOST_STATUS(408, "Request Timeout");
  ROOST_STATUS(409, "Conflict");
  ROOST_STATUS(410, "Gone");
  ROOST_STATUS(411, "Length Required");
  ROOST_STATUS(412, "Precondition Failed");
  ROOST_STATUS(413, "Content Too Large");
  ROOST_STATUS(414, "URI Too Long");
  ROOST_STATUS(415, "Unsupported Media Type");
  ROOST_STATUS(416, "Range Not Satisfiable");
  ROOST_STATUS(417, "Expectation Failed");
  ROOST_STATUS(418, "I'm a teapot");
  ROOST_STATUS(421, "Misdirected Request");
  ROOST_STATUS(422, "Unprocessable Content");
  ROOST_STATUS(423, "Locked");
  ROOST_STATUS(424, "Failed Dependency");
  ROOST_STATUS(425, "Too Early");
  ROOST_STATUS(426, "Upgrade Required");
  ROOST_STATUS(428, "Precondition Required");
  ROOST_STATUS(429, "Too Many Requests");
  ROOST_STATUS(431, "Request Header Fields Too Large");
  ROOST_STATUS(451, "Unavailable For Legal Reasons");
  ROOST_STATUS(500, "Internal Server Error");
  ROOST_STATUS(501, "Not Implemented");
  ROOST_STATUS(502, "Bad Gateway");
  ROOST_STATUS(503, "Service Unavailable");
  ROOST_STATUS(504, "Gateway Timeout");
  ROOST_STATUS(505, "HTTP Version Not Supported");
  ROOST_STATUS(506, "Variant Also Negotiates");
  ROOST_STATUS(507, "Insufficient Storage");
  ROOST_STATUS(508, "Loop Detected");
  ROOST_STATUS(511, "Network Authentication Required");
#undef ROOST_STATUS
  return table;
}

constexpr auto kTable = make_table();

}  // namespace

std::string_view reason_phrase(uint16_t status) noexcept {
  if (status < kFirst || status > kLast || kTable[status - kFirst].phrase.empty()) return "Unknown";
  return kTable[status - kFirst].phrase;
}

std::string_view status_line(uint16_t status) noexcept {
  if (status < kFirst || status > kLast) return {};
  return kTable[status - kFirst].line;
}

}  // namespace roost::http
