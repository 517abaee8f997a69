#include "process/prototype.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>

#include "base/log.hpp"
#include "process/loaded_site.hpp"
#include "process/privileges.hpp"
#include "process/signals.hpp"
#include "process/worker.hpp"

namespace roost::process {

namespace {

// Names of the threads beside the calling one.
std::string other_threads() {
  std::string names;
#ifdef __SANITIZE_THREAD__
  return names;  // the sanitizer has one of its own, which it starts anew after fork
#endif
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task")) {
    if (entry.path().filename() == std::to_string(::gettid())) continue;
    std::string name;
    std::getline(std::ifstream(entry.path() / "comm"), name);
    names += (names.empty() ? "" : ", ") + name;
  }
  return names;
}

// The kernel kills this process when its parent ends. After setuid(), which takes that back.
void die_with(pid_t parent) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // it ended before
}

class Prototype {
 public:
  explicit Prototype(PrototypeSetup setup) : setup_(std::move(setup)) {}

  [[noreturn]] void run() {
    load();
    while (!(quitting_ && children_.empty())) {
      std::vector<pollfd> fds{{setup_.master.fd(), POLLIN, 0}};
      for (const auto& [pid, child] : children_) fds.push_back({child.pidfd.get(), POLLIN, 0});
      if (::poll(fds.data(), fds.size(), -1) < 0) continue;
      reap();
      hear();
    }
    end(0);
  }

 private:
  struct Child {
    uint32_t slot;
    base::UniqueFd pidfd;
  };

  [[noreturn]] static void end(int status) {
    std::fflush(stdout);
    std::cout.flush();
    ::_exit(status);
  }

  void load() {
    std::string summary;
    try {
      become_user(setup_.configuration->server.user);
      die_with(setup_.parent);
      if (setup_.preload) {
        loaded_.emplace(setup_);
        summary = loaded_->summary();
      }
    } catch (const std::exception& error) {
      setup_.master.send({.tell = Tell::failed, .text = error.what()});
      end(1);
    }
    // Where nothing was loaded there is nothing that a new attempt could do without.
    if (const std::string threads = other_threads(); !threads.empty() && setup_.preload) {
      setup_.master.send({.tell = Tell::threads, .text = threads});
      end(1);
    }
    setup_.master.send({.tell = Tell::loaded, .text = summary});
  }

  void hear() {
    Message message;
    while (true) {
      const Channel::Received received = setup_.master.receive(message);
      if (received == Channel::Received::gone) end(1);
      if (received == Channel::Received::nothing) return;
      if (message.tell == Tell::spawn) fork_worker(message.slot);
      if (message.tell == Tell::quit) quitting_ = true;
      if (message.tell == Tell::access_log && !message.fds.empty()) {
        ::dup3(message.fds[0].get(), setup_.access_log_fd, O_CLOEXEC);
      }
    }
  }

  void hooks_before_fork() {
    if (!loaded_) return;
    for (const auto& hooks : loaded_->plugins.worker_hooks()) {
      if (hooks.prepare_fork != nullptr) hooks.prepare_fork(hooks.self);
    }
  }

  void hooks_after_fork(bool child) {
    if (!loaded_) return;
    const auto& all = loaded_->plugins.worker_hooks();
    for (auto hooks = all.rbegin(); hooks != all.rend(); ++hooks) {
      if (hooks->after_fork != nullptr) hooks->after_fork(hooks->self, child ? 1 : 0);
    }
  }

  void fork_worker(uint32_t slot) {
    std::pair<Channel, Channel> channel;
    try {
      channel = Channel::pair();
    } catch (const std::exception& error) {
      setup_.master.send({.tell = Tell::exited, .slot = slot, .status = 1, .text = error.what()});
      return;
    }
    const pid_t self = ::getpid();
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    std::fflush(stdout);
    hooks_before_fork();
    const pid_t pid = ::fork();
    const int fork_errno = errno;
    if (pid == 0) {
      die_with(self);
      hooks_after_fork(true);
      channel.first.close();
      children_.clear();
      setup_.master.close();
      run_worker({&setup_, loaded_ ? &*loaded_ : nullptr, slot, std::move(channel.second)});
    }
    hooks_after_fork(false);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) {
      setup_.master.send({.tell = Tell::exited,
                          .slot = slot,
                          .status = 1,
                          .text = "fork: " + std::generic_category().message(fork_errno)});
      return;
    }
    base::UniqueFd pidfd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
    const int fds[] = {channel.first.fd(), pidfd.get()};
    setup_.master.send({.tell = Tell::spawned, .slot = slot, .pid = pid}, fds);
    children_.emplace(pid, Child{slot, std::move(pidfd)});
  }

  void reap() {
    for (auto child = children_.begin(); child != children_.end();) {
      int status = 0;
      const pid_t ended = ::waitpid(child->first, &status, WNOHANG);
      // ECHILD: a module set SIGCHLD to be ignored, and the kernel reaped.
      if (ended == child->first || (ended < 0 && errno == ECHILD && ::kill(child->first, 0) != 0)) {
        setup_.master.send({.tell = Tell::exited, .slot = child->second.slot, .pid = child->first, .status = status});
        child = children_.erase(child);
      } else {
        ++child;
      }
    }
  }

  PrototypeSetup setup_;
  std::optional<LoadedSite> loaded_;
  std::map<pid_t, Child> children_;
  bool quitting_ = false;
};

}  // namespace

void run_prototype(PrototypeSetup setup) {
  ::prctl(PR_SET_NAME, "roost-prototype");
  ignore_terminal_signals();
  pthread_sigmask(SIG_SETMASK, &setup.mask, nullptr);
  base::set_log_level(setup.configuration->server.log_level);
  auto* prototype = new Prototype(std::move(setup));  // never destroyed: see run_worker()
  prototype->run();
}

}  // namespace roost::process
