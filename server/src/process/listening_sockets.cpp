#include "process/listening_sockets.hpp"

#include <Poco/Exception.h>
#include <Poco/Net/SocketAddress.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/unique_fd.hpp"
#include "config/error.hpp"

namespace roost::process {

namespace {

using Poco::Net::SocketAddress;

constexpr int kBacklog = 4096;  // the kernel takes what net.core.somaxconn allows of it
constexpr std::string_view kUnix = "unix:";

// Whether somebody listens at `path`.
bool answers(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  const base::UniqueFd probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  return ::connect(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0 || errno == EAGAIN;
}

std::string reason_of(const Poco::Exception& error) {
  const std::string text = error.displayText();
  switch (error.code()) {
    case EADDRINUSE:
      return "the port is in use by another program";
    case EACCES:
      return "no permission (ports below 1024 are for root)";
    case EADDRNOTAVAIL:
      return "this machine has no such address";
    default:
      return error.code() != 0 ? std::generic_category().message(error.code()) : text;
  }
}

}  // namespace

Listener::Listener(const config::Listen& listen, const std::string& key)
    : address_(listen.address), owner_(::getpid()) {
  try {
    if (address_.starts_with(kUnix)) {
      bind_unix(address_.substr(kUnix.size()));
    } else {
      bind_tcp();
    }
    socket_.listen(kBacklog);
    socket_.setBlocking(false);
    ::fcntl(fd(), F_SETFD, FD_CLOEXEC);
  } catch (const Poco::Exception& error) {
    throw config::ConfigError(listen.place, key, "\"" + address_ + "\": " + reason_of(error));
  } catch (const std::exception& error) {
    throw config::ConfigError(listen.place, key, "\"" + address_ + "\": " + error.what());
  }
}

Listener::~Listener() {
  if (unlink_.empty() || ::getpid() != owner_) return;
  struct stat found;
  if (::stat(unlink_.c_str(), &found) == 0 && found.st_ino == inode_) ::unlink(unlink_.c_str());
}

void Listener::bind_unix(const std::string& path) {
  if (path.size() >= sizeof sockaddr_un{}.sun_path) {
    throw std::runtime_error("a socket's path has at most " + std::to_string(sizeof sockaddr_un{}.sun_path - 1) +
                             " bytes");
  }
  struct stat found;
  if (::lstat(path.c_str(), &found) == 0) {
    if (!S_ISSOCK(found.st_mode)) throw std::runtime_error("something that is no socket is there already");
    if (answers(path)) throw std::runtime_error("another program listens there");
    ::unlink(path.c_str());  // left behind by a server that was killed
  }
  socket_.bind(SocketAddress(SocketAddress::UNIX_LOCAL, path), false, false);
  if (::stat(path.c_str(), &found) == 0) inode_ = found.st_ino;
  unlink_ = path;
}

void Listener::bind_tcp() {
  const size_t colon = address_.rfind(':');
  std::string host = address_.substr(0, colon);
  const auto port = static_cast<uint16_t>(std::stoul(address_.substr(colon + 1)));
  if (host.size() > 1 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  // SO_REUSEADDR without SO_REUSEPORT, which Poco's shorter overloads would set too: a second server on the same port
  // would start, and take half of the clients.
  if (host.empty()) {
    try {
      return socket_.bind6(SocketAddress("::", port), true, false, false);
    } catch (const Poco::Exception& error) {
      if (error.code() == EADDRINUSE || error.code() == EACCES) throw;
    }
    return socket_.bind(SocketAddress("0.0.0.0", port), true, false);  // a kernel without IPv6
  }
  const SocketAddress address(host, port);
  if (address.family() == SocketAddress::IPv6) return socket_.bind6(address, true, false, true);
  socket_.bind(address, true, false);
}

int Listener::fd() const {
  return socket_.impl()->sockfd();
}

std::string Listener::url() const {
  if (address_.starts_with(kUnix)) return address_;
  return "http://" + socket_.address().toString();
}

void Listener::shut() noexcept {
  ::shutdown(fd(), SHUT_RDWR);
}

Listeners open_listeners(const std::vector<config::Listen>& wanted, const Listeners& present) {
  Listeners all;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const auto same = [&](const auto& listener) { return listener->address() == wanted[i].address; };
    // "127.0.0.1:0" twice are two ports.
    const auto kept = std::find_if(present.begin(), present.end(), [&](const auto& listener) {
      return same(listener) && std::find(all.begin(), all.end(), listener) == all.end();
    });
    const std::string key = wanted.size() == 1 ? "server.listen" : "server.listen[" + std::to_string(i) + "]";
    all.push_back(kept != present.end() ? *kept : std::make_shared<Listener>(wanted[i], key));
  }
  return all;
}

}  // namespace roost::process
