#include "process/reload_requests.hpp"

#include <ctime>
#include <utility>

namespace roost::process {

void ReloadRequests::wait_for_next(ControlSocket::Request request) {
  waiting_for_next_.push_back(std::move(request));
  wait_for_next();
}

bool ReloadRequests::settle(bool ok, const std::string& text) {
  char when[40];
  const time_t now = ::time(nullptr);
  tm utc;
  ::strftime(when, sizeof when, "%Y-%m-%dT%H:%M:%SZ", ::gmtime_r(&now, &utc));
  last_ = std::string(when) + (ok ? " ok: " : " failed: ") + text;
  last_.erase(last_.find_last_not_of('\n') + 1);
  for (ControlSocket::Request& request : waiting_) ControlSocket::answer(request, ok, text);
  waiting_ = std::exchange(waiting_for_next_, {});
  return std::exchange(again_, false);
}

void ReloadRequests::forget() {
  waiting_.clear();
  waiting_for_next_.clear();
}

}  // namespace roost::process
