// One generation as the master sees it: its configuration, its prototype and its workers. It keeps as many workers as
// are wanted, replaces those that die or ask to be replaced, and drains them in the end. The master's; one thread's.
#pragma once

#include <poll.h>
#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/backoff.hpp"
#include "process/channel.hpp"
#include "process/host_memory.hpp"
#include "process/listening_sockets.hpp"

namespace roost::process {

class Generation {
 public:
  using Clock = std::chrono::steady_clock;

  enum class Phase : uint8_t {
    loading,    // the prototype is not ready
    preparing,  // workers run their start hooks
    opening,    // all are prepared and were told to serve
    serving,
    draining,
    over,  // no process is left
  };

  struct Worker {
    enum class State : uint8_t { asked_for, preparing, prepared, serving, draining };
    State state = State::asked_for;
    pid_t pid = 0;
    Channel channel;
    base::UniqueFd pidfd;
    Clock::time_point since{};  // of the state
    bool retiring = false;      // to be drained when its replacement serves
    bool told_to_serve = false;
    bool closed = false;         // when draining: takes no more connections
    Clock::time_point cut_at{};  // when draining
    uint32_t log_epoch = 0;
  };

  Generation(uint32_t number, std::shared_ptr<const config::Configuration> configuration, Listeners listeners,
             base::UniqueFd access_log, HostMemory& host);
  ~Generation();
  Generation(const Generation&) = delete;
  Generation& operator=(const Generation&) = delete;

  // Its prototype runs: forked or started by the caller.
  void adopt_prototype(pid_t pid, Channel channel);

  void poll_fds(std::vector<pollfd>& fds) const;
  // When advance() has something to do even if no descriptor is readable.
  std::optional<Clock::time_point> deadline() const;

  // Reads what its processes said, reaps, replaces, cuts. occupied: [slot] is true when any generation uses it.
  void advance(std::vector<bool>& occupied);

  // Told to go: at once where no start hook has begun anything yet, else in good order.
  void drain();
  // Kills its processes at once.
  void cut();
  // Requests are answered with it instead of being served, in development.
  void show_mistake(const std::string& why);

  // Opens the access log's file anew, and has its workers write there from now on; logged where it cannot be opened.
  void reopen_access_log();
  void add_workers(int count);

  uint32_t number() const { return number_; }
  Phase phase() const { return phase_; }
  // Why it cannot serve: its prototype or a worker failed before it served. Empty: it can, so far.
  const std::string& failure() const { return failure_; }
  // The prototype has to be started again, with preload off.
  bool needs_late_loading() const { return !threads_.empty(); }
  // Names of the threads that an import started; said once.
  std::string take_threads() { return std::exchange(threads_, {}); }
  // Whether a worker of it may still take a connection.
  bool accepts() const;
  const std::string& summary() const { return summary_; }
  const std::shared_ptr<const config::Configuration>& configuration() const { return configuration_; }
  const Listeners& listeners() const { return listeners_; }
  const std::map<uint32_t, Worker>& workers() const { return workers_; }
  Channel& channel() { return channel_; }
  pid_t pid() const { return pid_; }
  int access_log() const { return access_log_.get(); }  // -1 without one
  bool preload = true;

  // In a forked child: closes what only the master may hold.
  void forget();

 private:
  void hear_prototype();
  void hear_worker(uint32_t slot, Worker& worker);
  void worker_ended(uint32_t slot, const Message& message);
  void reap_prototype();
  void keep_number(std::vector<bool>& occupied);
  void tell_to_drain(Worker& worker);
  void tell_to_serve(uint32_t slot, Worker& worker);
  size_t staying() const;
  bool all_staying(Worker::State least) const;
  void fail(std::string why);
  bool starting() const { return phase_ < Phase::serving; }

  const uint32_t number_;
  const std::shared_ptr<const config::Configuration> configuration_;
  const Listeners listeners_;
  const base::UniqueFd access_log_;
  HostMemory& host_;
  Phase phase_ = Phase::loading;
  pid_t pid_ = 0;
  base::UniqueFd pidfd_;
  Channel channel_;
  std::map<uint32_t, Worker> workers_;  // by slot
  uint32_t wanted_;
  Backoff backoff_;
  Clock::time_point next_spawn_{};
  std::string failure_, threads_, summary_;
  base::UniqueFd new_log_;  // for workers that were forked before it came and heard of after
  uint32_t log_epoch_ = 0;
};

// "exit status 3", "signal 11 (Segmentation fault)".
std::string ending_of(int wait_status);

}  // namespace roost::process
