// Answers with one file that a handler names, as a directory would with one of its own. Nothing is kept between
// requests.
#pragma once

#include <string_view>

#include "http/exchange.hpp"

namespace roost::handlers {

// roost_host.respond_file.
roost_status respond_with_named_file(http::Exchange& exchange, const roost_response& head, std::string_view path);

}  // namespace roost::handlers
