// The plugin SDK: everything that a plugin's author writes against, over the plain C of abi.h, with the standard
// library alone. A plugin is one shared library with one of these:
//
//   #include <roost/plugin.hpp>
//
//   ROOST_PLUGIN(hello) {
//     const auto greeting = plugin.config().text("greeting", "Hello");
//     plugin.handler("greet", [greeting](const roost::Request& request) {
//       return roost::Response::text(greeting, ", ", request.path("name"), "!");
//     });
//   }
//
// The body runs once, in the process that the workers are forked from (and in `roost check`): it registers, and starts
// no thread; on_start() is for that. What it throws is the error that the operator reads. Handlers run in the workers,
// at the same time on every I/O thread, unless they are registered as blocking. What a handler throws is logged with
// the request's id and answered 500; HttpError answers what it says.
//
// C++17 or newer. Nothing is shared with the server or another plugin but plain C, so any compiler and standard library
// do.
#pragma once

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "abi.h"
#include "config.hpp"
#include "form_parser.hpp"
#include "host.hpp"
#include "middleware.hpp"
#include "request.hpp"
#include "responder.hpp"
#include "response.hpp"
#include "text.hpp"
#include "websocket.hpp"
#include "worker.hpp"

namespace roost ROOST_SDK {

// What ROOST_PLUGIN's body calls `plugin`. Lives as long as its handlers, which may keep a reference to it.
class Plugin {
 public:
  Plugin(std::string_view name, const roost_registry& registry, const roost_value& config)
      : name_(name), registry_(&registry), config_(config) {}
  Plugin(const Plugin&) = delete;
  Plugin& operator=(const Plugin&) = delete;

  const std::string& name() const noexcept { return name_; }
  const Config& config() const noexcept { return config_; }

  // A handler for `plugin: hello.name`. f is one of
  //   Response(const Request&)     answers before it returns
  //   void(Request, Responder)     answers now or later, from any thread
  // Called on I/O threads, several at a time: it must not block, and synchronises what it shares.
  template <class F>
  void handler(std::string_view name, F f) {
    add<F>(name, std::move(f), 0);
  }
  // The same on a thread of the worker's pool, where it may block.
  template <class F>
  void blocking_handler(std::string_view name, F f) {
    add<F>(name, std::move(f), ROOST_HANDLER_BLOCKING);
  }
  // void(Request, Responder), called when the head has arrived; it reads the body with Responder::read_body.
  template <class F>
  void streaming_handler(std::string_view name, F f) {
    static_assert(std::is_invocable_v<const F&, Request, Responder>, "a streaming handler is void(Request, Responder)");
    add<F>(name, std::move(f), ROOST_HANDLER_STREAM_BODY);
  }

  // A WebSocket handler; see websocket.hpp. The reference stays valid.
  WebSocketHandler& websocket(std::string_view name) { return add_websocket<WebSocketHandler>(name); }
  template <class Session>
  WebSocketHandler& websocket(std::string_view name) {
    return add_websocket<detail::SessionHandler<Session>>(name);
  }

  // Middleware for `plugin: hello.name`; see middleware.hpp for what before and after are. roost::none stands for
  // either.
  template <class Before, class After = detail::None>
  void middleware(std::string_view name, Before before, After after = {}) {
    middleware<detail::NoContext>(name, std::move(before), std::move(after));
  }
  // With a Context of its own for each request, handed to both.
  template <class Context, class Before, class After = detail::None>
  void middleware(std::string_view name, Before before, After after = {}) {
    using Adapter = detail::MiddlewareAdapter<Context, Before, After>;
    auto& adapter = keep(std::make_unique<Adapter>(std::move(before), std::move(after)));
    const roost_middleware described = adapter.describe(name);
    registered(registry().add_middleware(registry().impl, &described), "middleware", name);
  }

  // void() or void(const Worker&), in each worker on its main thread: start before it takes connections (throwing keeps
  // the worker from becoming ready), stop after the last one ended. Both may block. Several may be given.
  template <class F>
  void on_start(F f) {
    start_.push_back(hook(std::move(f)));
  }
  template <class F>
  void on_stop(F f) {
    stop_.push_back(hook(std::move(f)));
  }

  // A line in the server's log, joined from its parts. Any thread; never blocks.
  template <class... Parts>
  void log_debug(const Parts&... parts) const {
    roost::log_debug(parts...);
  }
  template <class... Parts>
  void log_info(const Parts&... parts) const {
    roost::log_info(parts...);
  }
  template <class... Parts>
  void log_warning(const Parts&... parts) const {
    roost::log_warning(parts...);
  }
  template <class... Parts>
  void log_error(const Parts&... parts) const {
    roost::log_error(parts...);
  }

  // The C registry, for what this wrapper has no word for (mount schemes, batches). Throws once the body has returned.
  const roost_registry& registry() const {
    if (registry_ == nullptr) throw std::logic_error("a plugin registers while it is configured, not later");
    return *registry_;
  }

  // The wrapper calls it when the body has returned.
  void configured() {
    config_.expect_all_asked();
    registered(registry().add_worker_hooks(registry().impl, this, &start, &stop, nullptr, nullptr), "hooks", "");
    registry_ = nullptr;
  }

 private:
  using Hook = std::function<void(const Worker&)>;

  template <class F>
  struct Call {
    static roost_status now(void* self, const roost_request* request, roost_responder* handle) noexcept {
      Responder responder(handle);
      return detail::answered(responder, [&] { responder.respond((*static_cast<const F*>(self))(Request(*request))); });
    }
    static roost_status later(void* self, const roost_request* request, roost_responder* handle) noexcept {
      return detail::answered_by_value(Responder(handle), [&](Responder responder) {
        (*static_cast<const F*>(self))(Request(*request), std::move(responder));
      });
    }
  };

  template <class F>
  void add(std::string_view name, F f, uint32_t flags) {
    constexpr bool kLater = std::is_invocable_v<const F&, Request, Responder>;
    constexpr bool kNow = std::is_invocable_v<const F&, const Request&>;
    static_assert(
        kLater || kNow,
        "a handler is Response(const Request&) or void(Request, Responder); it is called from every I/O thread, "
        "so no mutable lambda");
    roost_handler handler{};
    handler.struct_size = sizeof handler;
    handler.name = str(name);
    handler.self = &keep(std::make_unique<F>(std::move(f)));
    if constexpr (kLater) {
      handler.flags = flags;
      handler.handle = &Call<F>::later;
    } else {
      static_assert(std::is_convertible_v<std::invoke_result_t<const F&, const Request&>, Response>,
                    "a handler of one argument returns a roost::Response");
      handler.flags = flags == 0 ? ROOST_HANDLER_IMMEDIATE : flags;
      handler.handle = &Call<F>::now;
    }
    registered(registry().add_handler(registry().impl, &handler), "handler", name);
  }

  template <class Handler>
  WebSocketHandler& add_websocket(std::string_view name) {
    Handler& made = keep(std::make_unique<Handler>(join(name_, ".", name)));
    roost_handler handler{};
    handler.struct_size = sizeof handler;
    handler.flags = ROOST_HANDLER_WEBSOCKET;
    handler.name = str(name);
    handler.handle = &WebSocketHandler::handle;
    handler.self = static_cast<WebSocketHandler*>(&made);
    registered(registry().add_handler(registry().impl, &handler), "handler", name);
    return made;
  }

  template <class F>
  static Hook hook(F f) {
    if constexpr (std::is_invocable_v<F&, const Worker&>) {
      return Hook(std::move(f));
    } else {
      return [f = std::move(f)](const Worker&) mutable { f(); };
    }
  }

  static roost_status start(void* self, roost_worker* worker, roost_error* error) noexcept {
    detail::worker = worker;
    const bool started = detail::guarded(
        [&] {
          const Worker about(worker);
          for (const Hook& hook : static_cast<Plugin*>(self)->start_) hook(about);
        },
        [error](std::string_view why) { detail::say(error, why); });
    return started ? ROOST_OK : ROOST_ERROR;
  }
  static void stop(void* self, roost_worker* worker) noexcept {
    const Worker about(worker);
    for (const Hook& hook : static_cast<Plugin*>(self)->stop_) {
      detail::guarded([&] { hook(about); }, [](std::string_view why) { detail::log_failure("a stop hook", why); });
    }
  }

  // Kept until the plugin is destroyed.
  template <class T>
  T& keep(std::unique_ptr<T> made) {
    kept_.emplace_back(made.get(), [](void* kept) { delete static_cast<T*>(kept); });
    return *made.release();
  }

  static void registered(roost_status status, std::string_view what, std::string_view name) {
    if (status != ROOST_OK) {
      throw std::invalid_argument(
          join("the ", what, " \"", name, "\" cannot be registered: without a name, or there twice"));
    }
  }

  const std::string name_;
  const roost_registry* registry_;
  Config config_;
  std::vector<Hook> start_, stop_;
  std::vector<std::unique_ptr<void, void (*)(void*)>> kept_;
};

namespace detail {

inline constexpr char kCompiler[] =
#if defined(__clang__)
    "clang " __clang_version__
#elif defined(__GNUC__)
    "gcc " __VERSION__
#else
    "unknown compiler"
#endif
#if defined(_LIBCPP_VERSION)
    ", libc++";
#elif defined(__GLIBCXX__)
    ", libstdc++";
#else
    "";
#endif

template <void (*body)(Plugin&)>
roost_status configure(std::string_view name, const roost_host* server, const roost_registry* registry,
                       const roost_value* config, void** self, roost_error* error) noexcept {
  if (server->abi_version >> 16 != ROOST_ABI_MAJOR) {
    say(error, "the server has another version of the plugin interface");
    return ROOST_ERROR;
  }
  host = server;
  plugin_name = name;
  const bool configured = guarded(
      [&] {
        auto plugin = std::make_unique<Plugin>(name, *registry, *config);
        body(*plugin);
        plugin->configured();
        *self = plugin.release();
      },
      [error](std::string_view why) { say(error, why); });
  return configured ? ROOST_OK : ROOST_ERROR;
}

}  // namespace detail

}  // namespace ROOST_SDK

// ROOST_PLUGIN(name) { ... } or ROOST_PLUGIN(name, "1.2.0") { ... }, once in a library. The body has `plugin`.
#define ROOST_PLUGIN(...) ROOST_PLUGIN_CHOOSE_(__VA_ARGS__, ROOST_PLUGIN_VERSIONED_, ROOST_PLUGIN_PLAIN_, )(__VA_ARGS__)
#define ROOST_PLUGIN_CHOOSE_(a, b, chosen, ...) chosen
#define ROOST_PLUGIN_PLAIN_(plugin_name) ROOST_PLUGIN_VERSIONED_(plugin_name, "")
#define ROOST_PLUGIN_VERSIONED_(plugin_name, plugin_version)                                                \
  static void roost_plugin_body_(roost::Plugin& plugin);                                                    \
  extern "C" __attribute__((visibility("default"))) const roost_plugin* roost_plugin_v1(void) {             \
    static const roost_plugin description{sizeof(roost_plugin),                                             \
                                          ROOST_ABI_VERSION,                                                \
                                          {#plugin_name, sizeof(#plugin_name) - 1},                         \
                                          {plugin_version, sizeof(plugin_version) - 1},                     \
                                          {roost::detail::kCompiler, sizeof(roost::detail::kCompiler) - 1}, \
                                          [](const roost_host* host, const roost_registry* registry,        \
                                             const roost_value* config, void** self, roost_error* error) {  \
                                            return roost::detail::configure<&roost_plugin_body_>(           \
                                                #plugin_name, host, registry, config, self, error);         \
                                          },                                                                \
                                          [](void* self) { delete static_cast<roost::Plugin*>(self); }};    \
    return &description;                                                                                    \
  }                                                                                                         \
  static void roost_plugin_body_([[maybe_unused]] roost::Plugin& plugin)
