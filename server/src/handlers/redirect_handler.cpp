#include "handlers/redirect_handler.hpp"

#include <stdexcept>
#include <utility>

#include "http/characters.hpp"
#include "http/target.hpp"

namespace roost::handlers {
namespace {

bool is_name_char(char c) {
  return c == '_' || (http::is(c, http::kUnreserved) && c != '-' && c != '.' && c != '~');
}

std::string_view find_param(const roost_field* params, size_t count, std::string_view name) {
  for (size_t i = 0; i < count; ++i) {
    if (http::view(params[i].name) == name) return http::view(params[i].value);
  }
  return {};
}

// The remainder keeps its slashes but no leading ones: "/*rest" must not become "//other.example".
void encode_remainder(std::string_view text, std::string& out) {
  while (!text.empty() && text.front() == '/') text.remove_prefix(1);
  for (;;) {
    const size_t slash = text.find('/');
    http::percent_encode(text.substr(0, slash), out);
    if (slash == std::string_view::npos) return;
    out += '/';
    text.remove_prefix(slash + 1);
  }
}

}  // namespace

RedirectHandler::RedirectHandler(std::string target, uint16_t status)
    : Handler(ROOST_HANDLER_IMMEDIATE), target_(std::move(target)), status_(status == 0 ? 308 : status) {
  if (status_ != 301 && status_ != 302 && status_ != 303 && status_ != 307 && status_ != 308) {
    throw std::invalid_argument("status must be 301, 302, 303, 307 or 308");
  }
  if (target_.empty()) throw std::invalid_argument("empty target");
  for (char c : target_) {
    if (static_cast<uint8_t>(c) <= 0x20 || static_cast<uint8_t>(c) >= 0x7f) {
      throw std::invalid_argument("a target is visible ASCII: percent-encode what is not");
    }
  }
  Part text{Part::Kind::text, ""};
  for (size_t i = 0; i < target_.size();) {
    // A parameter begins a segment or a query value; elsewhere ':' is a scheme's or a port's.
    const bool begins = i > 0 && (target_[i - 1] == '/' || target_[i - 1] == '=');
    size_t stop = i + 1;
    while (stop < target_.size() && is_name_char(target_[stop])) ++stop;
    const bool segment = begins && target_[i] == ':' && stop > i + 1;
    const bool remainder = begins && target_[i] == '*' && (stop == target_.size() || target_[stop] == '?');
    if (!segment && !remainder) {
      text.text += target_[i++];
      continue;
    }
    if (!text.text.empty()) parts_.push_back(std::exchange(text, {Part::Kind::text, ""}));
    std::string name = target_.substr(i + 1, stop - i - 1);
    if (remainder && name.empty()) name = "*";
    parts_.push_back({segment ? Part::Kind::segment : Part::Kind::remainder, std::move(name)});
    i = stop;
  }
  if (!text.text.empty()) parts_.push_back(std::move(text));
}

std::vector<std::string> RedirectHandler::parameters() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) {
    if (part.kind != Part::Kind::text) names.push_back(part.text);
  }
  return names;
}

std::string RedirectHandler::location(const roost_field* params, size_t count, std::string_view query,
                                      bool has_query) const {
  std::string out;
  for (const Part& part : parts_) {
    switch (part.kind) {
      case Part::Kind::text:
        out += part.text;
        break;
      case Part::Kind::segment:
        http::percent_encode(find_param(params, count, part.text), out);
        break;
      case Part::Kind::remainder:
        encode_remainder(find_param(params, count, part.text), out);
        break;
    }
  }
  if (!has_query) return out;
  const size_t fragment = out.find('#');
  std::string tail = fragment == std::string::npos ? std::string() : out.substr(fragment);
  if (fragment != std::string::npos) out.resize(fragment);
  out += out.find('?') == std::string::npos ? '?' : '&';
  out += query;
  return out + tail;
}

void RedirectHandler::handle(http::Exchange& exchange) noexcept {
  const http::Request& request = exchange.request();
  const std::string to =
      location(request.params, request.param_count, http::view(request.query), request.query.data != nullptr);
  const roost_field field = {http::str("Location"), http::str(to)};
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = status_;
  response.headers = &field;
  response.header_count = 1;
  response.file = -1;
  exchange.respond(response);
}

std::string RedirectHandler::describe() const {
  return "redirect " + target_;
}

}  // namespace roost::handlers
