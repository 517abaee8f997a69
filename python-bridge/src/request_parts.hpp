// What the fields of a Request are made from: each function turns one part of the server's view into a new Python
// object, or returns nullptr with a Python error. GIL held throughout; read_body() lets it go while it reads a file.
#pragma once

#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

// A str where the bytes are UTF-8, as applications written for Robyn expect, else bytes.
PyObject* body_object(std::string_view body);
// True with a RuntimeError: middleware of the configuration file runs before the body of a streaming route has come.
bool body_is_to_come(const roost_request& raw);
// A body that is there, in memory or in the server's file, as body_object() makes it. Raises OSError.
PyObject* read_body(const roost_request& raw);
PyObject* read_params(const roost_request& raw);   // a dict
PyObject* read_headers(const roost_request& raw);  // Headers
PyObject* read_query(std::string_view query);      // QueryParams; query: as sent
PyObject* read_method(std::string_view method);    // a str, shared for those that are frequent
PyObject* new_state();                             // an empty types.SimpleNamespace

}  // namespace roost::bridge
