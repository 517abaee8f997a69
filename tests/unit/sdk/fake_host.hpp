// A server's function table without a server: one responder that remembers what became of it. One thread's.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "roost/plugin.hpp"

struct roost_responder {
  std::string outcome;  // "", "respond", "fail: why", "drop", "finish", "resume"
  uint16_t status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
  roost_status refuse_with = ROOST_OK;
  std::vector<std::pair<void (*)(void*), void*>> releases;
  const roost_body_callbacks* reader = nullptr;
  void* reader_arg = nullptr;

  roost_responder() = default;
  roost_responder(const roost_responder&) = delete;
  roost_responder& operator=(const roost_responder&) = delete;
  ~roost_responder() {
    for (const auto& [callback, arg] : releases) callback(arg);
  }
};

namespace roost::test {

inline std::vector<std::string>& logged() {
  static std::vector<std::string> lines;
  return lines;
}

inline roost_status take(roost_responder* responder, const roost_response* response, const char* outcome) {
  if (responder->refuse_with == ROOST_OK) {
    responder->outcome = outcome;
    responder->status = response->status;
    responder->body += view(response->body);
    for (size_t i = 0; i < response->header_count; ++i) {
      responder->headers.emplace_back(view(response->headers[i].name), view(response->headers[i].value));
    }
  }
  if (response->release != nullptr) response->release(response->release_arg);
  if (response->file >= 0) close(response->file);
  return responder->refuse_with;
}

inline const roost_host& fake_host() {
  static const roost_host host = [] {
    roost_host h{};
    h.struct_size = sizeof h;
    h.abi_version = ROOST_ABI_VERSION;
    h.log = [](roost_log_level, roost_str source, roost_str message) {
      logged().push_back(std::string(view(source)) + ": " + std::string(view(message)));
    };
    h.log_enabled = [](roost_log_level level) { return level >= ROOST_LOG_INFO ? 1 : 0; };
    h.header = [](const roost_request*, roost_str) { return roost_str{nullptr, 0}; };
    h.text = [](const roost_request*, roost_text) { return roost_str{nullptr, 0}; };
    h.respond = [](roost_responder* r, const roost_response* response) { return take(r, response, "respond"); };
    h.start = [](roost_responder* r, const roost_response* response) { return take(r, response, "start"); };
    h.write = [](roost_responder* r, roost_str bytes) {
      r->body += view(bytes);
      return ROOST_OK;
    };
    h.finish = [](roost_responder* r, const roost_field*, size_t) {
      r->outcome = "finish";
      return ROOST_OK;
    };
    h.fail = [](roost_responder* r, roost_str why) { r->outcome = "fail: " + std::string(view(why)); };
    h.drop = [](roost_responder* r) { r->outcome = "drop"; };
    h.on_cancel = [](roost_responder*, void (*)(void*), void*) { return ROOST_OK; };
    h.on_release = [](roost_responder* r, void (*callback)(void*), void* arg) {
      r->releases.emplace_back(callback, arg);
      return ROOST_OK;
    };
    h.read_body = [](roost_responder* r, const roost_body_callbacks* callbacks, void* arg) {
      r->reader = callbacks;
      r->reader_arg = arg;
      return ROOST_OK;
    };
    h.resume = [](roost_responder* r) {
      r->outcome = "resume";
      return ROOST_OK;
    };
    return h;
  }();
  detail::host = &host;
  return host;
}

// What a plugin registered, by name.
struct FakeRegistry {
  std::vector<std::pair<std::string, roost_handler>> handlers;
  std::vector<std::pair<std::string, roost_middleware>> middleware;

  roost_registry table() {
    roost_registry registry{};
    registry.struct_size = sizeof registry;
    registry.impl = this;
    registry.add_handler = [](void* impl, const roost_handler* handler) {
      static_cast<FakeRegistry*>(impl)->handlers.emplace_back(view(handler->name), *handler);
      return ROOST_OK;
    };
    registry.add_middleware = [](void* impl, const roost_middleware* middleware) {
      static_cast<FakeRegistry*>(impl)->middleware.emplace_back(view(middleware->name), *middleware);
      return ROOST_OK;
    };
    registry.add_worker_hooks = [](void*, void*, auto, auto, auto, auto) { return ROOST_OK; };
    return registry;
  }
};

}  // namespace roost::test
