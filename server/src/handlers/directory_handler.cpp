#include "handlers/directory_handler.hpp"

#include <cerrno>
#include <ctime>
#include <exception>
#include <stdexcept>

#include "handlers/directory_listing.hpp"
#include "handlers/directory_response.hpp"
#include "http/target.hpp"

namespace roost::handlers {
namespace {

// Steps of some milliseconds are fine enough for "at most once a second", and reading it is no system call.
int64_t coarse_ms() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

// No request's path begins without '/', so that this key is nobody else's.
constexpr std::string_view kFallbackKey = "fallback";

size_t count_segments(std::string_view path) {
  size_t count = 0;
  for (size_t i = 0; i < path.size(); ++i) {
    if (path[i] != '/' && path[i] != '*' && (i == 0 || path[i - 1] == '/')) ++count;
  }
  return count;
}

}  // namespace

DirectoryHandler::DirectoryHandler(DirectoryOptions options)
    : Handler(ROOST_HANDLER_IMMEDIATE), options_(std::move(options)), mount_segments_(count_segments(options_.mount)) {
  DirectoryCache probe(options_.directory, {});
  if (probe.root(coarse_ms()) < 0) {
    throw std::invalid_argument("cannot open the directory " + options_.directory.string());
  }
}

DirectoryHandler::~DirectoryHandler() = default;

std::string DirectoryHandler::describe() const {
  return "directory " + options_.directory.string();
}

// Each slot is made and used by one thread alone. Should a caller be on another than it says, it gets a cache for the
// one request.
DirectoryCache* DirectoryHandler::cache_of(uint16_t thread, std::unique_ptr<DirectoryCache>& temporary) {
  if (thread < kMaxThreads) {
    std::unique_ptr<Slot>& slot = slots_[thread];
    if (slot == nullptr) {
      slot.reset(new Slot{std::this_thread::get_id(), DirectoryCache(options_.directory, options_.cache_control)});
    }
    if (slot->owner == std::this_thread::get_id()) return &slot->cache;
  }
  temporary = std::make_unique<DirectoryCache>(options_.directory, options_.cache_control);
  return temporary.get();
}

void DirectoryHandler::handle(http::Exchange& exchange) noexcept {
  const std::string_view method = exchange.request().method_view();
  if (method != "GET" && method != "HEAD") {
    const roost_field allow = {http::str("Allow"), http::str("GET, HEAD")};
    roost_response response{};
    response.struct_size = sizeof response;
    response.status = 405;
    response.headers = &allow;
    response.header_count = 1;
    response.file = -1;
    exchange.respond(response);
    return;
  }
  try {
    std::unique_ptr<DirectoryCache> temporary;
    serve(exchange, *cache_of(exchange.request().thread, temporary));
  } catch (const std::exception& error) {  // out of memory
    exchange.fail(error.what());
  }
}

bool DirectoryHandler::file_path(std::string_view raw, std::string& path, std::string& decoded) const {
  if (!http::normalize_path(raw, decoded)) return false;
  // Empty segments would make two paths of one file, and middleware is chosen by path.
  if (decoded.find("//") != std::string::npos) return false;
  size_t start = 1;
  for (size_t i = 0; i < mount_segments_; ++i) {
    const size_t slash = decoded.find('/', start);
    start = slash == std::string::npos ? decoded.size() : slash + 1;
  }
  path = decoded.substr(start);
  return true;
}

bool DirectoryHandler::is_hidden(std::string_view path) const noexcept {
  if (options_.hidden) return false;
  for (size_t start = 0; start < path.size();) {
    const std::string_view name = path.substr(start, path.find('/', start) - start);
    if (!name.empty() && name.front() == '.' && name != ".well-known") return true;
    start += name.size() + 1;
  }
  return false;
}

void DirectoryHandler::serve(http::Exchange& exchange, DirectoryCache& cache) {
  const int64_t now_ms = coarse_ms();
  const std::string_view raw = exchange.request().path_view();
  const CachedFile* file = cache.fresh(raw, now_ms);
  if (file != nullptr) {
    respond_with_file(exchange, *file);
    return;
  }
  std::string path, decoded;
  if (!file_path(raw, path, decoded)) {
    exchange.respond_status(404);
    return;
  }
  Lookup found = Lookup::missing;
  const bool hidden = is_hidden(path);
  const bool folder = !hidden && (path.empty() || path.back() == '/');
  if (hidden) {
    // As if it were not there.
  } else if (!folder) {
    found = cache.load(raw, path, now_ms, &file);
    if (found == Lookup::directory) {
      redirect_to_slash(exchange, decoded);
      return;
    }
  } else if (!options_.index.empty()) {
    found = cache.load(raw, path + options_.index, now_ms, &file);
  }
  if (found == Lookup::file) {
    respond_with_file(exchange, *file);
    return;
  }
  if (found == Lookup::busy) {
    exchange.respond_status(503);
    return;
  }
  if (folder && options_.listing && serve_directory(exchange, cache, path, decoded, now_ms)) return;
  if (!options_.fallback.empty()) {
    file = cache.fresh(kFallbackKey, now_ms);
    if (file != nullptr || cache.load(kFallbackKey, options_.fallback, now_ms, &file) == Lookup::file) {
      respond_with_file(exchange, *file);
      return;
    }
  }
  exchange.respond_status(404);
}

bool DirectoryHandler::serve_directory(http::Exchange& exchange, DirectoryCache& cache, const std::string& path,
                                       const std::string& decoded, int64_t now_ms) {
  int error = 0;
  FileDescriptor directory = open_beneath(cache.root(now_ms), path.empty() ? "." : path.c_str(), error);
  if (!directory) return false;
  const std::string page = directory_listing(std::move(directory), decoded);
  if (page.empty()) return false;
  const std::string length = std::to_string(page.size());
  const roost_field fields[] = {{http::str("Content-Type"), http::str("text/html; charset=utf-8")},
                                {http::str("Cache-Control"), http::str("no-cache")},
                                {http::str("Content-Length"), http::str(length)}};
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = 200;
  response.headers = fields;
  const bool head = exchange.request().method_view() == "HEAD";
  response.header_count = head ? 3 : 2;
  if (!head) response.body = http::str(page);
  response.file = -1;
  exchange.respond(response);
  return true;
}

void DirectoryHandler::redirect_to_slash(http::Exchange& exchange, const std::string& decoded) {
  std::string location;
  for (size_t start = 0; start < decoded.size();) {
    const size_t slash = decoded.find('/', start + 1);
    const size_t stop = slash == std::string::npos ? decoded.size() : slash;
    location += '/';
    http::percent_encode(std::string_view(decoded).substr(start + 1, stop - start - 1), location);
    start = stop;
  }
  location += '/';
  if (exchange.request().query.data != nullptr) location.append("?").append(http::view(exchange.request().query));
  const roost_field field = {http::str("Location"), http::str(location)};
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = 301;
  response.headers = &field;
  response.header_count = 1;
  response.file = -1;
  exchange.respond(response);
}

}  // namespace roost::handlers
