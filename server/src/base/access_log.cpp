#include "base/access_log.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <ctime>
#include <mutex>
#include <optional>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "base/log.hpp"

namespace roost::base {

namespace {

constexpr size_t kMaxUnwritten = 4 << 20;
constexpr std::chrono::seconds kComplainEvery{10};

// Control characters, quotes and what is no ASCII as \u00XX or, for bytes of UTF-8, as they are.
void append_json(std::string& out, std::string_view text) {
  static const char digits[] = "0123456789abcdef";
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
}

// As nginx and Apache write them: quotes, backslashes and unprintable bytes as \xXX.
void append_combined(std::string& out, std::string_view text) {
  static const char digits[] = "0123456789ABCDEF";
  if (text.empty()) out += '-';
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte >= 0x7f || c == '"' || c == '\\') {
      out += "\\x";
      out += digits[byte >> 4];
      out += digits[byte & 15];
    } else {
      out += c;
    }
  }
}

}  // namespace

struct AccessLog::Impl {
  struct alignas(64) Buffer {
    std::string lines;
    char when[40] = "";
    time_t when_second = -1;
  };

  int fd;
  AccessFormat format;
  std::vector<Buffer> buffers;
  std::mutex mutex;  // guards pending, dropped and stopping
  std::condition_variable changed;
  std::string pending;
  uint64_t dropped = 0;
  bool stopping = false;
  std::thread writer;

  // The writer's.
  bool torn = false;  // the last line was not written whole
  std::optional<std::chrono::steady_clock::time_point> complained;

  const char* now(Buffer& buffer) {
    timespec ts;
    clock_gettime(CLOCK_REALTIME_COARSE, &ts);
    if (ts.tv_sec != buffer.when_second) {
      tm utc;
      gmtime_r(&ts.tv_sec, &utc);
      strftime(buffer.when, sizeof buffer.when,
               format == AccessFormat::json ? "%Y-%m-%dT%H:%M:%SZ" : "%d/%b/%Y:%H:%M:%S +0000", &utc);
      buffer.when_second = ts.tv_sec;
    }
    return buffer.when;
  }

  // What cannot be written is lost, and said once in a while; what comes later begins on a line of its own.
  void write_all(std::string_view text) {
    if (torn && ::write(fd, "\n", 1) == 1) torn = false;
    while (!text.empty()) {
      const ssize_t n = ::write(fd, text.data(), text.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) {
        complain(errno);
        return;
      }
      torn = n > 0 && text[static_cast<size_t>(n) - 1] != '\n';
      text.remove_prefix(static_cast<size_t>(n));
    }
  }

  void complain(int error) {
    const auto now = std::chrono::steady_clock::now();
    if (complained && now - *complained < kComplainEvery) return;
    complained = now;
    log(ROOST_LOG_ERROR, "access_log", "lines are lost: " + std::generic_category().message(error));
  }

  void run() {
    std::string lines;
    std::unique_lock lock(mutex);
    while (true) {
      changed.wait(lock, [&] { return stopping || !pending.empty(); });
      if (pending.empty()) return;
      lines.swap(pending);
      const uint64_t lost = std::exchange(dropped, 0);
      lock.unlock();
      if (lost) log(ROOST_LOG_WARNING, "access_log", std::to_string(lost) + " lines dropped: the disk is too slow");
      write_all(lines);
      lines.clear();
      lock.lock();
    }
  }
};

AccessLog::AccessLog(int fd, AccessFormat format, uint32_t threads) : impl_(std::make_unique<Impl>()) {
  impl_->fd = fd;
  impl_->format = format;
  impl_->buffers.resize(threads);
}

AccessLog::~AccessLog() {
  stop();
}

void AccessLog::start() {
  impl_->writer = std::thread([this] { impl_->run(); });
}

void AccessLog::stop() {
  if (!impl_->writer.joinable()) return;
  for (uint32_t i = 0; i < impl_->buffers.size(); ++i) flush(i);
  {
    std::lock_guard lock(impl_->mutex);
    impl_->stopping = true;
  }
  impl_->changed.notify_one();
  impl_->writer.join();
}

void AccessLog::record(uint32_t thread, const AccessRecord& r) noexcept {
  Impl::Buffer& buffer = impl_->buffers[thread];
  std::string& out = buffer.lines;
  const char* when = impl_->now(buffer);
  if (impl_->format == AccessFormat::json) {
    out.append("{\"time\":\"").append(when).append("\",\"id\":\"").append(r.request_id).append("\",\"client\":\"");
    append_json(out, r.client_ip);
    out.append("\",\"method\":\"");
    append_json(out, r.method);
    out.append("\",\"target\":\"");
    append_json(out, r.target);
    out.append("\",\"mount\":\"");
    append_json(out, r.mount);
    out.append("\",\"status\":").append(std::to_string(r.status)).append(",\"bytes\":").append(std::to_string(r.bytes));
    out.append(",\"us\":").append(std::to_string(r.duration.count())).append("}\n");
    return;
  }
  append_combined(out, r.client_ip);
  out.append(" - - [").append(when).append("] \"");
  append_combined(out, r.method);
  out += ' ';
  append_combined(out, r.target);
  out.append(r.version == 0x0100 ? " HTTP/1.0\" " : " HTTP/1.1\" ").append(std::to_string(r.status)).append(" ");
  out.append(std::to_string(r.bytes)).append(" \"");
  append_combined(out, r.referer);
  out.append("\" \"");
  append_combined(out, r.user_agent);
  out.append("\"\n");
}

void AccessLog::flush(uint32_t thread) noexcept {
  std::string& lines = impl_->buffers[thread].lines;
  if (lines.empty()) return;
  {
    std::lock_guard lock(impl_->mutex);
    if (impl_->pending.size() + lines.size() > kMaxUnwritten) {
      impl_->dropped += static_cast<uint64_t>(std::count(lines.begin(), lines.end(), '\n'));
    } else {
      impl_->pending += lines;
    }
  }
  lines.clear();
  impl_->changed.notify_one();
}

}  // namespace roost::base
