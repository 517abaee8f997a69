// What a Python callable is, read from its code object: nothing is imported for it.
#pragma once

#include "python.hpp"

namespace roost::bridge {

struct CallableKind {
  bool is_async = false;      // calling it makes a coroutine
  bool takes_request = true;  // it has a positional parameter
};

CallableKind kind_of(PyObject* callable);

}  // namespace roost::bridge
