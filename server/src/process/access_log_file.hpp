// The file that a generation's access log is written to: opened by the master, which may write where workers may not.
#pragma once

#include "base/unique_fd.hpp"
#include "config/config.hpp"

namespace roost::process {

// To append to; a duplicate of standard output where the path is "-"; none where nothing is logged. Throws
// config::ConfigError.
base::UniqueFd open_access_log(const config::Configuration& configuration);

}  // namespace roost::process
