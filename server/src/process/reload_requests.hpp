// Who waits for a reload, and how the last one went. However many ask while one runs, one more follows it: what runs
// may have read the old state of the files. The master's.
#pragma once

#include <string>
#include <vector>

#include "process/control_socket.hpp"

namespace roost::process {

class ReloadRequests {
 public:
  // Of the reload that runs or is about to.
  void wait_for_this(ControlSocket::Request request) { waiting_.push_back(std::move(request)); }
  // Of the one after it; without a request where nobody waits for the answer.
  void wait_for_next() { again_ = true; }
  void wait_for_next(ControlSocket::Request request);

  // The reload that ran is over: answers who waited for it. True: another was asked for meanwhile.
  bool settle(bool ok, const std::string& text);
  // When and how the last one ended, one line; empty: none yet.
  const std::string& last() const { return last_; }

  // In a forked child.
  void forget();

 private:
  std::vector<ControlSocket::Request> waiting_, waiting_for_next_;
  bool again_ = false;
  std::string last_;
};

}  // namespace roost::process
