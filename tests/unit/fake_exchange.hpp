// An exchange without a connection: holds a request made of strings and keeps the response, for tests of handlers and
// middleware. One thread's.
#pragma once

#include <unistd.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/exchange.hpp"
#include "http/response_head.hpp"

namespace roost::test {

class FakeExchange : public http::Exchange {
 public:
  using Pairs = std::vector<std::pair<std::string, std::string>>;

  explicit FakeExchange(std::string method, std::string target, Pairs headers = {}, Pairs params = {})
      : method_(std::move(method)),
        target_(std::move(target)),
        headers_(std::move(headers)),
        params_(std::move(params)) {
    request_.method = http::str(method_);
    request_.target = http::str(target_);
    const size_t question = target_.find('?');
    request_.path = {target_.data(), question == std::string::npos ? target_.size() : question};
    if (question != std::string::npos) request_.query = {target_.data() + question + 1, target_.size() - question - 1};
    request_.version = 0x0101;
    fill(headers_, header_fields_, request_.headers, request_.header_count);
    fill(params_, param_fields_, request_.params, request_.param_count);
  }
  ~FakeExchange() override = default;

  // What was answered: 0 is nothing.
  uint16_t status = 0;
  std::string body;
  http::ResponseHead head;
  bool from_file = false;

  std::string field(std::string_view name) const {
    const std::string* value = head.get(name);
    return value == nullptr ? "" : *value;
  }

  std::string_view text(roost_text) override { return {}; }
  const config::FormLimits& form_limits() const override {
    static const config::FormLimits limits;
    return limits;
  }
  const roost_form& form() override {
    static const roost_form none{sizeof(roost_form), 415, {}, nullptr, 0, nullptr, 0};
    return none;
  }
  roost_status form_file_path(const roost_form_file&, roost_str&, roost_error*) override { return ROOST_UNSUPPORTED; }
  roost_status respond(const roost_response& response) override {
    status = response.status;
    for (size_t i = 0; i < response.header_count; ++i) {
      if (head.add(http::view(response.headers[i].name), http::view(response.headers[i].value)) != ROOST_OK) {
        return ROOST_INVALID;
      }
    }
    from_file = (response.flags & ROOST_RESPONSE_FILE) != 0;
    if (from_file) {
      body.resize(response.file_size);
      const ssize_t got = pread(response.file, body.data(), body.size(), static_cast<off_t>(response.file_offset));
      body.resize(got < 0 ? 0 : static_cast<size_t>(got));
      close(response.file);
    } else {
      body = http::view(response.body);
    }
    if (response.release != nullptr) response.release(response.release_arg);
    return ROOST_OK;
  }
  void fail(std::string_view) override { status = 500; }
  void drop() override { status = 500; }
  void respond_status(uint16_t code) override { status = code; }
  roost_status start(const roost_response&) override { return ROOST_UNSUPPORTED; }
  roost_status write(std::string_view) override { return ROOST_UNSUPPORTED; }
  roost_status finish(const roost_field*, size_t) override { return ROOST_UNSUPPORTED; }
  roost_status on_writable(void (*)(void*), void*) override { return ROOST_UNSUPPORTED; }
  roost_status on_cancel(void (*)(void*), void*) override { return ROOST_UNSUPPORTED; }
  bool cancelled() const override { return false; }
  roost_status on_release(void (*)(void*), void*) override { return ROOST_UNSUPPORTED; }
  roost_status read_body(const roost_body_callbacks&, void*) override { return ROOST_UNSUPPORTED; }
  void pause_body() override {}
  void resume_body() override {}
  roost_status resume() override { return ROOST_UNSUPPORTED; }
  roost_status accept_websocket(const roost_ws_accept&, roost_websocket**) override { return ROOST_UNSUPPORTED; }

 private:
  static void fill(const Pairs& from, std::vector<roost_field>& fields, const roost_field*& out, size_t& count) {
    for (const auto& [name, value] : from) fields.push_back({http::str(name), http::str(value)});
    out = fields.data();
    count = fields.size();
  }

  const std::string method_, target_;
  const Pairs headers_, params_;
  std::vector<roost_field> header_fields_, param_fields_;
};

}  // namespace roost::test
