#include "process/control_socket.hpp"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

#include "process/control_client.hpp"

namespace roost::process {

namespace {

constexpr size_t kMaxLine = 256, kMaxClients = 64;

std::runtime_error problem(const std::string& path, const std::string& what) {
  return std::runtime_error("control socket " + path + ": " + what);
}

// Nobody else may put a socket of their own there, which matters below /tmp.
void make_folder(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  if (folder.empty()) return;
  std::error_code error;
  std::filesystem::create_directories(folder.parent_path(), error);
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw problem(path, std::generic_category().message(errno));
  struct stat found;
  if (::stat(folder.c_str(), &found) != 0) throw problem(path, std::generic_category().message(errno));
  const bool open_to_all = (found.st_mode & S_IWOTH) != 0 && (found.st_mode & S_ISVTX) == 0;
  if (open_to_all || (found.st_uid != ::geteuid() && found.st_uid != 0)) {
    throw problem(path, "its folder is open to other users");
  }
}

}  // namespace

ControlSocket::ControlSocket(std::string path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    throw problem(path, "a socket's path has at most " + std::to_string(sizeof address.sun_path - 1) +
                            " bytes; set `server: { control: PATH }`");
  }
  path.copy(address.sun_path, path.size());
  make_folder(path);
  if (const pid_t other = listening_process(path); other != 0) {
    throw problem(path, "a server for this file runs already, process " + std::to_string(other));
  }
  struct stat found;
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) throw problem(path, "something that is no socket is there already");
    ::unlink(path.c_str());
  }
  socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t before = ::umask(0177);
  const int bound = ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const int bind_errno = errno;
  ::umask(before);
  if (bound != 0) throw problem(path, std::generic_category().message(bind_errno));
  if (::listen(socket_.get(), 16) != 0) throw problem(path, std::generic_category().message(errno));
  path_ = std::move(path);
}

ControlSocket::~ControlSocket() {
  if (socket_) ::unlink(path_.c_str());
}

void ControlSocket::forget() {
  socket_.reset();
  clients_.clear();
}

void ControlSocket::poll_fds(std::vector<pollfd>& fds) const {
  fds.push_back({socket_.get(), POLLIN, 0});
  for (const Request& client : clients_) fds.push_back({client.client.get(), POLLIN, 0});
}

void ControlSocket::accept_clients() {
  while (true) {
    base::UniqueFd client(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client) return;
    ucred peer{};
    socklen_t size = sizeof peer;
    ::getsockopt(client.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size);
    if ((peer.uid != ::geteuid() && peer.uid != 0) || clients_.size() >= kMaxClients) continue;
    clients_.push_back({std::move(client), {}});
  }
}

std::vector<ControlSocket::Request> ControlSocket::take() {
  accept_clients();
  std::vector<Request> complete;
  for (auto client = clients_.begin(); client != clients_.end();) {
    char buffer[kMaxLine];
    const ssize_t size = ::recv(client->client.get(), buffer, sizeof buffer, 0);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) {
      ++client;
      continue;
    }
    if (size > 0) client->command.append(buffer, static_cast<size_t>(size));
    const size_t end = client->command.find('\n');
    if (end != std::string::npos) {
      client->command.resize(end);
      complete.push_back(std::move(*client));
      client = clients_.erase(client);
    } else if (size <= 0 || client->command.size() > kMaxLine) {
      client = clients_.erase(client);
    } else {
      ++client;
    }
  }
  return complete;
}

void ControlSocket::answer(Request& request, bool ok, std::string_view text) {
  std::string all(ok ? "ok\n" : "failed\n");
  all += text;
  // A fresh socket's buffer holds more than any answer.
  if (::send(request.client.get(), all.data(), all.size(), MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
  }
  request.client.reset();
}

}  // namespace roost::process
