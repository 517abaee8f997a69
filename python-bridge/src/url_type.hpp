// The Python type Url: scheme, host, path and query of a request, as the client used them. GIL held throughout.
#pragma once

#include "python.hpp"

namespace roost::bridge {

bool ready_url_type(PyObject* module);

// New reference; nullptr with a Python error. What is not UTF-8 is replaced. path and query: still percent-encoded.
PyObject* new_url(std::string_view scheme, std::string_view host, std::string_view path, std::string_view query);

}  // namespace roost::bridge
