#include "process/master.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <system_error>

#include "base/log.hpp"
#include "base/version.hpp"
#include "config/error.hpp"
#include "config/reader.hpp"
#include "process/access_log_file.hpp"
#include "process/privileges.hpp"
#include "process/program.hpp"
#include "process/prototype.hpp"
#include "process/status_text.hpp"

namespace roost::process {

namespace {

using std::chrono::milliseconds;

// More generations than this do not drain side by side: the oldest is cut.
constexpr size_t kMaxDraining = 2;
// A reload is over when the old workers take no more connections; one whose I/O threads are held up is not waited for.
constexpr milliseconds kClosing{1000};

void log(roost_log_level level, const std::string& text) {
  base::log(level, "process", text);
}

bool has_terminal() {
  return static_cast<bool>(base::UniqueFd(::open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)));
}

bool ignored(int signal) {
  struct sigaction action;
  return ::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Master::Master(MasterSetup setup) : setup_(std::move(setup)), hangup_may_stop_(has_terminal() && !ignored(SIGHUP)) {}

Master::~Master() = default;

int Master::run() {
  descriptors_ = raise_descriptor_limit();
  if (setup_.embedding == nullptr) {
    ::signal(SIGPIPE, SIG_IGN);
    ::signal(SIGXFSZ, SIG_IGN);  // a file at its limit (setrlimit(2)) is an error like a full disk, not the end
  }
  const ConfigurationPtr configuration = read_configuration();
  host_ = std::make_unique<HostMemory>(slots_for(configuration->server.processes));
  signals_.emplace({SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGTTIN, SIGTTOU},
                   setup_.embedding ? Signals::Where::where_undefined : Signals::Where::everywhere);
  if (!configuration->server.control.empty()) control_ = std::make_unique<ControlSocket>(configuration->server.control);
  watch_sources(*configuration);
  next_ = make_generation(configuration);
  std::cout << "roost " << version() << ", process " << ::getpid() << "\n";
  for (const auto& listener : next_->listeners()) std::cout << "listening " << listener->url() << "\n";
  std::cout << std::flush;
  fork_prototype(*next_);

  while (!(stopping_ && draining_.empty())) {
    wait();
    take_signals();
    if (control_) take_requests();
    take_changes();
    hear_program();
    advance();
  }
  if (!first_failure_.empty()) throw config::ConfigError({}, "", first_failure_);
  log(ROOST_LOG_INFO, "stopped");
  return 0;
}

// Configuration ------------------------------------------------------------------------------------------------------

Master::ConfigurationPtr Master::read_configuration() const {
  if (setup_.embedding == nullptr) return checked(config::read_file(setup_.file));
  return checked(configuration_of(*setup_.embedding));
}

Master::ConfigurationPtr Master::checked(config::Configuration configuration) const {
  config::Server& server = configuration.server;
  if (setup_.development) {
    server.develop();
    // What the file says for production is not meant: one process, whose breakpoint() has the terminal.
    server.processes = server.threads = 1;
  }
  const size_t slots = host_ ? host_->slots().size() : slots_for(server.processes);
  if (slots < 3 * size_t{server.processes}) {
    throw config::ConfigError({server.listen[0].place.file}, "server.processes",
                              std::to_string(server.processes) + " are more than this server can grow to (" +
                                  std::to_string(slots / 3) + "); stop and start it");
  }
  // Inboxes, channels, loops, logs, libraries.
  fit_connections(configuration, descriptors_, 2 * slots + server.listen.size() + 8 * server.threads + 64);
  check_user(configuration);
  base::set_log_level(server.log_level);
  return std::make_shared<const config::Configuration>(std::move(configuration));
}

// Waiting ------------------------------------------------------------------------------------------------------------

void Master::wait() {
  std::vector<pollfd> fds;
  std::optional<Clock::time_point> first = recover_at_;
  if (taking_over_until_) first = first ? std::min(*first, *taking_over_until_) : *taking_over_until_;
  const auto add = [&](const Generation& generation) {
    generation.poll_fds(fds);
    if (const auto deadline = generation.deadline()) first = first ? std::min(*first, *deadline) : *deadline;
  };
  if (current_) add(*current_);
  if (next_) add(*next_);
  for (const auto& generation : draining_) add(*generation);
  if (control_) control_->poll_fds(fds);
  if (sources_) {
    sources_->poll_fds(fds);
    if (const auto quiet = sources_->deadline()) first = first ? std::min(*first, *quiet) : *quiet;
  }
  program_.poll_fds(fds);
  milliseconds timeout{-1};
  if (first) timeout = std::max(milliseconds(0), std::chrono::ceil<milliseconds>(*first - Clock::now()));
  const roost_embedding* embedding = setup_.embedding;
  if (embedding == nullptr) {
    signals_->wait(fds, timeout);
    return;
  }
  // Another thread of the program may be given a signal in place of this one; its handler's wish is looked for anyway.
  if (timeout.count() < 0 || timeout > milliseconds(500)) timeout = milliseconds(500);
  if (embedding->before_wait) embedding->before_wait(embedding->arg);
  signals_->wait(fds, timeout);
  if (embedding->after_wait && embedding->after_wait(embedding->arg) != 0) stop();
}

void Master::take_signals() {
  if (signals_->take(SIGTERM) | signals_->take(SIGINT)) stop();
  if (signals_->take(SIGHUP)) {
    if (hangup_may_stop_ && !has_terminal()) {
      log(ROOST_LOG_INFO, "the terminal is gone");
      stop();
    } else {
      request_reload(std::nullopt);
    }
  }
  if (signals_->take(SIGUSR1)) reopen_logs();
  if (signals_->take(SIGUSR2)) log(ROOST_LOG_WARNING, "SIGUSR2: upgrading the binary is not supported yet");
  if (signals_->take(SIGTTIN) && current_) current_->add_workers(1);
  if (signals_->take(SIGTTOU) && current_) current_->add_workers(-1);
}

void Master::take_requests() {
  for (ControlSocket::Request& request : control_->take()) {
    if (request.command == "reload") {
      request_reload(std::move(request));
    } else if (request.command == "stop") {
      reloads_.wait_for_this(std::move(request));  // answered by the end of the process
      stop();
    } else if (request.command == "status") {
      ControlSocket::answer(request, true, status());
    } else {
      ControlSocket::answer(request, false, "unknown command \"" + request.command + "\"\n");
    }
  }
}

// Anew for each configuration, as that says which files there are.
void Master::watch_sources(const config::Configuration& configuration) {
  sources_.reset();
  if (!configuration.server.development) return;
  try {
    sources_ = std::make_unique<SourceWatch>(configuration);
  } catch (const std::exception& error) {
    log(ROOST_LOG_WARNING, std::string("files are not watched for changes: ") + error.what());
  }
}

void Master::take_changes() {
  if (!sources_ || !sources_->changed() || stopping_) return;
  log(ROOST_LOG_INFO, sources_->file() + " has changed");
  request_reload(std::nullopt);
}

// Generations --------------------------------------------------------------------------------------------------------

std::unique_ptr<Generation> Master::make_generation(ConfigurationPtr configuration) {
  Listeners listeners =
      open_listeners(configuration->server.listen, current_ ? current_->listeners() : kept_listeners_);
  base::UniqueFd access_log = open_access_log(*configuration);
  return std::make_unique<Generation>(++last_number_, std::move(configuration), std::move(listeners),
                                      std::move(access_log), *host_);
}

pid_t Master::fork_process() {
  const roost_embedding* embedding = setup_.embedding;
  std::cout.flush();
  std::fflush(stdout);
  if (embedding && embedding->before_fork) embedding->before_fork(embedding->arg);
  const pid_t pid = ::fork();
  const int fork_errno = errno;
  if (embedding && embedding->after_fork) embedding->after_fork(embedding->arg, pid == 0 ? 1 : 0);
  if (pid < 0) throw std::system_error(fork_errno, std::generic_category(), "fork");
  return pid;
}

void Master::forget_in_child() {
  sources_.reset();
  if (control_) control_->forget();
  reloads_.forget();
  if (current_) current_->forget();
  if (next_) next_->forget();
  for (auto& generation : draining_) generation->forget();
  program_.forget();
}

void Master::fork_prototype(Generation& generation) {
  auto [ours, theirs] = Channel::pair();
  const pid_t master = ::getpid();
  const pid_t pid = fork_process();
  if (pid != 0) {
    generation.adopt_prototype(pid, std::move(ours));
    return;
  }
  forget_in_child();
  ours.close();
  PrototypeSetup setup;
  setup.configuration = generation.configuration();
  setup.generation = generation.number();
  setup.preload = generation.preload;
  for (const auto& listener : generation.listeners()) setup.listeners.push_back(listener->fd());
  setup.access_log_fd = generation.access_log();
  setup.host = host_.get();
  setup.master = std::move(theirs);
  setup.parent = master;
  setup.mask = signals_->previous_mask();
  if (const roost_embedding* embedding = setup_.embedding) {
    setup.adopted = embedding->plugin;
    setup.adopted_config = embedding->plugin_config;
    // As in a process that never had an interpreter: the lock is free, whoever needs it takes it.
    if (embedding->before_wait) embedding->before_wait(embedding->arg);
  }
  run_prototype(std::move(setup));
}

void Master::advance() {
  std::vector<bool> occupied(host_->slots().size());
  const auto mark = [&](const Generation& generation) {
    for (const auto& [slot, worker] : generation.workers()) occupied[slot] = true;
  };
  if (current_) mark(*current_);
  if (next_) mark(*next_);
  for (const auto& generation : draining_) mark(*generation);

  for (auto& generation : draining_) generation->advance(occupied);
  draining_.remove_if([](const auto& generation) { return generation->phase() == Generation::Phase::over; });
  if (current_) {
    current_->advance(occupied);
    if (current_->phase() == Generation::Phase::over) recover();
  }
  if (next_) {
    next_->advance(occupied);
    if (next_->needs_late_loading()) {
      log(ROOST_LOG_WARNING,
          "threads exist after import (" + next_->take_threads() +
              "): modules are imported in each worker instead, as with `python: { preload: false }`");
      next_->cut();
      next_->preload = false;
      if (setup_.embedding != nullptr) {
        give_up("the program runs threads beside its main thread; start them in a startup handler");
      } else {
        fork_prototype(*next_);
      }
    } else if (!next_->failure().empty()) {
      give_up(next_->failure());
    } else if (next_->phase() == Generation::Phase::serving) {
      promote();
    }
  }
  if (taking_over_until_) take_over();
  if (recover_at_ && Clock::now() >= *recover_at_ && !reloading() && !stopping_) {
    recover_at_.reset();
    reload();
  }
}

// The next generation serves: from here on it is the current one.
void Master::promote() {
  if (current_) {
    for (const auto& listener : current_->listeners()) {
      const auto& kept = next_->listeners();
      if (std::find(kept.begin(), kept.end(), listener) == kept.end()) listener->shut();
    }
    drain(std::move(current_));
  }
  current_ = std::move(next_);
  number_serving_ = current_->number();
  // What was saved meanwhile is in neither: the old watch tells of it, and the reload after this one brings a new
  // watch.
  if (served_ && !(sources_ && sources_->pending())) watch_sources(*current_->configuration());
  kept_listeners_.clear();
  recovery_ = {};
  recover_at_.reset();
  if (!std::exchange(served_, true)) {
    std::cout << current_->summary();
    announce();
  } else {
    taking_over_until_ = Clock::now() + kClosing;
  }
}

// Who connects from here on is served by the current generation.
void Master::announce() {
  std::cout << "ready" << std::endl;
  log(ROOST_LOG_INFO, "generation " + std::to_string(number_serving_) + " serves");
}

void Master::take_over() {
  const bool alone =
      std::none_of(draining_.begin(), draining_.end(), [](const auto& generation) { return generation->accepts(); });
  if (!alone && Clock::now() < *taking_over_until_) return;
  taking_over_until_.reset();
  announce();
  settle(true, "generation " + std::to_string(number_serving_) + " serves\n");
}

void Master::drain(std::unique_ptr<Generation> generation) {
  generation->drain();
  if (generation->phase() == Generation::Phase::over) return;
  draining_.push_back(std::move(generation));
  while (draining_.size() > kMaxDraining && !stopping_) {
    log(ROOST_LOG_WARNING,
        "generation " + std::to_string(draining_.front()->number()) + " is cut: two younger ones are draining");
    draining_.pop_front();
  }
}

void Master::give_up(std::string why, const std::string& details) {
  if (next_) {
    // Where some of its workers served already, they end what they began.
    drain(std::move(next_));
  }
  if (!served_) {
    first_failure_ = std::move(why);
    stopping_ = true;
    return;
  }
  log(ROOST_LOG_ERROR, (current_ ? "reload failed, generation " + std::to_string(current_->number()) + " goes on: "
                                 : std::string("no generation serves: ")) +
                           why);
  if (current_ && current_->configuration()->server.development) current_->show_mistake(why + details);
  if (!current_) recover_at_ = Clock::now() + recovery_.after_death(milliseconds(0)) + milliseconds(100);
  settle(false, why + details + "\n");
}

void Master::recover() {
  log(ROOST_LOG_ERROR, current_->failure() + "; its workers ended with it, a new generation is started");
  kept_listeners_ = current_->listeners();
  current_.reset();
  if (!next_ && !program_.runs()) recover_at_ = Clock::now() + recovery_.after_death(milliseconds(0));
}

// Reloads ------------------------------------------------------------------------------------------------------------

void Master::request_reload(std::optional<ControlSocket::Request> request) {
  if (stopping_) {
    if (request) ControlSocket::answer(*request, false, "the server is stopping\n");
    return;
  }
  if (reloading()) return request ? reloads_.wait_for_next(std::move(*request)) : reloads_.wait_for_next();
  if (request) reloads_.wait_for_this(std::move(*request));
  reload();
}

void Master::reload() {
  try {
    if (setup_.embedding != nullptr) {
      program_.start(setup_.embedding->command, signals_->previous_mask());
    } else {
      next_ = make_generation(read_configuration());
      fork_prototype(*next_);
    }
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

void Master::settle(bool ok, const std::string& text) {
  if (reloads_.settle(ok, text) && !stopping_) reload();
}

// An embedding program afresh ----------------------------------------------------------------------------------------

void Master::hear_program() {
  std::optional<StartedProgram::Said> said = program_.hear();
  if (!said) return;
  if (said->pid == 0) {
    return give_up("the program, started again, ended before it served: " + said->text,
                   said->errors.empty() ? "" : "\n" + said->errors);
  }
  try {
    next_ = make_generation(checked(program_configuration(said->text)));
    std::vector<int> listeners;
    for (const auto& listener : next_->listeners()) listeners.push_back(listener->fd());
    send_host(said->channel, *host_, listeners, next_->access_log(), next_->number());
    next_->adopt_prototype(said->pid, std::move(said->channel));
  } catch (const std::exception& error) {
    ::kill(said->pid, SIGKILL);
    ::waitpid(said->pid, nullptr, 0);
    give_up(error.what());
  }
}

// The end, logs, status ----------------------------------------------------------------------------------------------

void Master::stop() {
  if (std::exchange(stopping_, true)) {
    log(ROOST_LOG_WARNING, "asked to stop a second time: what is left is cut");
    draining_.clear();
    return;
  }
  log(ROOST_LOG_INFO, "stopping: running requests have timeouts.drain to end");
  recover_at_.reset();
  program_.kill();
  Listeners listeners;
  for (auto* generation : {&next_, &current_}) {
    if (!*generation) continue;
    const Listeners& more = (*generation)->listeners();
    listeners.insert(listeners.end(), more.begin(), more.end());
    drain(std::move(*generation));
  }
  for (const auto& listener : listeners) listener->shut();
}

void Master::reopen_logs() {
  if (current_) current_->reopen_access_log();
  if (next_) next_->reopen_access_log();
  for (auto& generation : draining_) generation->reopen_access_log();
  log(ROOST_LOG_INFO, "logs are reopened");
}

std::string Master::status() const {
  StatusText text(*host_, started_);
  if (current_) {
    for (const auto& listener : current_->listeners()) text.line("listening " + listener->url());
    text.generation(*current_);
  } else {
    text.line("no generation serves");
  }
  if (next_) text.generation(*next_);
  for (const auto& generation : draining_) text.generation(*generation);
  text.line("last reload: " + (reloads_.last().empty() ? "none" : reloads_.last()));
  return text.take();
}

}  // namespace roost::process
