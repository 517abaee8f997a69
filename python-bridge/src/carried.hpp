// The response that an exception carries in its attribute `__roost_response__`: a method (HTTPException) gives the
// answer itself, and nothing is logged; what is none was attached by the middleware's chain to an exception that nobody
// answered, which is logged all the same.
#pragma once

#include "python.hpp"

namespace roost::bridge {

// Of the exception that is set. GIL held.
//   empty, error set        it carries none, or asking for it raised another one, which then is set
//   a response, error set   that is to be answered, the exception to be logged
//   a response, no error    that is to be answered
Ref take_carried_response();

}  // namespace roost::bridge
