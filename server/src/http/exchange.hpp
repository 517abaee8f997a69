// One request and its answer, as dispatch, middleware and handlers see it: the C++ face of roost_request and
// roost_responder. net/ implements it for HTTP/1.1. The functions mean what abi.h says of their namesakes in
// roost_host, threads included; nothing here throws.
#pragma once

#include <cstdint>
#include <string_view>

#include "config/form_limits.hpp"
#include "roost/abi.h"

// The opaque responder of the ABI is the Exchange itself.
struct roost_responder {};

namespace roost::http {

inline std::string_view view(roost_str s) {
  return {s.data, s.size};
}
inline roost_str str(std::string_view s) {
  return {s.data(), s.size()};
}

class Exchange;

// What the ABI hands out, with the way back to its exchange.
struct Request : roost_request {
  Exchange* exchange = nullptr;

  std::string_view method_view() const { return view(method); }
  std::string_view path_view() const { return view(path); }
};

class Exchange : public roost_responder {
 public:
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  const Request& request() const { return request_; }

  // First header of that name, ASCII case-insensitive; data() is nullptr when there is none.
  std::string_view header(std::string_view name) const;

  virtual std::string_view text(roost_text which) = 0;

  virtual const config::FormLimits& form_limits() const = 0;
  virtual const roost_form& form() = 0;
  virtual roost_status form_file_path(const roost_form_file& file, roost_str& path, roost_error* error) = 0;

  virtual roost_status respond(const roost_response& response) = 0;
  virtual void fail(std::string_view why) = 0;
  virtual void drop() = 0;

  // A short plain-text answer with the status's reason phrase, for errors that the server itself reports.
  virtual void respond_status(uint16_t status) = 0;

  virtual roost_status start(const roost_response& head) = 0;
  virtual roost_status write(std::string_view bytes) = 0;
  virtual roost_status finish(const roost_field* trailers, size_t trailer_count) = 0;
  virtual roost_status on_writable(void (*callback)(void*), void* arg) = 0;
  virtual roost_status on_cancel(void (*callback)(void*), void* arg) = 0;
  virtual bool cancelled() const = 0;
  virtual roost_status on_release(void (*callback)(void*), void* arg) = 0;

  virtual roost_status read_body(const roost_body_callbacks& callbacks, void* arg) = 0;
  virtual void pause_body() = 0;
  virtual void resume_body() = 0;

  virtual roost_status resume() = 0;

  virtual roost_status accept_websocket(const roost_ws_accept& accept, roost_websocket** socket) = 0;

 protected:
  Exchange() {
    request_ = Request{};
    request_.struct_size = sizeof(roost_request);
    request_.body_file = -1;
    request_.exchange = this;
  }
  virtual ~Exchange() = default;

  Request request_;
};

inline Exchange& exchange_of(roost_responder* responder) {
  return *static_cast<Exchange*>(responder);
}

}  // namespace roost::http
