// A middleware that lives in a plugin. Immutable; any thread.
#pragma once

#include <string>
#include <utility>

#include "middleware/middleware.hpp"

namespace roost::middleware {

class PluginMiddleware final : public Middleware {
 public:
  // middleware: its functions and self must outlive this; plugins are never unloaded while they serve.
  PluginMiddleware(std::string name, const roost_middleware& middleware)
      : Middleware(std::move(name)), middleware_(middleware) {}

  roost_decision before(http::Exchange& exchange, void*& context) noexcept override {
    if (middleware_.before == nullptr) return ROOST_CONTINUE;
    return middleware_.before(middleware_.self, &exchange.request(), &exchange, &context);
  }
  void after(http::Exchange& exchange, http::ResponseHead& head, void* context) noexcept override {
    if (middleware_.after != nullptr) middleware_.after(middleware_.self, &exchange.request(), &head, context);
  }
  void finish(void* context) noexcept override {
    if (middleware_.finish != nullptr) middleware_.finish(middleware_.self, context);
  }
  bool may_defer() const override {
    return middleware_.before != nullptr && (middleware_.flags & ROOST_HANDLER_IMMEDIATE) == 0;
  }

 private:
  const roost_middleware middleware_;
};

}  // namespace roost::middleware
