#include "process/worker.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>

#include "base/log.hpp"
#include "net/worker_server.hpp"
#include "process/signals.hpp"

namespace roost::process {

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

// Written to by the handler of SIGTERM, which any thread may run: signals are not blocked in a worker, as programs that
// its handlers start would inherit that.
int wake_fd = -1;

void wake(int) {
  const int saved = errno;
  if (::write(wake_fd, "", 1) < 0) {
  }
  errno = saved;
}

// A handler may fork, as Python's multiprocessing does. A signal is to end that child as any other, and not to be told
// to the worker, whose descriptors it has; one that comes before the child has let go of the handler waits.
thread_local sigset_t mask_before_fork;

void before_fork() {
  sigset_t all;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &mask_before_fork);
}

void after_fork_in_parent() {
  pthread_sigmask(SIG_SETMASK, &mask_before_fork, nullptr);
}

void after_fork_in_child() {
  wake_fd = -1;
  heed_terminal_signals(wake);
  pthread_sigmask(SIG_SETMASK, &mask_before_fork, nullptr);
}

class Worker {
 public:
  explicit Worker(WorkerLife life)
      : life_(std::move(life)), slot_(life_.setup->host->slots()[life_.slot]), terminated_(take_sigterm()) {}

  // The exit status.
  int run() {
    slot_.pid = ::getpid();
    slot_.generation = life_.setup->generation;
    slot_.started_unix_ms =
        std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    slot_.state = base::WorkerState::starting;
    try {
      prepare();
      if (!wait_for_leave_to_serve()) {
        end();  // what the start hooks began
        return 0;
      }
      server_->start();
    } catch (const std::exception& error) {
      life_.master.send({.tell = Tell::failed, .slot = life_.slot, .text = error.what()});
      return 1;
    }
    slot_.state = base::WorkerState::serving;
    life_.master.send({.tell = Tell::serving, .slot = life_.slot});
    serve();
    drain();
    end();
    return 0;
  }

 private:
  enum class Event : uint8_t { none, serve, drain };

  static base::UniqueFd take_sigterm() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC | O_NONBLOCK) != 0) return {};
    wake_fd = fds[1];
    struct sigaction action {};
    action.sa_handler = wake;
    action.sa_flags = SA_RESTART;
    sigaction(SIGTERM, &action, nullptr);
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
    return base::UniqueFd(fds[0]);
  }

  void prepare() {
    pthread_sigmask(SIG_SETMASK, &life_.setup->mask, nullptr);
    std::string summary;
    if (life_.loaded == nullptr) {
      own_.emplace(*life_.setup);
      life_.loaded = &*own_;
      summary = own_->summary();
    }
    net::WorkerSetup setup;
    setup.site = life_.loaded->site.get();
    setup.plugins = &life_.loaded->plugins;
    setup.listeners = life_.setup->listeners;
    setup.access_log_fd = life_.setup->access_log_fd;
    setup.slot = life_.slot;
    setup.generation = life_.setup->generation;
    setup.links = {life_.setup->host->slots(), life_.setup->host->outboxes(), life_.setup->host->inbox(life_.slot)};
    setup.retire = [this](std::string_view why) {
      life_.master.send({.tell = Tell::retire, .slot = life_.slot, .text = std::string(why)});
    };
    server_.emplace(std::move(setup));
    life_.loaded->start_hooks(*server_);
    life_.master.send({.tell = Tell::prepared, .slot = life_.slot, .text = summary});
  }

  // False when the generation is not wanted any more.
  bool wait_for_leave_to_serve() {
    while (true) {
      switch (next(milliseconds(-1))) {
        case Event::serve:
          return true;
        case Event::drain:
          return false;
        case Event::none:
          break;
      }
    }
  }

  void serve() {
    while (next(milliseconds(-1)) != Event::drain) {
    }
  }

  void drain() {
    slot_.state = base::WorkerState::draining;
    server_->begin_drain();
    const Clock::time_point end = Clock::now() + life_.setup->configuration->server.timeouts.drain;
    bool closed = false;
    while (true) {
      const auto left = std::chrono::duration_cast<milliseconds>(end - Clock::now());
      if (left.count() <= 0) break;
      const milliseconds patience = std::min(left, milliseconds(200));
      if (closed) {
        if (server_->wait_drained(patience)) return;
      } else if (server_->wait_closed(patience)) {
        closed = life_.master.send({.tell = Tell::closed, .slot = life_.slot});
      }
      next(milliseconds(0));  // the log may be exchanged meanwhile
    }
    base::log(ROOST_LOG_WARNING, "process",
              "worker " + std::to_string(::getpid()) + ": connections are cut at the end of timeouts.drain");
  }

  void end() {
    server_->stop();
    life_.loaded->stop_hooks(*server_);
    server_.reset();
  }

  // What the master says next. A SIGTERM is told to the master, which has this worker replaced.
  Event next(milliseconds patience) {
    pollfd fds[] = {{life_.master.fd(), POLLIN, 0}, {terminated_.get(), POLLIN, 0}};
    if (::poll(fds, 2, static_cast<int>(patience.count())) < 0) return Event::none;
    char byte;
    if (fds[1].revents != 0 && ::read(terminated_.get(), &byte, 1) == 1) {
      life_.master.send({.tell = Tell::retire, .slot = life_.slot, .text = "SIGTERM"});
      return Event::drain;
    }
    if (fds[0].revents == 0) return Event::none;
    Message message;
    switch (life_.master.receive(message)) {
      case Channel::Received::gone:
        ::_exit(1);  // so is the master
      case Channel::Received::nothing:
        return Event::none;
      case Channel::Received::message:
        break;
    }
    if (message.tell == Tell::access_log && !message.fds.empty()) {
      // At once for every thread, whatever it writes just now.
      ::dup3(message.fds[0].get(), life_.setup->access_log_fd, O_CLOEXEC);
    }
    if (message.tell == Tell::mistake) server_->show_mistake(std::move(message.text));
    if (message.tell == Tell::serve) return Event::serve;
    return message.tell == Tell::drain ? Event::drain : Event::none;
  }

  WorkerLife life_;
  base::WorkerSlot& slot_;
  base::UniqueFd terminated_;
  std::optional<LoadedSite> own_;
  std::optional<net::WorkerServer> server_;
};

}  // namespace

void run_worker(WorkerLife life) {
  ::prctl(PR_SET_NAME, "roost-worker");
  int status;
  {
    // Not destroyed: plugins are never unloaded while a process serves, nor at its end.
    auto* worker = new Worker(std::move(life));
    status = worker->run();
  }
  ::_exit(status);
}

}  // namespace roost::process
