// The master: reads the configuration, binds sockets, holds privileges, opens logs, keeps one generation serving and
// others draining, and listens to signals and to the control socket. Starts no thread, loads no plugin. One for each
// process; on its main thread.
#pragma once

#include <filesystem>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "process/control_socket.hpp"
#include "process/generation.hpp"
#include "process/reload_requests.hpp"
#include "process/signals.hpp"
#include "process/source_watch.hpp"
#include "process/started_program.hpp"
#include "roost/embed.h"

namespace roost::process {

struct MasterSetup {
  std::filesystem::path file{};
  bool development = false;  // as `mode: development`, whatever the file says
  // Inside another program: its configuration in place of `file`. Outlives the master.
  const roost_embedding* embedding = nullptr;
};

class Master {
 public:
  explicit Master(MasterSetup setup);
  ~Master();
  Master(const Master&) = delete;
  Master& operator=(const Master&) = delete;

  // Serves until it is told to stop; the exit status. Throws config::ConfigError and std::runtime_error when the first
  // generation cannot serve. Returns in the master alone.
  int run();

 private:
  using Clock = Generation::Clock;
  using ConfigurationPtr = std::shared_ptr<const config::Configuration>;

  ConfigurationPtr read_configuration() const;
  ConfigurationPtr checked(config::Configuration configuration) const;

  void wait();
  void take_signals();
  void take_requests();
  void watch_sources(const config::Configuration& configuration);
  void take_changes();
  void advance();

  // Throws config::ConfigError and std::runtime_error; then nothing has changed.
  std::unique_ptr<Generation> make_generation(ConfigurationPtr configuration);
  void fork_prototype(Generation& generation);
  void hear_program();  // embedded: of the program afresh, which becomes a prototype
  void promote();
  // details: for who asked, beside what the log says.
  void give_up(std::string why, const std::string& details = {});
  void announce();
  void take_over();
  void settle(bool ok, const std::string& text);
  // From the request on until it was answered.
  bool reloading() const { return next_ || program_.runs() || taking_over_until_; }
  void request_reload(std::optional<ControlSocket::Request> request);
  void reload();
  void recover();
  void drain(std::unique_ptr<Generation> generation);

  void stop();
  void reopen_logs();
  std::string status() const;
  pid_t fork_process();
  void forget_in_child();

  const MasterSetup setup_;
  const Clock::time_point started_ = Clock::now();
  size_t descriptors_ = 0;
  const bool hangup_may_stop_;  // started from a terminal, not under nohup
  std::optional<Signals> signals_;
  std::unique_ptr<HostMemory> host_;
  std::unique_ptr<ControlSocket> control_;
  std::unique_ptr<SourceWatch> sources_;  // in development mode

  uint32_t last_number_ = 0;
  std::unique_ptr<Generation> current_, next_;
  std::list<std::unique_ptr<Generation>> draining_;  // oldest first
  StartedProgram program_;                           // embedded
  ReloadRequests reloads_;
  uint32_t number_serving_ = 0;
  // While the current generation serves, and old workers may take connections yet.
  std::optional<Clock::time_point> taking_over_until_;
  std::optional<Clock::time_point> recover_at_;
  Listeners kept_listeners_;  // while no generation serves: clients wait there
  Backoff recovery_;
  bool stopping_ = false;
  bool served_ = false;        // some generation did
  std::string first_failure_;  // why none ever could
};

}  // namespace roost::process
