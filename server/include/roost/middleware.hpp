// Middleware in a plugin: before the handler, and when the head of the response is about to leave. Part of
// <roost/plugin.hpp>.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>

#include "responder.hpp"

namespace roost ROOST_SDK {

// The head of a response on its way out. Valid for the call. What is set is copied; false: not allowed there.
class ResponseHead {
 public:
  explicit ResponseHead(roost_response_head* head) noexcept : head_(head) {}

  uint16_t status() const noexcept { return detail::host->head_status(head_); }
  bool set_status(uint16_t status) noexcept { return detail::host->head_set_status(head_, status) == ROOST_OK; }
  // The first of that name, in any case; empty when there is none. Valid until the head is changed.
  std::string_view get(std::string_view name) const noexcept { return view(detail::host->head_get(head_, str(name))); }
  // Replaces all of that name.
  bool set(std::string_view name, std::string_view value) noexcept {
    return detail::host->head_set(head_, str(name), value.data() == nullptr ? str("") : str(value)) == ROOST_OK;
  }
  bool add(std::string_view name, std::string_view value) noexcept {
    return detail::host->head_add(head_, str(name), str(value)) == ROOST_OK;
  }
  void remove(std::string_view name) noexcept { detail::host->head_set(head_, str(name), {nullptr, 0}); }

 private:
  roost_response_head* head_;
};

// A request that middleware holds back: it goes on with resume(), or ends with an answer. Moves, never copies; any
// thread, once; destroyed undecided it answers 500.
class Deferred {
 public:
  explicit Deferred(roost_responder* handle) noexcept : responder_(handle) {}

  // On to the next middleware and the handler.
  void resume() {
    if (roost_responder* handle = responder_.release()) detail::host->resume(handle);
  }
  void respond(Response response) { responder_.respond(std::move(response)); }
  void fail(std::string_view why) noexcept { responder_.fail(why); }

 private:
  Responder responder_;
};

namespace detail {

// No before, no after: plugin.middleware("stamp", roost::none, after).
struct None {};

struct NoContext {};

// What one middleware is made of. Before is one of
//   std::optional<Response>(const Request& [, Context&])   nothing: go on
//   void(Request, Deferred [, Context&])                   decides later
// and After void(const Request&, ResponseHead& [, Context&]), for every response but the 101 of a WebSocket's
// handshake, whose headers are its handler's. Context: made for each request, destroyed when it is over.
template <class Context, class Before, class After>
class MiddlewareAdapter {
 public:
  static constexpr bool kContext = !std::is_same_v<Context, NoContext>;
  static constexpr bool kBefore = !std::is_same_v<Before, None>;
  static constexpr bool kAfter = !std::is_same_v<After, None>;

  MiddlewareAdapter(Before before, After after) : before_(std::move(before)), after_(std::move(after)) {}

  roost_middleware describe(std::string_view name) noexcept {
    roost_middleware middleware{};
    middleware.struct_size = sizeof middleware;
    middleware.name = str(name);
    middleware.self = this;
    if constexpr (!kDeferring) middleware.flags = ROOST_HANDLER_IMMEDIATE;
    if constexpr (kBefore || kContext) middleware.before = &before;
    if constexpr (kAfter) middleware.after = &after;
    if constexpr (kContext) {
      middleware.finish = [](void*, void* context) { delete static_cast<Context*>(context); };
    }
    return middleware;
  }

 private:
  static constexpr bool deciding() {
    if constexpr (!kBefore) {
      return false;
    } else if constexpr (kContext) {
      return std::is_invocable_v<const Before&, const Request&, Context&>;
    } else {
      return std::is_invocable_v<const Before&, const Request&>;
    }
  }
  static constexpr bool deferring() {
    if constexpr (!kBefore) {
      return false;
    } else if constexpr (kContext) {
      return std::is_invocable_v<const Before&, Request, Deferred, Context&>;
    } else {
      return std::is_invocable_v<const Before&, Request, Deferred>;
    }
  }
  static constexpr bool kDeciding = deciding();
  static constexpr bool kDeferring = deferring();
  static_assert(
      !kBefore || kDeciding || kDeferring,
      "before is std::optional<Response>(const Request&) or void(Request, Deferred), with Context& behind where "
      "there is one; it is called from every I/O thread, so no mutable lambda");

  template <class... Args>
  static decltype(auto) with_context(void* context, Args&&... args) {
    if constexpr (kContext) {
      return std::forward_as_tuple(std::forward<Args>(args)..., *static_cast<Context*>(context));
    } else {
      return std::forward_as_tuple(std::forward<Args>(args)...);
    }
  }

  static roost_decision before(void* self, const roost_request* raw, roost_responder* handle, void** context) noexcept {
    [[maybe_unused]] const auto& adapter = *static_cast<MiddlewareAdapter*>(self);
    const Request request(*raw);
    if constexpr (kDeferring) {
      answered_by_value(Responder(handle), [&](Responder responder) {
        make_context(context);
        Deferred deferred(responder.release());
        std::apply(adapter.before_, with_context(*context, request, std::move(deferred)));
      });
      return ROOST_LATER;
    } else {
      Responder responder(handle);
      bool go_on = false;
      answered(responder, [&] {
        make_context(context);
        if constexpr (kDeciding) {
          std::optional<Response> response = std::apply(adapter.before_, with_context(*context, request));
          if (response) {
            responder.respond(std::move(*response));
            return;
          }
        }
        go_on = true;
      });
      // The chain has it again.
      if (go_on) responder.release();
      return go_on ? ROOST_CONTINUE : ROOST_RESPOND;
    }
  }

  static void after(void* self, const roost_request* raw, roost_response_head* handle, void* context) noexcept {
    const auto& adapter = *static_cast<MiddlewareAdapter*>(self);
    if (kContext && context == nullptr) return;  // before() failed
    const Request request(*raw);
    ResponseHead head(handle);
    guarded([&] { std::apply(adapter.after_, with_context(context, request, head)); },
            [](std::string_view why) { log_failure("a middleware's after()", why); });
  }

  static void make_context([[maybe_unused]] void** context) {
    if constexpr (kContext) *context = new Context();
  }

  const Before before_;
  const After after_;
};

}  // namespace detail

inline constexpr detail::None none{};

}  // namespace ROOST_SDK
