#include "middleware/middleware.hpp"

namespace roost::middleware {

roost_decision Middleware::before(http::Exchange&, void*&) noexcept {
  return ROOST_CONTINUE;
}

void Middleware::after(http::Exchange&, http::ResponseHead&, void*) noexcept {}

void Middleware::finish(void*) noexcept {}

}  // namespace roost::middleware
