// What development mode answers when a handler raised: its traceback, as a page for browsers and as text for others.
#pragma once

#include <string>
#include <string_view>

#include "roost/abi.h"

namespace roost::bridge {

// A whole HTML document, without a script and without anything from elsewhere. Every argument may hold any bytes: what
// is shown is escaped. name: of the handler. traceback: as Python prints it.
std::string error_page(std::string_view method, std::string_view target, std::string_view name,
                       std::string_view traceback);

// Whether an Accept header names HTML (RFC 9110 section 12.5.1), as a browser's does for a page.
bool accepts_html(std::string_view accept);

// Answers 500 with it and logs it with the request's id. Consumes responder. Any thread; without the GIL, too.
void respond_with_traceback(const roost_request* request, roost_responder* responder, std::string_view name,
                            std::string_view traceback);

}  // namespace roost::bridge
