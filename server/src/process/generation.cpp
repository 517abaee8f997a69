#include "process/generation.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.hpp"
#include "process/access_log_file.hpp"

namespace roost::process {

namespace {

using std::chrono::milliseconds;

// Beyond timeouts.drain, for a worker to end by itself.
constexpr milliseconds kPatience{3000};

milliseconds since(Generation::Clock::time_point start) {
  return std::chrono::duration_cast<milliseconds>(Generation::Clock::now() - start);
}

void log(roost_log_level level, const std::string& text) {
  base::log(level, "process", text);
}

}  // namespace

std::string ending_of(int status) {
  if (WIFSIGNALED(status)) {
    return "signal " + std::to_string(WTERMSIG(status)) + " (" + ::sigdescr_np(WTERMSIG(status)) + ")";
  }
  return "exit status " + std::to_string(WEXITSTATUS(status));
}

Generation::Generation(uint32_t number, std::shared_ptr<const config::Configuration> configuration, Listeners listeners,
                       base::UniqueFd access_log, HostMemory& host)
    : preload(configuration->python.preload),
      number_(number),
      configuration_(std::move(configuration)),
      listeners_(std::move(listeners)),
      access_log_(std::move(access_log)),
      host_(host),
      wanted_(configuration_->server.processes) {}

Generation::~Generation() {
  cut();
}

void Generation::adopt_prototype(pid_t pid, Channel channel) {
  pid_ = pid;
  pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  channel_ = std::move(channel);
  phase_ = Phase::loading;
}

void Generation::forget() {
  pid_ = 0;
  pidfd_.reset();
  channel_.close();
  workers_.clear();
  new_log_.reset();
}

void Generation::poll_fds(std::vector<pollfd>& fds) const {
  if (channel_) fds.push_back({channel_.fd(), POLLIN, 0});
  if (pidfd_) fds.push_back({pidfd_.get(), POLLIN, 0});
  for (const auto& [slot, worker] : workers_) {
    if (worker.channel) fds.push_back({worker.channel.fd(), POLLIN, 0});
  }
}

std::optional<Generation::Clock::time_point> Generation::deadline() const {
  std::optional<Clock::time_point> first;
  const auto consider = [&](Clock::time_point time) { first = first ? std::min(*first, time) : time; };
  if (phase_ == Phase::serving && staying() < wanted_) consider(next_spawn_);
  for (const auto& [slot, worker] : workers_) {
    if (worker.state == Worker::State::draining) consider(worker.cut_at);
  }
  return first;
}

void Generation::advance(std::vector<bool>& occupied) {
  hear_prototype();
  for (auto& [slot, worker] : workers_) hear_worker(slot, worker);
  reap_prototype();
  for (auto& [slot, worker] : workers_) {
    if (worker.state == Worker::State::draining && Clock::now() >= worker.cut_at && worker.pidfd) {
      log(ROOST_LOG_WARNING, "worker " + std::to_string(worker.pid) + " did not end in time: killed");
      ::syscall(SYS_pidfd_send_signal, worker.pidfd.get(), SIGKILL, nullptr, 0);
      worker.cut_at = Clock::now() + kPatience;
    }
  }
  if (phase_ == Phase::preparing && all_staying(Worker::State::prepared)) {
    phase_ = Phase::opening;
    for (auto& [slot, worker] : workers_) tell_to_serve(slot, worker);
  }
  if (phase_ == Phase::opening && all_staying(Worker::State::serving)) phase_ = Phase::serving;
  if (phase_ == Phase::draining && workers_.empty() && channel_) channel_.send({.tell = Tell::quit});
  if (phase_ == Phase::preparing || phase_ == Phase::serving) keep_number(occupied);
}

void Generation::hear_prototype() {
  Message message;
  while (channel_) {
    const Channel::Received received = channel_.receive(message);
    if (received == Channel::Received::nothing) return;
    if (received == Channel::Received::gone) {
      channel_.close();
      return;
    }
    switch (message.tell) {
      case Tell::loaded:
        summary_ = message.text;
        if (phase_ == Phase::loading) phase_ = Phase::preparing;
        break;
      case Tell::threads:
        threads_ = message.text;
        break;
      case Tell::failed:
        fail(message.text);
        break;
      case Tell::spawned: {
        const auto found = workers_.find(message.slot);
        if (found == workers_.end() || message.fds.size() != 2) break;
        Worker& worker = found->second;
        worker.pid = message.pid;
        worker.channel = Channel(std::move(message.fds[0]));
        worker.pidfd = std::move(message.fds[1]);
        if (worker.state == Worker::State::draining) {
          worker.channel.send({.tell = Tell::drain});
        } else {
          worker.state = Worker::State::preparing;
        }
        worker.since = Clock::now();
        if (worker.log_epoch != log_epoch_ && new_log_) {
          const int fd = new_log_.get();
          worker.channel.send({.tell = Tell::access_log}, {&fd, 1});
        }
        break;
      }
      case Tell::exited:
        worker_ended(message.slot, message);
        break;
      default:
        break;
    }
  }
}

void Generation::hear_worker(uint32_t slot, Worker& worker) {
  Message message;
  while (worker.channel) {
    const Channel::Received received = worker.channel.receive(message);
    if (received == Channel::Received::nothing) return;
    if (received == Channel::Received::gone) {
      worker.channel.close();
      return;
    }
    switch (message.tell) {
      case Tell::prepared:
        if (summary_.empty()) summary_ = message.text;
        if (worker.state != Worker::State::preparing) break;
        worker.state = Worker::State::prepared;
        if (phase_ == Phase::opening || phase_ == Phase::serving) tell_to_serve(slot, worker);
        break;
      case Tell::serving:
        if (worker.state != Worker::State::prepared) break;
        worker.state = Worker::State::serving;
        worker.since = Clock::now();
        break;
      case Tell::closed:
        worker.closed = true;
        break;
      case Tell::failed:
        if (starting()) {
          fail(message.text);
        } else {
          log(ROOST_LOG_ERROR, "worker " + std::to_string(worker.pid) + " failed: " + message.text);
        }
        break;
      case Tell::retire:
        if (!worker.retiring && worker.state != Worker::State::draining) {
          log(ROOST_LOG_INFO, "worker " + std::to_string(worker.pid) + " asks to be replaced: " + message.text);
        }
        worker.retiring = true;
        break;
      default:
        break;
    }
  }
}

void Generation::worker_ended(uint32_t slot, const Message& message) {
  const auto found = workers_.find(slot);
  if (found == workers_.end()) return;
  // What it said before it ended comes first.
  hear_worker(slot, found->second);
  const Worker& worker = found->second;
  const bool expected = worker.state == Worker::State::draining || worker.retiring;
  const std::string what = "worker " + std::to_string(message.pid) +
                           " ended: " + (message.text.empty() ? ending_of(message.status) : message.text);
  if (starting()) {
    fail("a " + what + " before it was ready");
  } else if (!expected) {
    const milliseconds delay =
        backoff_.after_death(worker.state == Worker::State::serving ? since(worker.since) : milliseconds(0));
    next_spawn_ = Clock::now() + delay;
    if (phase_ == Phase::serving) {
      log(ROOST_LOG_ERROR,
          what + "; replaced " + (delay.count() ? "in " + std::to_string(delay.count()) + " ms" : "at once"));
    } else {
      log(ROOST_LOG_ERROR, what);
    }
  }
  host_.clear(slot);
  workers_.erase(found);
}

void Generation::reap_prototype() {
  if (pid_ == 0) return;
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, WNOHANG);
  if (ended == 0) return;
  hear_prototype();  // its last words
  const pid_t pid = std::exchange(pid_, 0);
  pidfd_.reset();
  channel_.close();
  for (auto& [slot, worker] : workers_) host_.clear(slot);
  workers_.clear();  // they were killed with it
  if (!threads_.empty()) return;
  if (phase_ != Phase::draining) {
    const std::string what = "prototype " + std::to_string(pid) + " ended: " + ending_of(status);
    fail(starting() ? what + " while it loaded plugins and modules" : what);
  }
  phase_ = Phase::over;
}

void Generation::keep_number(std::vector<bool>& occupied) {
  size_t present = staying();
  while (present > wanted_) {
    const auto last = std::find_if(workers_.rbegin(), workers_.rend(), [](const auto& entry) {
      return entry.second.state != Worker::State::draining && !entry.second.retiring;
    });
    tell_to_drain(last->second);
    --present;
  }
  while (present < wanted_ && Clock::now() >= next_spawn_) {
    const auto free = std::find(occupied.begin(), occupied.end(), false);
    if (free == occupied.end()) {
      if (starting()) fail("no slot is free for a further worker");
      next_spawn_ = Clock::now() + kPatience;  // one that drains may end
      break;
    }
    const auto slot = static_cast<uint32_t>(free - occupied.begin());
    host_.clear(slot);
    if (!channel_.send({.tell = Tell::spawn, .slot = slot})) break;
    *free = true;
    workers_[slot].log_epoch = log_epoch_;
    ++present;
  }
  if (phase_ != Phase::serving || !all_staying(Worker::State::serving)) return;
  for (auto& [slot, worker] : workers_) {
    if (worker.retiring && worker.state != Worker::State::draining) tell_to_drain(worker);
  }
}

void Generation::tell_to_serve(uint32_t slot, Worker& worker) {
  if (worker.told_to_serve || worker.state != Worker::State::prepared) return;
  worker.told_to_serve = worker.channel.send({.tell = Tell::serve, .slot = slot});
}

void Generation::tell_to_drain(Worker& worker) {
  if (worker.state == Worker::State::draining) return;
  worker.state = Worker::State::draining;
  worker.since = Clock::now();
  worker.cut_at = Clock::now() + configuration_->server.timeouts.drain + kPatience;
  if (worker.channel) worker.channel.send({.tell = Tell::drain});
}

void Generation::drain() {
  if (phase_ == Phase::over || phase_ == Phase::draining) return;
  // Those whose start hooks are through have begun something that their stop hooks are to end.
  const bool begun = std::any_of(workers_.begin(), workers_.end(),
                                 [](const auto& entry) { return entry.second.state >= Worker::State::prepared; });
  if (!begun) return cut();
  if (starting()) {
    for (auto& [slot, worker] : workers_) {
      if (worker.state < Worker::State::prepared && worker.pidfd)
        ::syscall(SYS_pidfd_send_signal, worker.pidfd.get(), SIGKILL, nullptr, 0);
    }
  }
  phase_ = Phase::draining;
  for (auto& [slot, worker] : workers_) tell_to_drain(worker);
}

void Generation::cut() {
  phase_ = Phase::over;
  if (pid_ == 0) return;
  // The kernel ends the workers with it.
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = 0;
  pidfd_.reset();
  channel_.close();
  for (auto& [slot, worker] : workers_) {
    // Gone before its slot is used again.
    pollfd ended{worker.pidfd.get(), POLLIN, 0};
    if (worker.pidfd) ::poll(&ended, 1, 1000);
    host_.clear(slot);
  }
  workers_.clear();
}

void Generation::show_mistake(const std::string& why) {
  for (auto& [slot, worker] : workers_) {
    if (worker.channel) worker.channel.send({.tell = Tell::mistake, .text = why});
  }
}

void Generation::reopen_access_log() {
  if (!access_log_ || configuration_->server.access_log.path == "-") return;
  try {
    new_log_ = open_access_log(*configuration_);
  } catch (const std::exception& error) {
    return log(ROOST_LOG_ERROR, std::string("the access log stays as it is: ") + error.what());
  }
  const int fd = new_log_.get();
  ::dup3(fd, access_log_.get(), O_CLOEXEC);
  ++log_epoch_;
  if (channel_) channel_.send({.tell = Tell::access_log}, {&fd, 1});
  for (auto& [slot, worker] : workers_) {
    if (worker.channel) worker.channel.send({.tell = Tell::access_log}, {&fd, 1});
  }
}

void Generation::add_workers(int count) {
  wanted_ = static_cast<uint32_t>(std::max(1, static_cast<int>(wanted_) + count));
}

size_t Generation::staying() const {
  return static_cast<size_t>(std::count_if(workers_.begin(), workers_.end(), [](const auto& entry) {
    return entry.second.state != Worker::State::draining && !entry.second.retiring;
  }));
}

bool Generation::all_staying(Worker::State least) const {
  return staying() == wanted_ && std::all_of(workers_.begin(), workers_.end(), [&](const auto& entry) {
           const Worker& worker = entry.second;
           return worker.state >= least || worker.retiring;
         });
}

bool Generation::accepts() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const auto& entry) { return entry.second.told_to_serve && !entry.second.closed; });
}

void Generation::fail(std::string why) {
  if (failure_.empty()) failure_ = std::move(why);
}

}  // namespace roost::process
