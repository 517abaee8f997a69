// Percent-coding and dot segments of request targets (RFC 3986 sections 2.1, 5.2.4). Thread-safe.
#pragma once

#include <string>
#include <string_view>

namespace roost::http {

// Decodes once, appending to out. False on a malformed escape; out is then to be discarded.
bool percent_decode(std::string_view raw, std::string& out);

// Appends text with everything but unreserved characters encoded: one segment, or one value of a query.
void percent_encode(std::string_view text, std::string& out);

// Splits the raw path at '/', decodes each segment once and resolves dot segments, raw or encoded. out becomes an
// absolute path without dot segments; empty segments are kept as they are. False when a segment has a malformed escape,
// a NUL or (encoded) a '/', and when ".." would leave the root: no file can be meant. REQUIRES: raw begins with '/'.
bool normalize_path(std::string_view raw, std::string& out);

}  // namespace roost::http
