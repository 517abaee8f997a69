// `directory:` routes: files below one directory, with conditional requests, ranges, precompressed neighbours, an
// index, a fallback and a listing. Immutable but for a cache for each I/O thread, which only that thread touches.
#pragma once

#include <array>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <thread>

#include "handlers/directory_cache.hpp"
#include "handlers/handler.hpp"

namespace roost::handlers {

struct DirectoryOptions {
  std::string mount = "/";  // the route's path, patterns and all: as many segments are not part of the file's path
  std::filesystem::path directory{};  // absolute
  std::string index = "index.html";   // empty: none
  std::string fallback{};             // served with 200 for what is not there; below the directory; empty: none
  bool listing = false;
  bool hidden = false;          // names that begin with a dot are served, too; ".well-known" always is (RFC 8615)
  std::string cache_control{};  // empty: none is sent
};

class DirectoryHandler : public Handler {
 public:
  // Throws std::invalid_argument when the directory cannot be opened.
  explicit DirectoryHandler(DirectoryOptions options);
  ~DirectoryHandler() override;

  void handle(http::Exchange& exchange) noexcept override;
  std::string describe() const override;

 private:
  // A cache and the thread that it belongs to.
  struct Slot {
    std::thread::id owner;
    DirectoryCache cache;
  };
  static constexpr size_t kMaxThreads = 256;

  DirectoryCache* cache_of(uint16_t thread, std::unique_ptr<DirectoryCache>& temporary);
  void serve(http::Exchange& exchange, DirectoryCache& cache);
  bool is_hidden(std::string_view path) const noexcept;
  // False when the path means no file: then 404, whatever the fallback.
  bool file_path(std::string_view raw, std::string& path, std::string& decoded) const;
  bool serve_directory(http::Exchange& exchange, DirectoryCache& cache, const std::string& path,
                       const std::string& decoded, int64_t now_ms);
  void redirect_to_slash(http::Exchange& exchange, const std::string& decoded);

  const DirectoryOptions options_;
  size_t mount_segments_ = 0;
  std::array<std::unique_ptr<Slot>, kMaxThreads> slots_;
};

}  // namespace roost::handlers
