// Answers a request with a file that was opened: which representation, 304, 412, 206, 416 or the whole of it.
#pragma once

#include "handlers/directory_cache.hpp"
#include "http/exchange.hpp"

namespace roost::handlers {

void respond_with_file(http::Exchange& exchange, const CachedFile& file);
// The one representation there is. status: other than 200 it is sent whole, whatever the request asks for.
// ROOST_INVALID, and nothing was answered, where a field of it is malformed.
roost_status respond_with_representation(http::Exchange& exchange, const Representation& it, uint16_t status);

}  // namespace roost::handlers
