// `respond:` routes: the same short response to every request. Immutable; any thread.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "handlers/handler.hpp"

namespace roost::handlers {

class FixedResponseHandler : public Handler {
 public:
  // status 0: 200. Without a Content-Type among headers a body that is not empty gets "text/plain; charset=utf-8".
  // Throws std::invalid_argument for a status outside 200 .. 599 and for a header that cannot be sent.
  FixedResponseHandler(uint16_t status, std::string body, std::vector<std::pair<std::string, std::string>> headers);

  void handle(http::Exchange& exchange) noexcept override;
  std::string describe() const override;

 private:
  const uint16_t status_;
  const std::string body_;
  std::vector<std::pair<std::string, std::string>> headers_;
  std::vector<roost_field> fields_;  // views of headers_
};

}  // namespace roost::handlers
