// The Python type StreamWriter: what roost._streaming sends an asynchronous iterator's pieces with. GIL held
// throughout.
#pragma once

#include "response_stream.hpp"

namespace roost::bridge {

bool ready_stream_writer(PyObject* module);

// New reference, which counts the stream; nullptr with MemoryError.
PyObject* new_stream_writer(ResponseStream& stream);

}  // namespace roost::bridge
