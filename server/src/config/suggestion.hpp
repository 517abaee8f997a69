// Did-you-mean: the known name nearest to what was written.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace roost::config {

// ` (did you mean "hello"?)` for the candidate with the smallest edit distance, if it is at most a third of the longer
// name; else ` (known: a, b, c)` when there are few candidates; else nothing.
std::string suggestion(std::string_view written, const std::vector<std::string>& known);

// The candidate with the smallest edit distance, if that is at most `most`; else empty.
std::string nearest(std::string_view written, const std::vector<std::string>& known, size_t most);

}  // namespace roost::config
