// The server in the calling process alone, without master and workers: for an embedding program with threads of its
// own, which a fork would leave behind. What handlers share with those threads stays shared; in exchange nobody
// replaces the process, and there is no reload.
#pragma once

#include "roost/embed.h"

namespace roost::process {

// As roost_embed_serve(), on any thread, one at a time in a process. A signal that stops it when it is not on the main
// thread is sent once more, to the program. Throws config::ConfigError and std::runtime_error.
int serve_alone(const roost_embedding& embedding);

}  // namespace roost::process
