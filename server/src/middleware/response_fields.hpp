// Header fields that every response of a route is given: one more of a name, or one where it has none. For routes whose
// handler is the server's own, such as the directories of an application. Immutable; any thread.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "middleware/middleware.hpp"
#include "routing/route_table.hpp"

namespace roost::middleware {

class ResponseFields : public Middleware {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  // added: one more each; defaults: where there is none of that name. excluded: patterns of paths whose responses get
  // neither. Throws std::invalid_argument for a field that HTTP does not allow, or a malformed pattern.
  ResponseFields(Fields added, Fields defaults, const std::vector<std::string>& excluded);

  void after(http::Exchange& exchange, http::ResponseHead& head, void* context) noexcept override;

 private:
  const Fields added_, defaults_;
  const bool everywhere_;
  routing::RouteTable excluded_;
};

}  // namespace roost::middleware
