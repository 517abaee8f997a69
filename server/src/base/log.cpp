#include "base/log.hpp"

#include <Poco/AsyncChannel.h>
#include <Poco/AutoPtr.h>
#include <Poco/FormattingChannel.h>
#include <Poco/Logger.h>
#include <Poco/Message.h>
#include <Poco/PatternFormatter.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

namespace roost::base {

namespace {

using Poco::AutoPtr;

// Poco counts levels downwards: fatal 1 .. trace 8.
Poco::Message::Priority priority_of(roost_log_level level) {
  switch (level) {
    case ROOST_LOG_DEBUG:
      return Poco::Message::PRIO_DEBUG;
    case ROOST_LOG_INFO:
      return Poco::Message::PRIO_INFORMATION;
    case ROOST_LOG_WARNING:
      return Poco::Message::PRIO_WARNING;
    case ROOST_LOG_ERROR:
      return Poco::Message::PRIO_ERROR;
  }
  return Poco::Message::PRIO_ERROR;
}

const char* word_of(roost_log_level level) {
  switch (level) {
    case ROOST_LOG_DEBUG:
      return "debug  ";
    case ROOST_LOG_INFO:
      return "info   ";
    case ROOST_LOG_WARNING:
      return "warning";
    case ROOST_LOG_ERROR:
      return "error  ";
  }
  return "error  ";
}

// One write for each line. A stream, once it has failed (a full disk), would stay silent for good.
class StandardError final : public Poco::Channel {
 public:
  void log(const Poco::Message& message) override {
    const std::string line = message.getText() + "\n";
    for (std::string_view rest = line; !rest.empty();) {
      const ssize_t n = ::write(STDERR_FILENO, rest.data(), rest.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return;  // nobody can be told
      rest.remove_prefix(static_cast<size_t>(n));
    }
  }
};

// Standard error, each line written whole.
struct ServerLog {
  AutoPtr<Poco::FormattingChannel> direct;
  AutoPtr<Poco::AsyncChannel> queued;
  std::atomic<Poco::Channel*> channel{nullptr};
  std::atomic<int> level{ROOST_LOG_INFO};

  ServerLog() {
    AutoPtr<StandardError> console(new StandardError);
    AutoPtr<Poco::PatternFormatter> formatter(new Poco::PatternFormatter("%Y-%m-%dT%H:%M:%S.%iZ %t"));
    direct = new Poco::FormattingChannel(formatter, console);
    channel = direct.get();
  }
};

ServerLog& server_log() {
  static ServerLog log;
  return log;
}

}  // namespace

void log(roost_log_level level, std::string_view source, std::string_view message) {
  ServerLog& log = server_log();
  if (!log_enabled(level)) return;
  std::string text(word_of(level));
  text.append(" ").append(source).append(": ").append(message);
  log.channel.load(std::memory_order_acquire)->log(Poco::Message(std::string(source), text, priority_of(level)));
}

bool log_enabled(roost_log_level level) {
  return level >= server_log().level.load(std::memory_order_relaxed);
}

void set_log_level(roost_log_level level) {
  server_log().level = level;
}

void start_async_log() {
  ServerLog& log = server_log();
  log.queued = new Poco::AsyncChannel(log.direct);
  // Past 4096 waiting lines further ones are dropped; Poco says how many ("Dropped N messages").
  log.queued->setProperty("queueSize", "4096");
  log.queued->open();
  log.channel = log.queued.get();
}

void stop_async_log() {
  ServerLog& log = server_log();
  if (!log.queued) return;
  log.channel = log.direct.get();
  log.queued->close();
}

}  // namespace roost::base
