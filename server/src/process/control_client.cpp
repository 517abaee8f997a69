#include "process/control_client.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>

#include "base/unique_fd.hpp"

namespace roost::process {

namespace {

struct Connection {
  base::UniqueFd fd;
  pid_t server = 0;
};

// errno is set when there is none.
Connection connect_to(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    errno = ENAMETOOLONG;
    return {};
  }
  path.copy(address.sun_path, path.size());
  Connection connection{base::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))};
  if (::connect(connection.fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return {};
  ucred peer{};
  socklen_t size = sizeof peer;
  ::getsockopt(connection.fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
  connection.server = peer.pid;
  return connection;
}

}  // namespace

pid_t listening_process(const std::string& path) {
  return connect_to(path).server;
}

ControlAnswer ask_master(const std::string& path, const std::string& command) {
  const Connection connection = connect_to(path);
  if (!connection.fd) {
    if (errno == ENOENT || errno == ECONNREFUSED)
      throw std::runtime_error("no server runs for this file (" + path + ")");
    throw std::runtime_error(path + ": " + std::generic_category().message(errno));
  }
  const base::UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, connection.server, 0)));
  const std::string line = command + "\n";
  if (::send(connection.fd.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) {
    throw std::runtime_error("the server closed its control socket");
  }
  std::string all;
  char buffer[4096];
  ssize_t size;
  while ((size = ::recv(connection.fd.get(), buffer, sizeof buffer, 0)) > 0 || (size < 0 && errno == EINTR)) {
    if (size > 0) all.append(buffer, static_cast<size_t>(size));
  }
  ControlAnswer answer;
  const size_t end = all.find('\n');
  answer.ok = all.substr(0, end) == "ok";
  if (end != std::string::npos) answer.text = all.substr(end + 1);
  if (command == "stop") {
    pollfd ended{process.get(), POLLIN, 0};
    while (process && ::poll(&ended, 1, -1) < 0 && errno == EINTR) {
    }
    return {true, "stopped\n"};
  }
  if (all.empty()) answer.text = "roost: the server ended before it answered\n";
  return answer;
}

}  // namespace roost::process
