#include "process/status_text.hpp"

#include <unistd.h>

#include <cstdio>

#include "base/version.hpp"

namespace roost::process {

namespace {

using std::chrono::seconds;

const char* word_of(Generation::Phase phase) {
  switch (phase) {
    case Generation::Phase::loading:
      return "loading";
    case Generation::Phase::preparing:
      return "preparing";
    case Generation::Phase::opening:
      return "opening";
    case Generation::Phase::serving:
      return "serving";
    case Generation::Phase::draining:
      return "draining";
    case Generation::Phase::over:
      return "over";
  }
  return "";
}

const char* word_of(Generation::Worker::State state) {
  switch (state) {
    case Generation::Worker::State::asked_for:
    case Generation::Worker::State::preparing:
      return "starting";
    case Generation::Worker::State::prepared:
      return "prepared";
    case Generation::Worker::State::serving:
      return "serving";
    case Generation::Worker::State::draining:
      return "draining";
  }
  return "";
}

}  // namespace

std::string duration_text(seconds duration) {
  const long long s = duration.count();
  const auto two = [](long long a, const char* unit, long long b, const char* smaller) {
    return std::to_string(a) + unit + " " + std::to_string(b) + smaller;
  };
  if (s < 60) return std::to_string(s) + "s";
  if (s < 3600) return two(s / 60, "m", s % 60, "s");
  if (s < 86400) return two(s / 3600, "h", s % 3600 / 60, "m");
  return two(s / 86400, "d", s % 86400 / 3600, "h");
}

StatusText::StatusText(const HostMemory& host, Generation::Clock::time_point started) : host_(host) {
  line(std::string("roost ") + version() + ", process " + std::to_string(::getpid()) + ", up " +
       duration_text(std::chrono::duration_cast<seconds>(Generation::Clock::now() - started)));
}

void StatusText::generation(const Generation& generation) {
  line("generation " + std::to_string(generation.number()) + ": " + word_of(generation.phase()) + ", prototype " +
       std::to_string(generation.pid()));
  char row[160];
  std::snprintf(row, sizeof row, "  %8s  %-9s %10s %12s %11s %12s", "PID", "STATE", "UP", "CONNECTIONS", "WEBSOCKETS",
                "REQUESTS");
  line(row);
  const auto now =
      std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch());
  for (const auto& [number, worker] : generation.workers()) {
    const base::WorkerSlot& slot = host_.slots()[number];
    const auto up = std::chrono::duration_cast<seconds>(now - std::chrono::milliseconds(slot.started_unix_ms.load()));
    std::snprintf(row, sizeof row, "  %8d  %-9s %10s %12lld %11lld %12llu", static_cast<int>(worker.pid),
                  word_of(worker.state), slot.pid ? duration_text(up).c_str() : "-",
                  static_cast<long long>(slot.connections.load()), static_cast<long long>(slot.websockets.load()),
                  static_cast<unsigned long long>(slot.requests.load()));
    line(row);
  }
}

}  // namespace roost::process
