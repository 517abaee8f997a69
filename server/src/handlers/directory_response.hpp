// Answers a request with a file that the cache holds: which representation, 304, 412, 206, 416 or the whole of it.
#pragma once

#include "handlers/directory_cache.hpp"
#include "http/exchange.hpp"

namespace roost::handlers {

void respond_with_file(http::Exchange& exchange, const CachedFile& file);

}  // namespace roost::handlers
