// What a form may hold, as `limits: { form: ... }` says it; each limit is answered 413. A plain value.
#pragma once

#include <cstddef>
#include <cstdint>

namespace roost::config {

struct FormLimits {
  size_t parts = 1000;             // fields and files together
  size_t name_bytes = 1024;        // of a field's name, and of a file's
  size_t header_bytes = 8 * 1024;  // header lines of one part
  size_t field_bytes = 1 << 20;    // the values of all fields together: what is kept in memory
  uint64_t file_bytes = 0;         // of one file; 0: as much as the body may have
};

}  // namespace roost::config
