// The escapes of a JSON string (RFC 8259 section 7). Without Python.
#pragma once

#include <string>

namespace roost::bridge {

// Appends to `out`, in UTF-8, what stands from `at` to the closing quote, and moves `at` behind that. Returns nullptr,
// or what is wrong, in the words of the json module, with `at` where it is; `end` where there is no closing quote.
const char* unescape_json(const char*& at, const char* end, std::string& out);

}  // namespace roost::bridge
