#include "process/access_log_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "config/error.hpp"

namespace roost::process {

base::UniqueFd open_access_log(const config::Configuration& configuration) {
  const config::AccessLog& log = configuration.server.access_log;
  if (log.format == config::LogFormat::none) return {};
  base::UniqueFd fd(log.path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3)
                                    : ::open(log.path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) {
    const int error = errno;
    throw config::ConfigError(log.place, "server.access_log.path",
                              "\"" + log.path + "\": " + std::generic_category().message(error));
  }
  return fd;
}

}  // namespace roost::process
