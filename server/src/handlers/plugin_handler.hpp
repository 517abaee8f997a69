// A handler that lives in a plugin. Its flags say how it is called. Immutable; any thread.
#pragma once

#include <string>
#include <utility>

#include "handlers/handler.hpp"

namespace roost::handlers {

class PluginHandler final : public Handler {
 public:
  // handler: its function and self must outlive this; plugins are never unloaded while they serve.
  PluginHandler(const roost_handler& handler, std::string description)
      : Handler(handler.flags), handle_(handler.handle), self_(handler.self), description_(std::move(description)) {}

  void handle(http::Exchange& exchange) noexcept override {
    // ROOST_ERROR follows fail(), which has answered already.
    handle_(self_, &exchange.request(), &exchange);
  }
  std::string describe() const override { return description_; }

 private:
  const roost_handle_fn handle_;
  void* const self_;
  const std::string description_;
};

}  // namespace roost::handlers
