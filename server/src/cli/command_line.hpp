// The command line: `roost COMMAND ...`. Exit status 0 on success, 1 when the thing asked failed, 2 on bad usage;
// errors on standard error.
#pragma once

namespace roost::cli {

// Parses, runs, and returns the exit status. On the main thread of a process that has no other.
__attribute__((visibility("default"))) int run(int argc, char** argv);

}  // namespace roost::cli
