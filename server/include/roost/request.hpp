// A request as a handler sees it: views into the server's memory, nothing copied, cheap to pass by value.
// Valid until it has been answered: for a handler that returns a Response until it returns, for one that has a
// Responder until the responder has been completed or destroyed. Readable from any thread; the members that are marked
// *) one thread at a time. Part of <roost/plugin.hpp>.
#pragma once

#include <unistd.h>

#include <cerrno>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>

#include "fields.hpp"
#include "form.hpp"
#include "text.hpp"

namespace roost ROOST_SDK {

// Thrown by a handler to answer with this status and, as text, `message`; it is not logged as a failure.
class HttpError : public std::runtime_error {
 public:
  HttpError(uint16_t status, const std::string& message) : std::runtime_error(message), status_(status) {}
  uint16_t status() const noexcept { return status_; }

 private:
  uint16_t status_;
};

class Request {
 public:
  explicit Request(const roost_request& request) noexcept : request_(&request) {}

  std::string_view method() const noexcept { return view(request_->method); }
  std::string_view target() const noexcept { return view(request_->target); }
  // As sent, without the query.
  std::string_view path() const noexcept { return view(request_->path); }
  // As sent, without "?".
  std::string_view query() const noexcept { return view(request_->query); }

  // A parameter of the route's pattern, ":name" or "*name", percent-decoded: "/", ".." and NUL may be in it, so names
  // of files go to Response::file_in(). Throws std::out_of_range when the pattern has none of that name: a mistake in
  // the configuration or the plugin.
  std::string_view path(std::string_view name) const {
    for (size_t i = 0; i < request_->param_count; ++i) {
      if (view(request_->params[i].name) == name) return view(request_->params[i].value);
    }
    throw std::out_of_range(join("the route has no path parameter \"", name, "\""));
  }
  // As a number. Throws HttpError 400 when it is none.
  template <class T>
  T path(std::string_view name) const {
    if (const auto number = number_from<T>(path(name))) return *number;
    throw HttpError(400, join("the path parameter \"", name, "\" is no valid number"));
  }
  Fields path_params() const noexcept { return {request_->params, request_->param_count}; }

  // The first of that name in the query, percent-decoded, "+" as a blank; nothing when it is not there.
  std::optional<std::string> query_param(std::string_view name) const {
    std::string_view rest = query();
    while (!rest.empty()) {
      const size_t end = rest.find('&');
      const std::string_view pair = rest.substr(0, end);
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      const size_t equals = pair.find('=');
      const std::string_view key = pair.substr(0, equals);
      // Most names are written plainly.
      if (key != name && (key.find_first_of("%+") == std::string_view::npos || percent_decode(key, true) != name))
        continue;
      return percent_decode(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    }
    return std::nullopt;
  }
  std::string query_param(std::string_view name, std::string_view fallback) const {
    auto found = query_param(name);
    return found ? std::move(*found) : std::string(fallback);
  }
  // As a number. Throws HttpError 400 when it is there and none.
  template <class T>
  std::optional<T> query_param(std::string_view name) const {
    const auto text = query_param(name);
    if (!text) return std::nullopt;
    if (const auto number = number_from<T>(*text)) return number;
    throw HttpError(400, join("the query parameter \"", name, "\" is no valid number"));
  }

  // The first header of that name, in any case; empty when there is none.
  std::string_view header(std::string_view name) const noexcept {
    return view(detail::host->header(request_, str(name)));
  }
  bool has_header(std::string_view name) const noexcept {
    return detail::host->header(request_, str(name)).data != nullptr;
  }
  // In order of arrival, names as sent.
  Fields headers() const noexcept { return {request_->headers, request_->header_count}; }

  // The whole body; empty for a streaming handler, and for a body above `limits: { spill }`, which is in body_file().
  std::string_view body() const noexcept { return view(request_->body); }
  // A descriptor to read a spilled body from, with pread(); -1 when there is none. The server closes it.
  int body_file() const noexcept { return request_->body_file; }
  uint64_t body_size() const noexcept { return request_->body_size; }
  // The whole body in memory, spilled or not; reads the file, so blocks a little. Throws std::system_error.
  std::string read_body() const {
    if (body_file() < 0) return std::string(body());
    std::string all(body_size(), '\0');
    for (size_t at = 0; at < all.size();) {
      const ssize_t got = pread(body_file(), all.data() + at, all.size() - at, static_cast<off_t>(at));
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw std::system_error(got < 0 ? errno : EIO, std::generic_category(), "reading a spilled body");
      at += static_cast<size_t>(got);
    }
    return all;
  }
  // The fields and files of a body that is a form, multipart/form-data or urlencoded. Reads a spilled body's file, so
  // blocks a little. Throws HttpError 415 when the body is no form, 400 when it is malformed, 413 past `limits: { form:
  // ... }`, and std::logic_error in a handler that streams its body or on an older server.
  Form form() const {
    if (!ROOST_HAS(detail::host, form_file_path)) throw std::logic_error("this server reads no forms");
    const roost_form& form = *detail::host->form(request_);
    if (form.status >= 500) throw std::logic_error(std::string(view(form.why)));
    if (form.status != 0) throw HttpError(static_cast<uint16_t>(form.status), std::string(view(form.why)));
    return {request_, form};
  }
  Fields trailers() const noexcept { return {request_->trailers, request_->trailer_count}; }

  // *) In the access log and in error lines.
  std::string_view request_id() const noexcept { return text(ROOST_TEXT_REQUEST_ID); }
  // *) Behind trusted proxies the one they name.
  std::string_view client_ip() const noexcept { return text(ROOST_TEXT_CLIENT_IP); }
  // *) Address and port of the connection itself.
  std::string_view peer() const noexcept { return text(ROOST_TEXT_PEER); }
  // *) "http" or "https", as the client used.
  std::string_view scheme() const noexcept { return text(ROOST_TEXT_SCHEME); }
  // *) Host and port as the client used.
  std::string_view host() const noexcept { return text(ROOST_TEXT_HOST); }

  bool is_secure() const noexcept { return (request_->flags & ROOST_REQUEST_SECURE) != 0; }
  bool is_upgrade() const noexcept { return (request_->flags & ROOST_REQUEST_UPGRADE) != 0; }
  // Index of the I/O thread that owns the connection.
  uint32_t thread() const noexcept { return request_->thread; }
  const roost_request& raw() const noexcept { return *request_; }

 private:
  std::string_view text(roost_text which) const noexcept { return view(detail::host->text(request_, which)); }

  const roost_request* request_;
};

}  // namespace ROOST_SDK
