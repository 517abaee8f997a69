// A middleware that is bound to paths and methods, around those routes of which only some requests are meant: a
// middleware for "/private/*" and a directory on "/". Paths are matched as RouteTable matches them. Immutable; any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "middleware/middleware.hpp"
#include "routing/route_table.hpp"

namespace roost::middleware {

class ScopedMiddleware : public Middleware {
 public:
  // paths, methods: empty means all; GET includes HEAD. inner must outlive this. Throws std::invalid_argument for a
  // malformed path.
  ScopedMiddleware(Middleware& inner, const std::vector<std::string>& paths, std::vector<std::string> methods);

  roost_decision before(http::Exchange& exchange, void*& context) noexcept override;
  void after(http::Exchange& exchange, http::ResponseHead& head, void* context) noexcept override;
  void finish(void* context) noexcept override;
  bool may_defer() const override { return inner_.may_defer(); }

  // path: raw.
  bool applies(std::string_view path, std::string_view method) const noexcept;

 private:
  Middleware& inner_;
  const bool everywhere_;
  routing::RouteTable paths_;
  const std::vector<std::string> methods_;
};

// Whether a middleware for `methods` (empty: all) runs for `method`.
bool includes_method(const std::vector<std::string>& methods, std::string_view method);

}  // namespace roost::middleware
