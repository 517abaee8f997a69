// The page that shows what a directory holds, where `listing: true` asks for one. Thread-safe.
#pragma once

#include <string>
#include <string_view>

#include "handlers/open_beneath.hpp"

namespace roost::handlers {

// HTML of at most 10,000 entries, folders first, each by name; names are escaped, dot files left out. path: what the
// visitor asked for, decoded. Empty when the directory cannot be read.
std::string directory_listing(FileDescriptor directory, std::string_view path);

}  // namespace roost::handlers
