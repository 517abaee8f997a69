#include "process/program.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <system_error>

#include "config/reader.hpp"
#include "http/exchange.hpp"

namespace roost::process {

namespace {

constexpr const char* kVariable = "ROOST_PROTOTYPE_CHANNEL";
constexpr const char* kErrorsVariable = "ROOST_PROTOTYPE_STDERR";
constexpr size_t kPiece = 100;  // descriptors in one message

// The descriptor that a variable names, which is taken out of the environment; none without it.
base::UniqueFd inherited(const char* variable) {
  const char* value = std::getenv(variable);
  if (value == nullptr) return {};
  const int fd = std::atoi(value);
  ::unsetenv(variable);
  if (::fcntl(fd, F_SETFD, FD_CLOEXEC) != 0) return {};
  return base::UniqueFd(fd);
}

}  // namespace

config::Configuration configuration_of(const roost_embedding& embedding) {
  return config::read_text(http::view(embedding.configuration), std::string(http::view(embedding.name)),
                           std::string(http::view(embedding.directory)));
}

pid_t spawn_program(const char* const* command, const Channel& end, int errors, const sigset_t& mask) {
  // Everything that allocates comes before the fork.
  const base::UniqueFd later(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  const std::string variable = std::string(kVariable) + "=" + std::to_string(end.fd());
  const std::string errors_variable = std::string(kErrorsVariable) + "=" + std::to_string(later.get());
  std::vector<char*> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) environment.push_back(*entry);
  environment.push_back(const_cast<char*>(variable.c_str()));
  environment.push_back(const_cast<char*>(errors_variable.c_str()));
  environment.push_back(nullptr);
  const pid_t master = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid > 0) return pid;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != master) ::_exit(1);
  ::fcntl(end.fd(), F_SETFD, 0);
  ::fcntl(later.get(), F_SETFD, 0);
  ::dup2(errors, STDERR_FILENO);
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
  ::execve(command[0], const_cast<char* const*>(command), environment.data());
  ::_exit(127);
}

config::Configuration program_configuration(const std::string& text) {
  const size_t first = text.find('\0');
  const size_t second = text.find('\0', first + 1);
  if (first == std::string::npos || second == std::string::npos)
    throw std::runtime_error("the program said no configuration");
  return config::read_text(std::string_view(text).substr(second + 1), text.substr(0, first),
                           text.substr(first + 1, second - first - 1));
}

void send_host(const Channel& channel, const HostMemory& host, const std::vector<int>& listeners, int access_log,
               uint32_t generation) {
  const std::vector<int> all = host.descriptors();
  bool sent = true;
  for (size_t at = 0; at < all.size(); at += kPiece) {
    sent = sent && channel.send({.tell = Tell::host, .slot = static_cast<uint32_t>(host.slots().size())},
                                std::span(all).subspan(at, std::min(kPiece, all.size() - at)));
  }
  if (access_log >= 0) sent = sent && channel.send({.tell = Tell::access_log}, {&access_log, 1});
  sent = sent && channel.send({.tell = Tell::listeners, .slot = generation}, listeners);
  if (!sent) throw std::runtime_error("the program, started again, ended before it served");
}

std::optional<Channel> inherited_channel() {
  base::UniqueFd channel = inherited(kVariable);
  if (!channel) return std::nullopt;
  if (const base::UniqueFd errors = inherited(kErrorsVariable)) ::dup2(errors.get(), STDERR_FILENO);
  return Channel(std::move(channel));
}

void become_prototype(const roost_embedding& embedding, Channel channel) {
  using http::view;
  PrototypeSetup setup;
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &setup.mask);
  setup.parent = ::getppid();
  try {
    setup.configuration = std::make_shared<const config::Configuration>(configuration_of(embedding));
    std::string text(view(embedding.name));
    text += '\0';
    text += view(embedding.directory);
    text += '\0';
    text += view(embedding.configuration);
    channel.send({.tell = Tell::program, .text = text});
    std::vector<base::UniqueFd> fds;
    uint32_t slots = 0;
    while (setup.generation == 0) {
      pollfd arrived{channel.fd(), POLLIN, 0};
      ::poll(&arrived, 1, -1);
      Message message;
      const Channel::Received received = channel.receive(message);
      if (received == Channel::Received::gone) ::_exit(1);
      if (received == Channel::Received::nothing) continue;
      if (message.tell == Tell::host) {
        slots = message.slot;
        for (auto& fd : message.fds) fds.push_back(std::move(fd));
      } else if (message.tell == Tell::access_log) {
        setup.access_log_fd = message.fds.at(0).release();
      } else if (message.tell == Tell::listeners) {
        for (auto& fd : message.fds) setup.listeners.push_back(fd.release());
        setup.generation = message.slot;
      }
    }
    setup.host = new HostMemory(slots, std::move(fds));
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    ::_exit(1);
  }
  setup.master = std::move(channel);
  setup.adopted = embedding.plugin;
  setup.adopted_config = embedding.plugin_config;
  if (embedding.before_wait) embedding.before_wait(embedding.arg);
  run_prototype(std::move(setup));
}

}  // namespace roost::process
