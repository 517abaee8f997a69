// How an embedding program (`python app.py`), started afresh by a running master, becomes the prototype of that
// master's next generation: it finds a channel's descriptor in its environment, says its configuration, and is sent all
// that a forked prototype would have inherited.
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "process/channel.hpp"
#include "process/host_memory.hpp"
#include "process/prototype.hpp"
#include "roost/embed.h"

namespace roost::process {

// What an embedding program says it serves. Throws config::ConfigError.
config::Configuration configuration_of(const roost_embedding& embedding);

// The master's side.

// Starts it with that end of a channel. errors: its standard error until it serves, when it has this process's again.
// Throws std::system_error.
pid_t spawn_program(const char* const* command, const Channel& end, int errors, const sigset_t& mask);
// Of the text of Tell::program. Throws config::ConfigError.
config::Configuration program_configuration(const std::string& text);
// Throws std::runtime_error when the program is gone.
void send_host(const Channel& channel, const HostMemory& host, const std::vector<int>& listeners, int access_log,
               uint32_t generation);

// The program's side.

// The channel to a master that started this program, whose standard error is this one's from then on; none: it was
// started by somebody else. Takes the variables out of the environment.
std::optional<Channel> inherited_channel();
// Never returns.
[[noreturn]] void become_prototype(const roost_embedding& embedding, Channel channel);

}  // namespace roost::process
