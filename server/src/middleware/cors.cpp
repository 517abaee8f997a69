#include "middleware/cors.hpp"

#include <algorithm>

#include "http/characters.hpp"
#include "http/field_lookup.hpp"

namespace roost::middleware {
namespace {

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) {
    if (!out.empty()) out += ", ";
    out += item;
  }
  return out;
}

// A comma-separated list of tokens, as browsers ask for headers; anything else is not echoed.
bool is_token_list(std::string_view list) {
  return !list.empty() &&
         http::each_list_element(list, [](std::string_view token) { return http::all_are(token, http::kTokenChar); });
}

void add_vary(http::ResponseHead& head, std::string_view name) {
  const std::string* vary = head.get("Vary");
  if (vary == nullptr) {
    head.add("Vary", name);
  } else if (!http::list_has(*vary, name) && !http::list_has(*vary, "*")) {
    head.set("Vary", *vary + ", " + std::string(name));
  }
}

}  // namespace

Cors::Cors(std::string name, const config::Cors& config)
    : Middleware(std::move(name)),
      config_(config),
      any_origin_(std::find(config.origins.begin(), config.origins.end(), "*") != config.origins.end()),
      constant_(any_origin_ && !config.credentials),
      methods_(join(config.methods)),
      headers_(join(config.headers)),
      expose_headers_(join(config.expose_headers)),
      max_age_(std::to_string(config.max_age.count())) {}

bool Cors::allows(std::string_view origin) const {
  for (const std::string& allowed : config_.origins) {
    if (http::equals_ignore_case(allowed, origin)) return true;
  }
  // "null" is what sandboxed documents of any site send: never allowed by "*" where credentials are.
  return any_origin_ && (constant_ || origin != "null");
}

roost_decision Cors::before(http::Exchange& exchange, void*&) noexcept {
  if (exchange.request().method_view() != "OPTIONS") return ROOST_CONTINUE;
  const std::string_view method = exchange.header("access-control-request-method");
  if (method.data() == nullptr || exchange.header("origin").data() == nullptr) return ROOST_CONTINUE;
  answer_preflight(exchange, method);
  return ROOST_RESPOND;
}

void Cors::answer_preflight(http::Exchange& exchange, std::string_view method) const noexcept {
  roost_field fields[4];
  size_t count = 0;
  auto add = [&fields, &count](std::string_view name, std::string_view value) {
    fields[count++] = {http::str(name), http::str(value)};
  };
  add("Vary", "Access-Control-Request-Method, Access-Control-Request-Headers");
  if (allows(exchange.header("origin"))) {
    const std::string_view asked = exchange.header("access-control-request-headers");
    if (!methods_.empty()) {
      add("Access-Control-Allow-Methods", methods_);
    } else if (http::all_are(method, http::kTokenChar)) {
      add("Access-Control-Allow-Methods", method);
    }
    if (!headers_.empty()) {
      add("Access-Control-Allow-Headers", headers_);
    } else if (is_token_list(asked)) {
      add("Access-Control-Allow-Headers", asked);
    }
    add("Access-Control-Max-Age", max_age_);
  }
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = 204;
  response.headers = fields;
  response.header_count = count;
  response.file = -1;
  exchange.respond(response);
}

void Cors::after(http::Exchange& exchange, http::ResponseHead& head, void*) noexcept {
  if (!constant_) add_vary(head, "Origin");
  const std::string_view origin = exchange.header("origin");
  if (origin.data() == nullptr || !allows(origin)) return;
  head.set("Access-Control-Allow-Origin", constant_ ? std::string_view("*") : origin);
  if (config_.credentials) head.set("Access-Control-Allow-Credentials", "true");
  if (!expose_headers_.empty()) head.set("Access-Control-Expose-Headers", expose_headers_);
}

}  // namespace roost::middleware
