// Where the master hears `roost reload`, `stop` and `status`: a unix socket for its own user alone. A request is one
// line; the answer is "ok" or "failed" and a line end, then text until the end of the stream. The master's; one
// thread's.
#pragma once

#include <poll.h>

#include <list>
#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"

namespace roost::process {

class ControlSocket {
 public:
  // Makes the path's folder, for its user alone, where it is missing; replaces a socket that nobody answers at. Throws
  // std::runtime_error, naming the server that runs there when one does.
  explicit ControlSocket(std::string path);
  ~ControlSocket();
  ControlSocket(const ControlSocket&) = delete;
  ControlSocket& operator=(const ControlSocket&) = delete;

  // A request that waits for its answer. Unanswered ones are closed with the socket: the client then knows that the
  // server is gone.
  struct Request {
    base::UniqueFd client;
    std::string command;
  };

  void poll_fds(std::vector<pollfd>& fds) const;
  // Those that have arrived. Never blocks.
  std::vector<Request> take();
  static void answer(Request& request, bool ok, std::string_view text);

  // In a forked child.
  void forget();
  const std::string& path() const { return path_; }

 private:
  void accept_clients();

  std::string path_;
  base::UniqueFd socket_;
  std::list<Request> clients_;  // whose line is not complete
};

}  // namespace roost::process
