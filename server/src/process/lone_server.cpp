#include "process/lone_server.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <iostream>
#include <memory>
#include <optional>
#include <stdexcept>
#include <vector>

#include "base/log.hpp"
#include "base/version.hpp"
#include "net/worker_server.hpp"
#include "process/access_log_file.hpp"
#include "process/host_memory.hpp"
#include "process/listening_sockets.hpp"
#include "process/loaded_site.hpp"
#include "process/privileges.hpp"
#include "process/program.hpp"
#include "process/signals.hpp"

namespace roost::process {

namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

void log(roost_log_level level, const std::string& text) {
  base::log(level, "process", text);
}

std::shared_ptr<const config::Configuration> read(const roost_embedding& embedding) {
  config::Configuration configuration = configuration_of(embedding);
  // Loops, logs, libraries, and what the program itself has open.
  fit_connections(configuration, raise_descriptor_limit(),
                  configuration.server.listen.size() + 8 * configuration.server.threads + 128);
  check_user(configuration);
  base::set_log_level(configuration.server.log_level);
  return std::make_shared<const config::Configuration>(std::move(configuration));
}

// The program's lock (the interpreter's) is let go as long as this lives, but to look for what its signals asked for.
class Released {
 public:
  explicit Released(const roost_embedding& embedding) : embedding_(embedding) { let_go(); }
  ~Released() { take_back(); }
  Released(const Released&) = delete;
  Released& operator=(const Released&) = delete;

  // Whether a signal's handler of the program asked to stop.
  bool asked_to_stop() {
    const bool asked = take_back();
    let_go();
    return asked;
  }

 private:
  void let_go() {
    if (embedding_.before_wait != nullptr) embedding_.before_wait(embedding_.arg);
  }
  bool take_back() { return embedding_.after_wait != nullptr && embedding_.after_wait(embedding_.arg) != 0; }

  const roost_embedding& embedding_;
};

// Never destroyed, as in run_worker(): plugins are not unloaded.
LoadedSite* load(const PrototypeSetup& setup) {
  static auto* const loaded = new std::vector<std::unique_ptr<LoadedSite>>;
  return loaded->emplace_back(std::make_unique<LoadedSite>(setup)).get();
}

class LoneServer {
 public:
  explicit LoneServer(const roost_embedding& embedding)
      : configuration_(read(embedding)),
        host_(std::make_unique<HostMemory>(1)),
        signals_({SIGTERM, SIGINT, SIGUSR1}, Signals::Where::where_undefined),
        released_(embedding) {
    // Handlers do no more than set a flag, and programs that are started inherit the mask: nothing stays blocked.
    pthread_sigmask(SIG_SETMASK, &signals_.previous_mask(), nullptr);
    listeners_ = open_listeners(configuration_->server.listen, {});
    access_log_ = open_access_log(*configuration_);
    become_user(configuration_->server.user);
    setup_.configuration = configuration_;
    setup_.generation = 1;
    for (const auto& listener : listeners_) setup_.listeners.push_back(listener->fd());
    setup_.access_log_fd = access_log_.get();
    setup_.host = host_.get();
    setup_.adopted = embedding.plugin;
    setup_.adopted_config = embedding.plugin_config;
  }

  int run() {
    std::cout << "roost " << version() << ", process " << ::getpid() << "\n";
    for (const auto& listener : listeners_) std::cout << "listening " << listener->url() << "\n";
    std::cout << std::flush;
    start();
    while (!asked_to_stop()) {
    }
    log(ROOST_LOG_INFO, "stopping: running requests have timeouts.drain to end");
    for (const auto& listener : listeners_) listener->shut();
    drain();
    server_->stop();
    loaded_->stop_hooks(*server_);
    server_.reset();
    log(ROOST_LOG_INFO, "stopped");
    return 0;
  }

  // The signal that ended run(); 0: the program did.
  int stopped_by() const { return stopped_by_; }

 private:
  void start() {
    loaded_ = load(setup_);
    base::WorkerSlot& slot = host_->slots()[0];
    slot.pid = ::getpid();
    slot.generation = setup_.generation;
    slot.started_unix_ms =
        std::chrono::duration_cast<milliseconds>(std::chrono::system_clock::now().time_since_epoch()).count();
    net::WorkerSetup setup;
    setup.site = loaded_->site.get();
    setup.plugins = &loaded_->plugins;
    setup.listeners = setup_.listeners;
    setup.access_log_fd = setup_.access_log_fd;
    setup.generation = setup_.generation;
    setup.links = {host_->slots(), host_->outboxes(), host_->inbox(0)};
    setup.retire = [](std::string_view why) {
      log(ROOST_LOG_WARNING, "asked to be replaced (" + std::string(why) + "): a process that serves alone goes on");
    };
    server_.emplace(std::move(setup));
    loaded_->start_hooks(*server_);
    server_->start();
    slot.state = base::WorkerState::serving;
    std::cout << loaded_->summary() << "ready" << std::endl;
    log(ROOST_LOG_INFO, "serves alone");
  }

  void drain() {
    server_->begin_drain();
    const Clock::time_point end = Clock::now() + configuration_->server.timeouts.drain;
    while (Clock::now() < end) {
      if (server_->wait_drained(milliseconds(50))) return;
      if (asked_to_stop(milliseconds(0))) break;
    }
    log(ROOST_LOG_WARNING, "connections are cut");
  }

  // Another thread of the program may be given a signal in place of this one: its flag is looked at anyway.
  bool asked_to_stop(milliseconds patience = milliseconds(500)) {
    std::vector<pollfd> none;
    signals_.wait(none, patience);
    if (signals_.take(SIGUSR1)) reopen_access_log();
    bool signalled = false;
    for (const int number : {SIGINT, SIGTERM}) {
      if (!signals_.take(number)) continue;
      stopped_by_ = number;
      signalled = true;
    }
    return released_.asked_to_stop() || signalled;
  }

  void reopen_access_log() {
    try {
      const base::UniqueFd fresh = open_access_log(*configuration_);
      if (fresh) ::dup3(fresh.get(), access_log_.get(), O_CLOEXEC);
      log(ROOST_LOG_INFO, "logs are reopened");
    } catch (const std::exception& error) {
      log(ROOST_LOG_ERROR, std::string("the access log stays as it is: ") + error.what());
    }
  }

  const std::shared_ptr<const config::Configuration> configuration_;
  const std::unique_ptr<HostMemory> host_;
  Signals signals_;
  Released released_;
  Listeners listeners_;
  base::UniqueFd access_log_;
  PrototypeSetup setup_;
  LoadedSite* loaded_ = nullptr;
  std::optional<net::WorkerServer> server_;
  int stopped_by_ = 0;
};

}  // namespace

int serve_alone(const roost_embedding& embedding) {
  static std::atomic<bool> serving{false};
  if (serving.exchange(true)) {
    throw std::runtime_error("a server runs in this process already: a second one needs a process of its own");
  }
  const struct Over {
    ~Over() { serving = false; }
  } over;
  int status = 0, signal = 0;
  {
    LoneServer server(embedding);
    status = server.run();
    signal = server.stopped_by();
  }
  // The main thread is the program's: what the signal does to it without a server it does now.
  if (signal != 0 && ::gettid() != ::getpid()) ::kill(::getpid(), signal);
  return status;
}

}  // namespace roost::process
