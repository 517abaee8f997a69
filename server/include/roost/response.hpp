// What a handler answers with: a status, headers, and a body of text, bytes or a file. A value: made, changed,
// returned.
//   return roost::Response::json("{\"id\":", id, "}").with_status(201).header("Location", "/notes/7");
// The server adds Content-Length, Date and Connection. Part of <roost/plugin.hpp>.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include "request.hpp"

namespace roost ROOST_SDK {

class Response {
 public:
  // 200 without a body.
  Response() = default;
  Response(Response&& other) noexcept
      : body_(std::move(other.body_)),
        type_(std::move(other.type_)),
        literal_type_(other.literal_type_),
        headers_(std::move(other.headers_)),
        file_(std::exchange(other.file_, -1)),
        file_offset_(other.file_offset_),
        file_size_(other.file_size_),
        status_(other.status_),
        close_(other.close_) {}
  Response& operator=(Response&& other) noexcept {
    std::swap(body_, other.body_);
    std::swap(type_, other.type_);
    std::swap(literal_type_, other.literal_type_);
    std::swap(headers_, other.headers_);
    std::swap(file_, other.file_);
    std::swap(file_offset_, other.file_offset_);
    std::swap(file_size_, other.file_size_);
    std::swap(status_, other.status_);
    std::swap(close_, other.close_);
    return *this;
  }
  ~Response() {
    if (file_ >= 0) ::close(file_);
  }

  // Each joins its parts (text, numbers, characters, bools) into one body, allocated once; one std::string that is
  // moved in is taken as it is.
  template <class... Parts>
  static Response text(Parts&&... parts) {
    return Response("text/plain; charset=utf-8", std::forward<Parts>(parts)...);
  }
  template <class... Parts>
  static Response html(Parts&&... parts) {
    return Response("text/html; charset=utf-8", std::forward<Parts>(parts)...);
  }
  // The parts are JSON already; <roost/json.hpp> writes it.
  template <class... Parts>
  static Response json(Parts&&... parts) {
    return Response("application/json", std::forward<Parts>(parts)...);
  }
  template <class Body>
  static Response bytes(Body&& body, std::string_view content_type = "application/octet-stream") {
    Response response("", std::forward<Body>(body));
    response.type_ = content_type;
    return response;
  }
  // A status alone, or with a text that says more.
  static Response status(uint16_t status) {
    Response response;
    response.status_ = status;
    return response;
  }
  template <class First, class... Parts>
  static Response status(uint16_t status, First&& first, Parts&&... parts) {
    return std::move(text(std::forward<First>(first), std::forward<Parts>(parts)...).with_status(status));
  }
  static Response redirect(std::string_view location, uint16_t status = 302) {
    return std::move(Response::status(status).header("Location", location));
  }
  // A regular file, sent without being read into memory. It is opened here. Throws HttpError 404 when there is none,
  // std::system_error when it cannot be opened. content_type: empty sends none.
  static Response file(const std::string& path, std::string_view content_type = "application/octet-stream") {
    const int opened = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (opened < 0 && (errno == ENOENT || errno == ENOTDIR)) throw HttpError(404, "not found");
    if (opened < 0) throw std::system_error(errno, std::generic_category(), path);
    Response response;
    response.file_ = opened;
    struct stat about {};
    if (::fstat(opened, &about) != 0) throw std::system_error(errno, std::generic_category(), path);
    if (!S_ISREG(about.st_mode)) throw HttpError(404, "not found");
    response.file_size_ = static_cast<uint64_t>(about.st_size);
    response.type_ = content_type;
    return response;
  }

  // The same for a file below a directory, whose name the client chose, such as request.path("name"). Throws HttpError
  // 404, too, for a name that is empty, absolute, holds NUL or a segment "..". Symbolic links are followed.
  static Response file_in(const std::string& directory, std::string_view name,
                          std::string_view content_type = "application/octet-stream") {
    if (name.empty() || name.front() == '/' || name.find('\0') != name.npos) throw HttpError(404, "not found");
    for (std::string_view rest = name; !rest.empty();) {
      const size_t end = rest.find('/');
      if (rest.substr(0, end) == "..") throw HttpError(404, "not found");
      rest = end == rest.npos ? std::string_view() : rest.substr(end + 1);
    }
    return file(join(directory, "/", name), content_type);
  }

  // Adds a header line; "Content-Type" replaces the response's own.
  Response& header(std::string_view name, std::string_view value) & {
    if (is_content_type(name)) {
      literal_type_ = {};
      type_ = value;
    } else {
      headers_.emplace_back(name, value);
    }
    return *this;
  }
  Response&& header(std::string_view name, std::string_view value) && { return std::move(header(name, value)); }
  Response& with_status(uint16_t status) & {
    status_ = status;
    return *this;
  }
  Response&& with_status(uint16_t status) && { return std::move(with_status(status)); }
  // Closes the connection after it.
  Response& closing() & {
    close_ = true;
    return *this;
  }
  Response&& closing() && { return std::move(closing()); }

  uint16_t status_code() const noexcept { return status_; }
  std::string_view body() const noexcept { return body_; }
  std::string_view content_type() const noexcept {
    return literal_type_.empty() ? std::string_view(type_) : literal_type_;
  }

  // Hands it to respond() or start() of the host; this is empty afterwards.
  roost_status send(roost_status (*how)(roost_responder*, const roost_response*), roost_responder* responder) {
    // Headers beyond a handful are rare.
    roost_field few[8];
    std::vector<roost_field> many;
    roost_field* fields = few;
    if (headers_.size() >= std::size(few)) {
      many.resize(headers_.size() + 1);
      fields = many.data();
    }
    size_t count = 0;
    if (const std::string_view type = content_type(); !type.empty()) fields[count++] = {str("Content-Type"), str(type)};
    for (const auto& [name, value] : headers_) fields[count++] = {str(name), str(value)};

    roost_response response{};
    response.struct_size = sizeof response;
    response.status = status_;
    response.flags = close_ ? ROOST_RESPONSE_CLOSE : 0;
    response.headers = fields;
    response.header_count = count;
    response.file = -1;
    if (file_ >= 0) {
      response.flags |= ROOST_RESPONSE_FILE;
      response.file = std::exchange(file_, -1);
      response.file_offset = file_offset_;
      response.file_size = file_size_;
    } else if (body_.size() >= kOwnedBody) {
      // The server sends from the plugin's memory and gives it back, instead of copying what the socket does not take.
      auto* kept = new std::string(std::move(body_));
      response.body = str(*kept);
      response.release = [](void* arg) { delete static_cast<std::string*>(arg); };
      response.release_arg = kept;
    } else {
      response.body = str(body_);
    }
    return how(responder, &response);
  }

 private:
  static constexpr size_t kOwnedBody = 16 * 1024;

  template <class... Parts>
  explicit Response(const char* literal_type, Parts&&... parts) : literal_type_(literal_type) {
    if constexpr (sizeof...(Parts) == 1) {
      assign(std::forward<Parts>(parts)...);
    } else {
      body_ = join(parts...);
    }
  }
  template <class Part>
  void assign(Part&& part) {
    if constexpr (std::is_same_v<Part, std::string>) {  // Part is no reference: an rvalue
      body_ = std::forward<Part>(part);
    } else {
      body_ = detail::Part(part).view();
    }
  }

  static bool is_content_type(std::string_view name) noexcept {
    constexpr std::string_view kName = "content-type";
    if (name.size() != kName.size()) return false;
    for (size_t i = 0; i < kName.size(); ++i) {
      if ((name[i] | 0x20) != (kName[i] | 0x20)) return false;
    }
    return true;
  }

  std::string body_;
  std::string type_;
  std::string_view literal_type_;  // instead of type_: needs no memory
  std::vector<std::pair<std::string, std::string>> headers_;
  int file_ = -1;
  uint64_t file_offset_ = 0;
  uint64_t file_size_ = 0;
  uint16_t status_ = 200;
  bool close_ = false;
};

}  // namespace ROOST_SDK
