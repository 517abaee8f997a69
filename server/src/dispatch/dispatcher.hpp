// The one way through for every request: match -> middleware -> handler -> response. Immutable; shared by all I/O
// threads. What a request needs on its way is kept in its Transaction.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dispatch/match_cache.hpp"
#include "dispatch/site.hpp"
#include "http/exchange.hpp"
#include "http/response_head.hpp"
#include "routing/route_table.hpp"

namespace roost::dispatch {

class Dispatcher;

// An exchange with the state of its way through. net/ derives from it.
class Transaction : public http::Exchange {
 public:
  // Set by match(); nullptr when no route takes the request.
  const Route* route() const { return route_; }
  bool has_chain() const { return !chain_->empty(); }

 protected:
  ~Transaction() override = default;

  // Whether a response was begun, or the server gave one in its place.
  virtual bool answered() const noexcept = 0;
  // Has Dispatcher::run_handler() called on the worker's pool. False when the pool is full.
  virtual bool submit_handler() noexcept = 0;
  // What a handler for WebSockets demands of the request: 0, or the status to refuse it with.
  virtual uint16_t check_websocket() noexcept = 0;

  // After match(), when its buffer will be used for another request: keeps what points into it beside the parameters.
  void keep_match() {
    allow_copy_.assign(allow_);
    allow_ = allow_copy_;
  }

 private:
  friend class Dispatcher;
  enum class Hold : uint8_t { none, running, later, resumed };

  const Route* route_ = nullptr;
  const std::vector<middleware::Middleware*>* chain_ = nullptr;
  routing::Outcome outcome_ = routing::Outcome::not_found;
  std::string_view allow_;
  std::string allow_copy_;
  size_t entered_ = 0;  // links whose before() was called
  std::vector<void*> contexts_;
  std::atomic<Hold> hold_{Hold::none};
};

class Dispatcher {
 public:
  // site must outlive this.
  explicit Dispatcher(const Site& site);

  // Finds the route and sets what the request says of it; parameters are left in buffer, which must live as long as the
  // request is not kept elsewhere. I/O thread, first of all.
  // cache: the thread's.
  void match(Transaction& transaction, routing::MatchBuffer& buffer, MatchCache& cache) const noexcept;
  // Whether something may hold the request beyond begin(): its bytes must then be copied before.
  bool may_outlive(const Transaction& transaction) const noexcept;

  // Runs the chain and the handler. I/O thread.
  void begin(Transaction& transaction) const noexcept;
  // Any thread, instead of middleware that answered ROOST_LATER. True when continue_chain() is to be called on the I/O
  // thread; otherwise begin() is still on its way and goes on by itself.
  static bool resume(Transaction& transaction) noexcept;
  void continue_chain(Transaction& transaction) const noexcept;
  // On the pool.
  static void run_handler(Transaction& transaction) noexcept;

  // Lets the chain change the head, innermost first. On the thread that answers.
  static void after(Transaction& transaction, http::ResponseHead& head) noexcept;
  // Answers that only WebSocket version 13 is spoken here: 426.
  static void require_upgrade(Transaction& transaction);
  // The request is over: frees the chain's contexts and forgets the route.
  static void finish(Transaction& transaction) noexcept;

 private:
  void answer_unmatched(Transaction& transaction) const noexcept;
  void call_handler(Transaction& transaction) const noexcept;

  const Site& site_;
};

}  // namespace roost::dispatch
