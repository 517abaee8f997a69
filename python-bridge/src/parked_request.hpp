// A Request between two of its Python parts: a middleware of the YAML file has seen it and let it go on, the next one
// or the handler takes it, with the contextvars that were set meanwhile. Nothing is looked up while none is parked.
#pragma once

#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

struct ParkedRequest {
  Ref request;  // detached from the server's views
  Ref context;  // empty: nothing was set
};

// GIL held. Replaces what was parked for that request.
void park_request(const roost_request* raw, ParkedRequest parked);
// GIL held. Both empty when nothing was parked.
ParkedRequest take_parked_request(const roost_request* raw);
// The request is over: forgets what nobody took. Any thread, without the GIL.
void forget_parked_request(const roost_request* raw);

}  // namespace roost::bridge
