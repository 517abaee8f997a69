// request.form_data and request.files: the form that the server, or for a request without one this module, reads from a
// body, as objects of roost.forms. GIL held throughout, and let go while a body is read.
#pragma once

#include <string_view>

#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

// A tuple of FormData and Files, both empty where the body is no form. New reference; nullptr with a Python error: an
// HTTPException of status 400 or 413 where the form cannot be read, RuntimeError where the handler streams its body.
PyObject* read_forms(const roost_request* raw);
// The same for the body of a request that was streamed, under the limits of its route.
PyObject* read_forms(const roost_request& raw, std::string_view body);
// The same for a body without a request in the server, under the server's default limits.
PyObject* read_forms(std::string_view content_type, std::string_view body);

}  // namespace roost::bridge
