#include "process/privileges.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/log.hpp"
#include "config/error.hpp"

namespace roost::process {

namespace {

void must(int result, const char* what) {
  if (result != 0) throw std::system_error(errno, std::generic_category(), what);
}

}  // namespace

void check_user(const config::Configuration& configuration) {
  const std::string& user = configuration.server.user;
  if (user.empty()) return;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) {
    throw config::ConfigError(configuration.server.user_place, "server.user",
                              "\"" + user + "\": there is no such user");
  }
  if (::geteuid() != 0 && entry->pw_uid != ::geteuid()) {
    throw config::ConfigError(configuration.server.user_place, "server.user",
                              "\"" + user + "\": only root may become another user");
  }
}

void become_user(const std::string& user) {
  if (user.empty()) return;
  const passwd* entry = ::getpwnam(user.c_str());
  if (entry == nullptr) throw std::runtime_error("there is no user \"" + user + "\"");
  if (entry->pw_uid == ::geteuid()) return;
  must(::initgroups(entry->pw_name, entry->pw_gid), "initgroups");
  must(::setgid(entry->pw_gid), "setgid");
  must(::setuid(entry->pw_uid), "setuid");
}

size_t raise_descriptor_limit() {
  rlimit limit;
  must(::getrlimit(RLIMIT_NOFILE, &limit), "getrlimit");
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    must(::setrlimit(RLIMIT_NOFILE, &limit), "setrlimit");
  }
  return limit.rlim_cur;
}

void fit_connections(config::Configuration& configuration, size_t descriptors, size_t used) {
  size_t& connections = configuration.server.limits.connections;
  const config::Place& place = configuration.server.limits.connections_place;
  if (connections + used <= descriptors) return;
  const std::string limit = "a process may have " + std::to_string(descriptors) + " open files here (ulimit -Hn), " +
                            std::to_string(used) + " of them are needed otherwise";
  if (place.line > 0) {
    throw config::ConfigError(place, "server.limits.connections",
                              std::to_string(connections) + " connections do not fit: " + limit);
  }
  const size_t fitting = descriptors > used + 64 ? descriptors - used : 64;
  base::log(ROOST_LOG_WARNING, "process",
            std::to_string(fitting) + " connections for each worker instead of " + std::to_string(connections) + ": " +
                limit);
  connections = fitting;
}

}  // namespace roost::process
