#include "process/master.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
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
#include "http/exchange.hpp"
#include "process/privileges.hpp"
#include "process/program.hpp"
#include "process/prototype.hpp"
#include "process/status_text.hpp"

namespace roost::process {

namespace {

using std::chrono::milliseconds;

// More generations than this do not drain side by side: the oldest is cut.
constexpr size_t kMaxDraining = 2;

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

base::UniqueFd open_access_log(const config::Configuration& configuration) {
  const config::AccessLog& log = configuration.server.access_log;
  if (log.format == config::LogFormat::none) return {};
  base::UniqueFd fd(log.path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                    : ::open(log.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) {
    const int error = errno;
    const config::Place place{configuration.server.listen.empty() ? nullptr
                                                                  : configuration.server.listen[0].place.file};
    throw config::ConfigError(place, "server.access_log.path",
                              "\"" + log.path + "\": " + std::generic_category().message(error));
  }
  return fd;
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

  while (!(stopping_ && draining_.empty()) && first_failure_.empty()) {
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
  return checked(config::read_text(http::view(setup_.embedding->configuration),
                                   std::string(http::view(setup_.embedding->name)),
                                   std::string(http::view(setup_.embedding->directory))));
}

Master::ConfigurationPtr Master::checked(config::Configuration configuration) const {
  config::Server& server = configuration.server;
  if (setup_.development) server.develop();
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
  if (program_ != 0) {
    fds.push_back({program_channel_.fd(), POLLIN, 0});
    fds.push_back({program_pidfd_.get(), POLLIN, 0});
  }
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
      waiting_.push_back(std::move(request));  // answered by the end of the process
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
  auto generation =
      std::make_unique<Generation>(++last_number_, std::move(configuration), std::move(listeners), *host_);
  generation->access_log = std::move(access_log);
  return generation;
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
  waiting_.clear();
  waiting_more_.clear();
  if (current_) current_->forget();
  if (next_) next_->forget();
  for (auto& generation : draining_) generation->forget();
  program_channel_.close();
  program_pidfd_.reset();
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
  setup.access_log_fd = generation.access_log.get();
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
  if (recover_at_ && Clock::now() >= *recover_at_ && !next_ && program_ == 0 && !stopping_) {
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
  // What was saved meanwhile is in neither: the old watch tells of it, and the reload after this one brings a new
  // watch.
  if (served_ && !(sources_ && sources_->pending())) watch_sources(*current_->configuration());
  kept_listeners_.clear();
  recovery_ = {};
  const bool first = !std::exchange(served_, true);
  if (first) std::cout << current_->summary();
  std::cout << "ready" << std::endl;
  log(ROOST_LOG_INFO, "generation " + std::to_string(current_->number()) + " serves");
  if (!first) settle(true, "generation " + std::to_string(current_->number()) + " serves\n");
}

void Master::drain(std::unique_ptr<Generation> generation) {
  generation->drain();
  draining_.push_back(std::move(generation));
  while (draining_.size() > kMaxDraining && !stopping_) {
    log(ROOST_LOG_WARNING,
        "generation " + std::to_string(draining_.front()->number()) + " is cut: two younger ones are draining");
    draining_.pop_front();
  }
}

void Master::give_up(const std::string& why) {
  if (next_) {
    // Where some of its workers served already, they end what they began.
    drain(std::move(next_));
  }
  if (!served_) {
    first_failure_ = why;
    return;
  }
  log(ROOST_LOG_ERROR, (current_ ? "reload failed, generation " + std::to_string(current_->number()) + " goes on: "
                                 : std::string("no generation serves: ")) +
                           why);
  if (!current_) recover_at_ = Clock::now() + recovery_.after_death(milliseconds(0)) + milliseconds(100);
  settle(false, why + "\n");
}

void Master::recover() {
  log(ROOST_LOG_ERROR, current_->failure() + "; its workers ended with it, a new generation is started");
  kept_listeners_ = current_->listeners();
  current_.reset();
  if (!next_ && program_ == 0) recover_at_ = Clock::now() + recovery_.after_death(milliseconds(0));
}

// Reloads ------------------------------------------------------------------------------------------------------------

void Master::request_reload(std::optional<ControlSocket::Request> request) {
  if (stopping_) {
    if (request) ControlSocket::answer(*request, false, "the server is stopping\n");
    return;
  }
  if (next_ || program_ != 0) {
    // It may have read the old state of the files: once more, however many ask.
    if (request) waiting_more_.push_back(std::move(*request));
    reload_again_ = true;
    return;
  }
  if (request) waiting_.push_back(std::move(*request));
  reload();
}

void Master::reload() {
  try {
    if (setup_.embedding != nullptr) {
      start_program();
    } else {
      next_ = make_generation(read_configuration());
      fork_prototype(*next_);
    }
  } catch (const std::exception& error) {
    give_up(error.what());
  }
}

void Master::settle(bool ok, const std::string& text) {
  char when[40];
  const time_t now = ::time(nullptr);
  tm utc;
  ::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", ::gmtime_r(&now, &utc));
  last_reload_ = std::string(when) + (ok ? " ok: " : " failed: ") + text;
  for (ControlSocket::Request& request : waiting_) ControlSocket::answer(request, ok, text);
  waiting_ = std::exchange(waiting_more_, {});
  if (std::exchange(reload_again_, false) && !stopping_) reload();
}

// An embedding program afresh ----------------------------------------------------------------------------------------

void Master::start_program() {
  auto [ours, theirs] = Channel::pair();
  if (setup_.embedding->command == nullptr) throw std::runtime_error("this program cannot be started again");
  program_ = spawn_program(setup_.embedding->command, theirs, signals_->previous_mask());
  program_pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, program_, 0)));
  program_channel_ = std::move(ours);
}

void Master::hear_program() {
  if (program_ == 0) return;
  Message message;
  const Channel::Received received = program_channel_.receive(message);
  if (received == Channel::Received::message && message.tell == Tell::program) {
    const pid_t pid = std::exchange(program_, 0);
    program_pidfd_.reset();
    Channel channel = std::move(program_channel_);
    try {
      next_ = make_generation(checked(program_configuration(message.text)));
      std::vector<int> listeners;
      for (const auto& listener : next_->listeners()) listeners.push_back(listener->fd());
      send_host(channel, *host_, listeners, next_->access_log.get(), next_->number());
      next_->adopt_prototype(pid, std::move(channel));
    } catch (const std::exception& error) {
      ::kill(pid, SIGKILL);
      ::waitpid(pid, nullptr, 0);
      give_up(error.what());
    }
    return;
  }
  int status = 0;
  if (::waitpid(program_, &status, WNOHANG) != program_) return;
  program_ = 0;
  program_pidfd_.reset();
  program_channel_.close();
  give_up("the program, started again, ended before it served: " + ending_of(status) + "; its output says why");
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
  if (program_ != 0) {
    ::kill(program_, SIGKILL);
    ::waitpid(program_, nullptr, 0);
    program_ = 0;
    program_pidfd_.reset();
    program_channel_.close();
  }
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
  const auto reopen = [](Generation& generation) {
    if (!generation.access_log || generation.configuration()->server.access_log.path == "-") return;
    try {
      const base::UniqueFd fd = open_access_log(*generation.configuration());
      ::dup3(fd.get(), generation.access_log.get(), O_CLOEXEC);
      generation.exchange_access_log(fd.get());
    } catch (const std::exception& error) {
      log(ROOST_LOG_ERROR, std::string("the access log stays as it is: ") + error.what());
    }
  };
  if (current_) reopen(*current_);
  if (next_) reopen(*next_);
  for (auto& generation : draining_) reopen(*generation);
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
  text.line("last reload: " +
            (last_reload_.empty() ? "none" : last_reload_.substr(0, last_reload_.find_last_not_of('\n') + 1)));
  return text.take();
}

}  // namespace roost::process
