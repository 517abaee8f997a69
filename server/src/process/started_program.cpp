#include "process/started_program.hpp"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "process/generation.hpp"
#include "process/program.hpp"

namespace roost::process {

void StartedProgram::start(const char* const* command, const sigset_t& mask) {
  if (command == nullptr) throw std::runtime_error("this program cannot be started again");
  auto [ours, theirs] = Channel::pair();
  pid_ = spawn_program(command, theirs, mask);
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  channel_ = std::move(ours);
}

void StartedProgram::poll_fds(std::vector<pollfd>& fds) const {
  if (!runs()) return;
  if (channel_) fds.push_back({channel_.fd(), POLLIN, 0});
  fds.push_back({pidfd_.get(), POLLIN, 0});
}

std::optional<StartedProgram::Said> StartedProgram::hear() {
  if (!runs()) return std::nullopt;
  if (channel_) {
    Message message;
    const Channel::Received received = channel_.receive(message);
    if (received == Channel::Received::message && message.tell == Tell::program) {
      pidfd_.reset();
      return Said{std::exchange(pid_, 0), std::move(channel_), std::move(message.text)};
    }
    if (received == Channel::Received::gone) channel_.close();  // whose end would be reported for ever
  }
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  forget();
  return Said{0, {}, ending_of(status)};
}

void StartedProgram::kill() {
  if (!runs()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  forget();
}

void StartedProgram::forget() {
  pid_ = 0;
  pidfd_.reset();
  channel_.close();
}

}  // namespace roost::process
