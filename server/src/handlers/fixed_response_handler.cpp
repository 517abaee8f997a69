#include "handlers/fixed_response_handler.hpp"

#include <algorithm>
#include <stdexcept>

#include "http/characters.hpp"
#include "http/response_head.hpp"

namespace roost::handlers {

FixedResponseHandler::FixedResponseHandler(uint16_t status, std::string body,
                                           std::vector<std::pair<std::string, std::string>> headers)
    : Handler(ROOST_HANDLER_IMMEDIATE),
      status_(status == 0 ? 200 : status),
      body_(std::move(body)),
      headers_(std::move(headers)) {
  if (status_ < 200 || status_ > 599) throw std::invalid_argument("status must be 200 .. 599");
  const bool typed = std::any_of(headers_.begin(), headers_.end(), [](const auto& header) {
    return http::equals_ignore_case(header.first, "content-type");
  });
  if (!typed && !body_.empty()) headers_.emplace_back("Content-Type", "text/plain; charset=utf-8");
  http::ResponseHead checked;
  for (const auto& [name, value] : headers_) {
    if (checked.add(name, value) != ROOST_OK) throw std::invalid_argument("header \"" + name + "\" cannot be sent");
    fields_.push_back({http::str(name), http::str(value)});
  }
}

void FixedResponseHandler::handle(http::Exchange& exchange) noexcept {
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = status_;
  response.headers = fields_.data();
  response.header_count = fields_.size();
  response.body = http::str(body_);
  response.file = -1;
  exchange.respond(response);
}

std::string FixedResponseHandler::describe() const {
  return "respond " + std::to_string(status_);
}

}  // namespace roost::handlers
