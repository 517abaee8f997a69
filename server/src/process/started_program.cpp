#include "process/started_program.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "process/generation.hpp"
#include "process/program.hpp"

namespace roost::process {

namespace {

constexpr size_t kErrors = 16 * 1024;

// What can be read now, written to this process's standard error. False at the end.
bool pass_on(const base::UniqueFd& from, std::string* kept) {
  char buffer[4096];
  while (true) {
    const ssize_t got = ::read(from.get(), buffer, sizeof buffer);
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    if (got == 0) return false;
    for (ssize_t at = 0, written = 0; at < got; at += written) {
      written = ::write(STDERR_FILENO, buffer + at, static_cast<size_t>(got - at));
      if (written <= 0) break;  // nobody reads it
    }
    if (kept == nullptr) continue;
    kept->append(buffer, static_cast<size_t>(got));
    if (kept->size() > kErrors) kept->erase(0, kept->size() - kErrors);
  }
}

}  // namespace

void StartedProgram::start(const char* const* command, const sigset_t& mask) {
  if (command == nullptr) throw std::runtime_error("this program cannot be started again");
  auto [ours, theirs] = Channel::pair();
  int pipe[2];
  if (::pipe2(pipe, O_CLOEXEC) != 0) throw std::system_error(errno, std::generic_category(), "pipe");
  errors_.reset(pipe[0]);
  errors_text_.clear();
  const base::UniqueFd written(pipe[1]);
  ::fcntl(errors_.get(), F_SETFL, O_NONBLOCK);
  pid_ = spawn_program(command, theirs, written.get(), mask);
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid_, 0)));
  channel_ = std::move(ours);
}

void StartedProgram::poll_fds(std::vector<pollfd>& fds) const {
  for (const base::UniqueFd& errors : others_) fds.push_back({errors.get(), POLLIN, 0});
  if (errors_) fds.push_back({errors_.get(), POLLIN, 0});
  if (!runs()) return;
  if (channel_) fds.push_back({channel_.fd(), POLLIN, 0});
  fds.push_back({pidfd_.get(), POLLIN, 0});
}

void StartedProgram::pass_errors_on() {
  if (errors_ && !pass_on(errors_, &errors_text_)) errors_.reset();
  std::erase_if(others_, [](const base::UniqueFd& errors) { return !pass_on(errors, nullptr); });
}

std::optional<StartedProgram::Said> StartedProgram::hear() {
  pass_errors_on();
  if (!runs()) return std::nullopt;
  if (channel_) {
    Message message;
    const Channel::Received received = channel_.receive(message);
    if (received == Channel::Received::message && message.tell == Tell::program) {
      pidfd_.reset();
      if (errors_) others_.push_back(std::move(errors_));
      return Said{std::exchange(pid_, 0), std::move(channel_), std::move(message.text)};
    }
    if (received == Channel::Received::gone) channel_.close();  // whose end would be reported for ever
  }
  int status = 0;
  if (::waitpid(pid_, &status, WNOHANG) != pid_) return std::nullopt;
  pass_errors_on();  // its last words
  std::string errors = std::move(errors_text_);
  ended();
  return Said{0, {}, ending_of(status), std::move(errors)};
}

void StartedProgram::kill() {
  if (!runs()) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  ended();
}

void StartedProgram::ended() {
  if (errors_) others_.push_back(std::move(errors_));
  pid_ = 0;
  pidfd_.reset();
  channel_.close();
}

void StartedProgram::forget() {
  errors_.reset();
  others_.clear();
  pid_ = 0;
  pidfd_.reset();
  channel_.close();
}

}  // namespace roost::process
