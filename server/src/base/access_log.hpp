// One line for each request, JSON or combined. Each I/O thread formats into a buffer of its own and hands it over to
// one writer thread in each worker at the end of a batch; the file is opened by the master (append), reopened on USR1.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace roost::base {

struct AccessRecord {
  std::string_view request_id, client_ip, method, target, mount, referer, user_agent;
  uint16_t version = 0x0101;
  uint16_t status = 0;
  uint64_t bytes = 0;                    // of the response's body, as sent
  std::chrono::microseconds duration{};  // first byte of the request to last byte of the response handed to the kernel
};

enum class AccessFormat : uint8_t { json, combined };

class AccessLog {
 public:
  // fd: inherited from the master, not owned. threads: I/O threads that will write.
  AccessLog(int fd, AccessFormat format, uint32_t threads);
  ~AccessLog();
  AccessLog(const AccessLog&) = delete;
  AccessLog& operator=(const AccessLog&) = delete;

  // After fork: starts the writer thread. stop() writes what is left.
  void start();
  void stop();

  // On I/O thread `thread` only. Never blocks: past 4 MiB of unwritten lines further ones are dropped and counted.
  void record(uint32_t thread, const AccessRecord& record) noexcept;
  // At the end of a batch, on that thread.
  void flush(uint32_t thread) noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace roost::base
