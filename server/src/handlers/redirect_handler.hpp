// `redirect:` routes. The target may name parameters of the route: "/new/:id", "https://example.com/*rest"; they are
// percent-encoded as they are put in, so that no value can leave its place. The request's query is kept. Immutable; any
// thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "handlers/handler.hpp"

namespace roost::handlers {

class RedirectHandler : public Handler {
 public:
  // status 0: 308. Throws std::invalid_argument for a status other than 301, 302, 303, 307, 308 and for a target with
  // control characters or spaces.
  RedirectHandler(std::string target, uint16_t status);

  void handle(http::Exchange& exchange) noexcept override;
  std::string describe() const override;

  // What the target names, so that a route that lacks one is refused at start: "id"; the remainder is "*" or its name.
  std::vector<std::string> parameters() const;

  // The Location for a request with these parameters. A parameter that is missing stays empty.
  std::string location(const roost_field* params, size_t count, std::string_view query, bool has_query) const;

 private:
  struct Part {
    enum class Kind : uint8_t { text, segment, remainder } kind;
    std::string text;  // literal, or the parameter's name
  };

  const std::string target_;
  const uint16_t status_;
  std::vector<Part> parts_;
};

}  // namespace roost::handlers
