#include "handlers/directory_cache.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <ctime>

#include "handlers/mime_types.hpp"
#include "http/date.hpp"
#include "http/exchange.hpp"

namespace roost::handlers {
namespace {

constexpr int64_t kFreshMs = 990;                // with the coarse clock's steps below a second
constexpr uint64_t kMaxInMemory = 64 * 1024;     // larger files are sent with sendfile()
constexpr uint64_t kMaxBytes = 8 * 1024 * 1024;  // for each thread
constexpr size_t kMaxEntries = 4096, kMaxDescriptors = 128;
constexpr int64_t kFreshFileNs = 2'000'000'000;  // file systems keep times of up to two seconds' grain

int64_t wall_clock_ns() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

bool is_recent(const FileState& state) {
  const int64_t now = wall_clock_ns();
  return now - state.modified_ns < kFreshFileNs || now - state.changed_ns < kFreshFileNs;
}

bool same(const std::unique_ptr<Representation>& a, const std::unique_ptr<Representation>& b) {
  return (a == nullptr) == (b == nullptr) && (a == nullptr || a->state == b->state);
}

}  // namespace

DirectoryCache::DirectoryCache(std::filesystem::path root, std::string_view cache_control)
    : path_(std::move(root)), cache_control_(cache_control) {}

const CachedFile* DirectoryCache::fresh(std::string_view key, int64_t now_ms) const {
  const auto found = entries_.find(key);
  return found != entries_.end() && now_ms - found->second.checked_ms < kFreshMs ? &found->second : nullptr;
}

int DirectoryCache::root(int64_t now_ms) {
  if (!root_ || now_ms - root_opened_ms_ >= kFreshMs) {
    FileDescriptor opened(open(path_.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    // Out of descriptors, or gone for a moment while it is being replaced: the old one goes on.
    if (opened) root_ = std::move(opened);
    root_opened_ms_ = now_ms;
  }
  return root_.get();
}

std::unique_ptr<Representation> DirectoryCache::open_neighbour(const std::string& path, const FileState& plain,
                                                               int64_t now_ms) {
  int error = 0;
  auto result = std::make_unique<Representation>();
  result->file = open_beneath(root(now_ms), path.c_str(), error);
  struct stat info {};
  if (!result->file || fstat(result->file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return nullptr;
  result->state = state_of(info);
  // One that is older than the file was made from something else.
  if (result->state.modified_ns / 1'000'000'000 < plain.modified_ns / 1'000'000'000) return nullptr;
  return result;
}

Lookup DirectoryCache::load(std::string_view key, const std::string& path, int64_t now_ms, const CachedFile** result) {
  int error = 0;
  auto plain = std::make_unique<Representation>();
  plain->file = open_beneath(root(now_ms), path.c_str(), error);
  struct stat info {};
  if (!plain->file || fstat(plain->file.get(), &info) != 0) {
    return error == EMFILE || error == ENFILE || error == ENOMEM ? Lookup::busy : Lookup::missing;
  }
  if (S_ISDIR(info.st_mode)) return Lookup::directory;
  if (!S_ISREG(info.st_mode)) return Lookup::missing;
  plain->state = state_of(info);

  CachedFile file;
  file.checked_ms = now_ms;
  file.brotli = open_neighbour(path + ".br", plain->state, now_ms);
  file.gzip = open_neighbour(path + ".gz", plain->state, now_ms);
  file.plain = std::move(plain);
  for (const auto* each : {&file.plain, &file.brotli, &file.gzip}) {
    file.fresh_file = file.fresh_file || (*each != nullptr && is_recent((*each)->state));
  }

  const auto known = entries_.find(key);
  if (known != entries_.end()) {
    CachedFile& old = known->second;
    if (!old.fresh_file && same(old.plain, file.plain) && same(old.brotli, file.brotli) && same(old.gzip, file.gzip)) {
      old.checked_ms = now_ms;
      *result = &old;
      return Lookup::file;
    }
    for (const auto* each : {&old.plain, &old.brotli, &old.gzip}) {
      if (*each == nullptr) continue;
      bytes_ -= (*each)->body.size();
      if ((*each)->file) --descriptors_;
    }
    entries_.erase(known);
  }

  const bool varies = file.brotli != nullptr || file.gzip != nullptr;
  uint64_t bytes = 0;
  size_t descriptors = 0;
  for (const auto& [each, coding] : {std::pair{&file.plain, ""}, {&file.brotli, "br"}, {&file.gzip, "gzip"}}) {
    if (*each == nullptr) continue;
    // Cut short or replaced between fstat() and read(): as if it were not there; the next request finds what is.
    if (!fill(**each, path, coding, varies)) return Lookup::missing;
    bytes += (*each)->body.size();
    if ((*each)->file) ++descriptors;
  }
  make_room(bytes, descriptors);
  bytes_ += bytes;
  descriptors_ += descriptors;
  *result = &entries_.emplace(std::string(key), std::move(file)).first->second;
  return Lookup::file;
}

FileState state_of(const struct stat& info) {
  return {static_cast<uint64_t>(info.st_dev), static_cast<uint64_t>(info.st_ino), static_cast<uint64_t>(info.st_size),
          info.st_mtim.tv_sec * 1'000'000'000 + info.st_mtim.tv_nsec,
          info.st_ctim.tv_sec * 1'000'000'000 + info.st_ctim.tv_nsec};
}

bool describe(Representation& it, std::string_view coding) {
  if (it.state.size <= kMaxInMemory) {
    it.body.resize(it.state.size);
    size_t got = 0;
    while (got < it.body.size()) {
      const ssize_t n = pread(it.file.get(), it.body.data() + got, it.body.size() - got, static_cast<off_t>(got));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return false;
      got += static_cast<size_t>(n);
    }
    it.file = FileDescriptor();
  }
  const int64_t now_ns = wall_clock_ns();
  // A date in the future would not be a validator (RFC 9110 section 8.8.2.1).
  it.last_modified_seconds = std::min(it.state.modified_ns, now_ns) / 1'000'000'000;
  it.last_modified.resize(http::kDateSize);
  http::format_date(it.last_modified_seconds, it.last_modified.data());
  char tag[80];
  std::snprintf(tag, sizeof tag, "%s\"%llx-%llx%s%.*s\"", now_ns - it.state.modified_ns < 1'000'000'000 ? "W/" : "",
                static_cast<unsigned long long>(it.state.modified_ns), static_cast<unsigned long long>(it.state.size),
                coding.empty() ? "" : "-", static_cast<int>(coding.size()), coding.data());
  it.etag = tag;
  it.fields.push_back({http::str("ETag"), http::str(it.etag)});
  it.fields.push_back({http::str("Last-Modified"), http::str(it.last_modified)});
  return true;
}

bool DirectoryCache::fill(Representation& it, std::string_view name, std::string_view coding, bool varies) {
  if (!describe(it, coding)) return false;
  auto add = [&it](std::string_view field, std::string_view value) {
    it.fields.push_back({http::str(field), http::str(value)});
  };
  if (!cache_control_.empty()) add("Cache-Control", cache_control_);
  if (varies) add("Vary", "Accept-Encoding");
  it.not_modified_fields = it.fields.size();
  add("Content-Type", mime_type(name));
  add("Accept-Ranges", "bytes");
  if (!coding.empty()) add("Content-Encoding", coding);
  return true;
}

void DirectoryCache::make_room(uint64_t bytes, size_t files) {
  if (bytes_ + bytes <= kMaxBytes && descriptors_ + files <= kMaxDescriptors && entries_.size() < kMaxEntries) return;
  entries_.clear();
  bytes_ = 0;
  descriptors_ = 0;
}

}  // namespace roost::handlers
