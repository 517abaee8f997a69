// Files for what is too large for memory: in $TMPDIR, else /tmp. Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/unique_fd.hpp"

namespace roost::base {

// Open for reading and writing; no name leads to it. Empty: errno says why.
UniqueFd open_temporary();

// The same with a name, which is the caller's to remove: `path`.
UniqueFd create_temporary(std::string& path);

// Writes all. False: errno says why.
bool write_all(int fd, std::string_view bytes);

// Appends `size` bytes of the file `from`, from `offset` on, to `to`; no file's offset of `from` moves. False: errno
// says why.
bool append_range(int to, int from, uint64_t offset, uint64_t size);

}  // namespace roost::base
