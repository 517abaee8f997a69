// json_encode, json_encode_natively and json_decode of roost._native.
#pragma once

#include <Python.h>

namespace roost::bridge {

// False with a Python error set.
bool add_json_functions(PyObject* module);

}  // namespace roost::bridge
