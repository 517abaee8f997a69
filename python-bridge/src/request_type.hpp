// The Python type Request. It reads the server's views of the request when a field is first asked for; before the
// responder is completed it is either dropped or detached from them. GIL held throughout.
#pragma once

#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

inline PyTypeObject* request_type = nullptr;

bool ready_request_type(PyObject* module);

// New reference. raw and responder stay valid until release_request().
// streamed: whose body is read as it comes, when somebody asks for it; nullptr where it is there.
PyObject* new_request(const roost_request* raw, roost_responder* streamed = nullptr);

// Lets go of the server's views, as release_request() does, but keeps the object: for attach_request() of the same
// request.
void detach_request(PyObject* request);
void attach_request(PyObject* request, const roost_request* raw, roost_responder* streamed);

// Before the responder is completed: gives up the reference; where others keep the object, what it has not read yet
// is copied first.
void release_request(PyObject* request);

// Whether its client went before all of a streamed body had come. request: may be nullptr.
bool client_went(PyObject* request);

// A request that no server received, for tests of applications in process. nullptr with a Python error.
PyObject* request_for_test(std::string_view method, std::string_view target, PyObject* headers, PyObject* body,
                           PyObject* path_params, std::string_view ip);

}  // namespace roost::bridge
