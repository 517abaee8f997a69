// What a prototype gives up before it runs anybody's code, and what the master takes.
#pragma once

#include <cstddef>
#include <string>

#include "config/config.hpp"

namespace roost::process {

// Throws config::ConfigError: no such user, or the process is neither root nor that user. Changes nothing.
void check_user(const config::Configuration& configuration);

// Becomes `user` with its groups; nothing when it is empty or the present one. Throws std::system_error.
void become_user(const std::string& user);

// Raises the soft limit of open files to the hard one; returns it.
size_t raise_descriptor_limit();

// Lowers the default of `connections` to what `descriptors` open files allow. Throws config::ConfigError when the file
// asks for more than fit. used: descriptors that every worker has open anyway.
void fit_connections(config::Configuration& configuration, size_t descriptors, size_t used);

}  // namespace roost::process
