#include "middleware/scoped_middleware.hpp"

#include <algorithm>
#include <stdexcept>

namespace roost::middleware {

namespace {

// The context of a request that the inner middleware never saw; no middleware can have this address as its own.
char skipped;

}  // namespace

bool includes_method(const std::vector<std::string>& methods, std::string_view method) {
  if (methods.empty()) return true;
  const auto has = [&](std::string_view name) {
    return std::find(methods.begin(), methods.end(), name) != methods.end();
  };
  return has(method) || (method == "HEAD" && has("GET"));
}

ScopedMiddleware::ScopedMiddleware(Middleware& inner, const std::vector<std::string>& paths,
                                   std::vector<std::string> methods)
    : Middleware(inner.name()), inner_(inner), everywhere_(paths.empty()), methods_(std::move(methods)) {
  for (const std::string& path : paths) {
    try {
      paths_.add({.host = {}, .path = path, .methods = {}, .route = 0});
    } catch (const routing::RouteTaken&) {
      // The same path twice means no more than once.
    }
  }
  paths_.freeze();
}

bool ScopedMiddleware::applies(std::string_view path, std::string_view method) const noexcept {
  if (!includes_method(methods_, method)) return false;
  if (everywhere_) return true;
  thread_local routing::MatchBuffer buffer;
  return paths_.match({}, path, method, buffer).outcome == routing::Outcome::found;
}

roost_decision ScopedMiddleware::before(http::Exchange& exchange, void*& context) noexcept {
  const http::Request& request = exchange.request();
  if (!applies(request.path_view(), request.method_view())) {
    context = &skipped;
    return ROOST_CONTINUE;
  }
  return inner_.before(exchange, context);
}

void ScopedMiddleware::after(http::Exchange& exchange, http::ResponseHead& head, void* context) noexcept {
  if (context != &skipped) inner_.after(exchange, head, context);
}

void ScopedMiddleware::finish(void* context) noexcept {
  if (context != &skipped) inner_.finish(context);
}

}  // namespace roost::middleware
