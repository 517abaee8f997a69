// The listening sockets: bound by the master, inherited by prototypes and workers, shared by all of them. A reload
// keeps those whose address stays, so that no waiting client is stranded. The master's; one thread's.
#pragma once

#include <Poco/Net/ServerSocket.h>

#include <memory>
#include <string>
#include <vector>

#include "config/config.hpp"

namespace roost::process {

// One bound address. A unix socket's path is unlinked when the process that bound it closes it.
class Listener {
 public:
  // Non-blocking, close-on-exec, listening. Throws config::ConfigError, with the place in the file, when the address
  // cannot be bound. key: as in "server.listen[1]".
  Listener(const config::Listen& listen, const std::string& key);
  // Of a socket that another process bound, or a copy of it.
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  int fd() const;
  const std::string& address() const { return address_; }  // as configured
  // "http://127.0.0.1:41234", "unix:/run/roost.sock".
  std::string url() const;
  // Refuses further clients in every process that shares the socket.
  void shut() noexcept;

 private:
  void bind_unix(const std::string& path);
  void bind_tcp();

  const std::string address_;
  Poco::Net::ServerSocket socket_;
  std::string unlink_;  // path of the unix socket
  uint64_t inode_ = 0;  // of that path: another server may have put its own socket there since
  const int owner_;     // pid
};

using Listeners = std::vector<std::shared_ptr<Listener>>;

// Those of `present` whose address is still wanted, and new ones for the rest, in the order of the configuration. On
// failure `present` is as it was. Throws config::ConfigError.
Listeners open_listeners(const std::vector<config::Listen>& wanted, const Listeners& present);

}  // namespace roost::process
