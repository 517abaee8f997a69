#include "middleware/response_fields.hpp"

#include <stdexcept>

namespace roost::middleware {

namespace {

void check(const ResponseFields::Fields& fields) {
  http::ResponseHead head;
  for (const auto& [name, value] : fields) {
    if (head.add(name, value) == ROOST_OK) continue;
    throw std::invalid_argument("the header \"" + name + ": " + value + "\" is none that HTTP allows");
  }
}

}  // namespace

ResponseFields::ResponseFields(Fields added, Fields defaults, const std::vector<std::string>& excluded)
    : Middleware("response headers"),
      added_(std::move(added)),
      defaults_(std::move(defaults)),
      everywhere_(excluded.empty()) {
  check(added_);
  check(defaults_);
  for (const std::string& path : excluded) {
    try {
      excluded_.add({.host = {}, .path = path, .methods = {}, .route = 0});
    } catch (const routing::RouteTaken&) {
      // The same pattern twice means no more than once.
    }
  }
  excluded_.freeze();
}

void ResponseFields::after(http::Exchange& exchange, http::ResponseHead& head, void*) noexcept {
  const http::Request& request = exchange.request();
  thread_local routing::MatchBuffer buffer;
  if (!everywhere_ &&
      excluded_.match({}, request.path_view(), request.method_view(), buffer).outcome == routing::Outcome::found) {
    return;
  }
  for (const auto& [name, value] : defaults_) {
    if (head.get(name) == nullptr) head.set(name, value);
  }
  for (const auto& [name, value] : added_) head.add(name, value);
}

}  // namespace roost::middleware
