// The events of WebSockets: those of one connection reach their callbacks one at a time and in order, whichever thread
// they come from and run on.
#pragma once

#include <cstdint>
#include <string>

#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

enum class SocketEvent : uint8_t { connect, message, close };

// One endpoint. Made in mount(), never freed.
struct SocketTarget {
  struct Callback {
    PyObject* function = nullptr;  // owned; nullptr: none
    bool is_async = false;
  };
  Callback callbacks[3];      // by SocketEvent
  bool prefers_loop = false;  // where what has no callback is done
  std::string group;
  std::string name;

  const Callback& of(SocketEvent event) const { return callbacks[static_cast<size_t>(event)]; }
};

// roost_route.handle of an endpoint; self is its SocketTarget.
roost_status accept_socket(void* self, const roost_request* request, roost_responder* responder);

}  // namespace roost::bridge
