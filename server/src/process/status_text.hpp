// What `roost status` prints, from the master's knowledge and the workers' slots. The master's.
#pragma once

#include <chrono>
#include <string>

#include "process/generation.hpp"
#include "process/host_memory.hpp"

namespace roost::process {

class StatusText {
 public:
  StatusText(const HostMemory& host, Generation::Clock::time_point started);

  void line(const std::string& text) { text_ += text + "\n"; }
  void generation(const Generation& generation);
  std::string take() { return std::move(text_); }

 private:
  const HostMemory& host_;
  std::string text_;
};

// "3s", "12m 5s", "4h 2m", "3d 1h".
std::string duration_text(std::chrono::seconds duration);

}  // namespace roost::process
