// The server log, through Poco's logging. Lines go to standard error, as "2026-01-31T12:00:00.123Z info    process:
// text". Before start_async() (master, prototype) a line is written at once; after it (workers) lines are queued in a
// bounded queue and written by one thread, so that an I/O thread never blocks on them; what the full queue drops is
// counted and said. Any thread.
#pragma once

#include <string_view>

#include "roost/abi.h"

namespace roost::base {

void log(roost_log_level level, std::string_view source, std::string_view message);
bool log_enabled(roost_log_level level);
void set_log_level(roost_log_level level);

// In a worker, once, before its I/O threads start. stop_async() writes what is queued.
void start_async_log();
void stop_async_log();

}  // namespace roost::base
