// Content types by file name. The table is made at build time from Debian's media-types (/etc/mime.types), with what
// browsers need beyond it. Constant; thread-safe.
#pragma once

#include <string_view>

namespace roost::handlers {

// "text/html; charset=utf-8" for "index.html"; "application/octet-stream" for what is not known. The extension counts
// whatever its case. Static.
std::string_view mime_type(std::string_view file_name) noexcept;

}  // namespace roost::handlers
