// Functions that Python hands to the pool itself.
#pragma once

#include "python.hpp"

namespace roost::bridge {

// submit(function) and current_context(). False with a Python error.
bool add_pool_functions(PyObject* module);

}  // namespace roost::bridge
