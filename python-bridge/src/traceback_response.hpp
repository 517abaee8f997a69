// What development mode answers when a handler raised.
#pragma once

#include <string_view>

#include "roost/abi.h"

namespace roost::bridge {

// Answers 500 with the traceback, as a page for browsers and as text for others, and logs it with the request's id.
// name: of the handler. traceback: as Python prints it. Consumes responder. Any thread; without the GIL, too.
void respond_with_traceback(const roost_request* request, roost_responder* responder, std::string_view name,
                            std::string_view traceback);

}  // namespace roost::bridge
