#include "dispatch/dispatcher.hpp"

#include <string>

namespace roost::dispatch {
namespace {

using http::str;
using http::view;

void respond(http::Exchange& exchange, uint16_t status, const roost_field* fields, size_t count,
             std::string_view body = {}) {
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = status;
  response.headers = fields;
  response.header_count = count;
  response.body = str(body);
  response.file = -1;
  exchange.respond(response);
}

constexpr std::string_view kPlain = "text/plain; charset=utf-8";

}  // namespace

Dispatcher::Dispatcher(const Site& site) : site_(site) {}

void Dispatcher::match(Transaction& transaction, routing::MatchBuffer& buffer, MatchCache& cache) const noexcept {
  http::Request& request = transaction.request_;
  transaction.entered_ = 0;
  const bool cacheable = request.path.size != 0;
  if (cacheable) {
    const uint32_t number = cache.find(view(request.method), view(request.authority), view(request.path));
    if (number != MatchCache::kNone) {
      buffer.clear();
      const Route& route = site_.routes()[number];
      transaction.outcome_ = routing::Outcome::found;
      transaction.route_ = &route;
      transaction.chain_ = &route.chain;
      request.route = number;
      request.user = route.user;
      return;
    }
  }
  const routing::Match match =
      site_.table().match(view(request.authority), view(request.path), view(request.method), buffer);
  transaction.outcome_ = match.outcome;
  if (match.outcome == routing::Outcome::found) {
    const Route& route = site_.routes()[match.route];
    transaction.route_ = &route;
    transaction.chain_ = &route.chain;
    request.route = match.route;
    request.user = route.user;
    request.params = buffer.params.data();
    request.param_count = buffer.params.size();
    if (cacheable && buffer.params.empty()) {
      cache.put(view(request.method), view(request.authority), view(request.path), match.route);
    }
    return;
  }
  transaction.route_ = nullptr;
  transaction.chain_ = &site_.unmatched_chain();
  transaction.allow_ = match.allow;
}

bool Dispatcher::may_outlive(const Transaction& transaction) const noexcept {
  const Route* const route = transaction.route_;
  if (route != nullptr) return (route->handler->flags() & ROOST_HANDLER_IMMEDIATE) == 0 || route->chain_may_defer;
  for (const middleware::Middleware* link : *transaction.chain_) {
    if (link->may_defer()) return true;
  }
  return false;
}

void Dispatcher::begin(Transaction& transaction) const noexcept {
  if (transaction.chain_->empty()) {
    call_handler(transaction);
    return;
  }
  transaction.contexts_.assign(transaction.chain_->size(), nullptr);
  continue_chain(transaction);
}

void Dispatcher::continue_chain(Transaction& transaction) const noexcept {
  using Hold = Transaction::Hold;
  const auto& chain = *transaction.chain_;
  while (transaction.entered_ < chain.size()) {
    const size_t link = transaction.entered_++;
    transaction.hold_.store(Hold::running, std::memory_order_relaxed);
    switch (chain[link]->before(transaction, transaction.contexts_[link])) {
      case ROOST_CONTINUE:
        if (transaction.answered()) return;
        break;
      case ROOST_LATER: {
        Hold expected = Hold::running;
        if (transaction.hold_.compare_exchange_strong(expected, Hold::later, std::memory_order_acq_rel)) return;
        break;  // it said resume() before it returned
      }
      case ROOST_RESPOND:
      default:
        if (!transaction.answered()) transaction.fail("middleware said that it answered, and did not");
        return;
    }
  }
  transaction.hold_.store(Hold::none, std::memory_order_relaxed);
  call_handler(transaction);
}

bool Dispatcher::resume(Transaction& transaction) noexcept {
  using Hold = Transaction::Hold;
  Hold expected = Hold::running;
  return !transaction.hold_.compare_exchange_strong(expected, Hold::resumed, std::memory_order_acq_rel);
}

void Dispatcher::require_upgrade(Transaction& transaction) {
  const roost_field fields[] = {{str("Upgrade"), str("websocket")},
                                {str("Sec-WebSocket-Version"), str("13")},
                                {str("Content-Type"), str(kPlain)}};
  respond(transaction, 426, fields, 3, "Upgrade Required\n");
}

void Dispatcher::call_handler(Transaction& transaction) const noexcept {
  if (transaction.route_ == nullptr) {
    answer_unmatched(transaction);
    return;
  }
  handlers::Handler& handler = *transaction.route_->handler;
  const uint32_t flags = handler.flags();
  if ((flags & (ROOST_HANDLER_BLOCKING | ROOST_HANDLER_WEBSOCKET)) == 0) {
    handler.handle(transaction);
    return;
  }
  if ((flags & ROOST_HANDLER_WEBSOCKET) != 0) {
    const uint16_t refused = transaction.check_websocket();
    if (refused == 426) {
      require_upgrade(transaction);
      return;
    }
    if (refused != 0) {
      transaction.respond_status(refused);
      return;
    }
  }
  if ((flags & ROOST_HANDLER_BLOCKING) == 0) {
    handler.handle(transaction);
  } else if (!transaction.submit_handler()) {
    transaction.respond_status(503);
  }
}

void Dispatcher::run_handler(Transaction& transaction) noexcept {
  transaction.route_->handler->handle(transaction);
}

void Dispatcher::answer_unmatched(Transaction& transaction) const noexcept {
  const http::Request& request = transaction.request();
  switch (transaction.outcome_) {
    case routing::Outcome::bad_path:
      if (view(request.path) == "*") {  // OPTIONS *: the server as a whole
        respond(transaction, 204, nullptr, 0);
      } else {
        transaction.respond_status(400);
      }
      return;
    case routing::Outcome::add_slash: {
      std::string location(view(request.path));
      // "//host/" would be another site's address (RFC 3986 section 4.2).
      const size_t first = location.find_first_not_of('/');
      if (first != std::string::npos && first > 1) location.erase(1, first - 1);
      location += '/';
      if (request.query.data != nullptr) location.append("?").append(view(request.query));
      const roost_field fields[] = {{str("Location"), str(location)}};
      respond(transaction, 308, fields, 1);
      return;
    }
    case routing::Outcome::method_not_allowed: {
      const roost_field fields[] = {{str("Allow"), str(transaction.allow_)}, {str("Content-Type"), str(kPlain)}};
      if (view(request.method) == "OPTIONS") {
        respond(transaction, 204, fields, 1);
      } else {
        respond(transaction, 405, fields, 2, "Method Not Allowed\n");
      }
      return;
    }
    case routing::Outcome::not_found:
    case routing::Outcome::found:
      transaction.respond_status(404);
      return;
  }
}

void Dispatcher::after(Transaction& transaction, http::ResponseHead& head) noexcept {
  for (size_t i = transaction.entered_; i-- > 0;) {
    (*transaction.chain_)[i]->after(transaction, head, transaction.contexts_[i]);
  }
}

void Dispatcher::finish(Transaction& transaction) noexcept {
  for (size_t i = transaction.entered_; i-- > 0;) (*transaction.chain_)[i]->finish(transaction.contexts_[i]);
  transaction.entered_ = 0;
  transaction.route_ = nullptr;
  transaction.chain_ = nullptr;
}

}  // namespace roost::dispatch
