// One link of the chain around a handler. Built in the prototype, immutable afterwards, shared by all I/O threads.
#pragma once

#include <string>

#include "http/exchange.hpp"
#include "http/response_head.hpp"

namespace roost::middleware {

class Middleware {
 public:
  explicit Middleware(std::string name) : name_(std::move(name)) {}
  virtual ~Middleware() = default;
  Middleware(const Middleware&) = delete;
  Middleware& operator=(const Middleware&) = delete;

  // Before the handler, on the I/O thread. context starts as nullptr and is handed to the other two.
  virtual roost_decision before(http::Exchange& exchange, void*& context) noexcept;

  // Before the head of the response leaves, innermost first, on the thread that answers. Not for the 101 of a
  // WebSocket's handshake: what it says is agreed on between the client and the handler. What refuses one is a response
  // like others.
  virtual void after(http::Exchange& exchange, http::ResponseHead& head, void* context) noexcept;

  // When the exchange is over, on any thread.
  virtual void finish(void* context) noexcept;

  // False when before() never answers ROOST_LATER: requests then need not be copied for it.
  virtual bool may_defer() const { return false; }

  const std::string& name() const { return name_; }

 private:
  const std::string name_;
};

}  // namespace roost::middleware
