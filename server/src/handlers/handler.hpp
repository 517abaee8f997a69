// What a route ends in. Built in the prototype, immutable afterwards, shared by all I/O threads of a worker.
#pragma once

#include <cstdint>
#include <string>

#include "http/exchange.hpp"

namespace roost::handlers {

class Handler {
 public:
  // flags: ROOST_HANDLER_*
  explicit Handler(uint32_t flags) : flags_(flags) {}
  virtual ~Handler() = default;
  Handler(const Handler&) = delete;
  Handler& operator=(const Handler&) = delete;

  // Answers the exchange, now or later, exactly once. Runs where flags() says.
  virtual void handle(http::Exchange& exchange) noexcept = 0;

  // For `roost routes` and the start-up lines: "plugin hello.greet", "directory /srv/www".
  virtual std::string describe() const = 0;

  uint32_t flags() const { return flags_; }

 private:
  const uint32_t flags_;
};

}  // namespace roost::handlers
