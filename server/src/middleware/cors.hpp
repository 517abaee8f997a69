// Cross-origin resource sharing, as the Fetch standard (section 3.2) defines it: answers preflights, and tells browsers
// which origins may read responses. Immutable; any thread.
#pragma once

#include <string>
#include <string_view>

#include "config/config.hpp"
#include "middleware/middleware.hpp"

namespace roost::middleware {

class Cors : public Middleware {
 public:
  Cors(std::string name, const config::Cors& config);

  // Answers a preflight with 204, whether its origin is allowed or not: without the fields a browser refuses.
  roost_decision before(http::Exchange& exchange, void*& context) noexcept override;
  // Adds Access-Control-Allow-Origin (the origin itself, or "*" only where all are allowed and no credentials),
  // -Allow-Credentials, -Expose-Headers, and Vary: Origin where the answer depends on it.
  void after(http::Exchange& exchange, http::ResponseHead& head, void* context) noexcept override;

 private:
  bool allows(std::string_view origin) const;
  void answer_preflight(http::Exchange& exchange, std::string_view method) const noexcept;

  const config::Cors config_;
  const bool any_origin_;
  const bool constant_;  // the answer is "*" whatever the origin
  const std::string methods_, headers_, expose_headers_, max_age_;
};

}  // namespace roost::middleware
