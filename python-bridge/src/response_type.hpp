// The Python type Response: status_code, headers, body, each as it was given until it is asked for; what is to be done
// after it was sent. Subclasses say otherwise what the body is. GIL held throughout.
#pragma once

#include "python.hpp"

namespace roost::bridge {

struct ResponseObject {
  PyObject_HEAD long status;
  PyObject* headers;     // nullptr, a dict, or Headers once it was asked for
  PyObject* body;        // never nullptr
  PyObject* background;  // nullptr: none
};

inline PyTypeObject* response_type = nullptr;

bool ready_response_type(PyObject* module);

// New reference; headers may be nullptr.
PyObject* new_response(long status, PyObject* headers, PyObject* body);

inline bool is_response(PyObject* object) {
  return Py_IS_TYPE(object, response_type);
}
// Also of a subclass.
inline bool is_any_response(PyObject* object) {
  return PyObject_TypeCheck(object, response_type);
}
inline ResponseObject* response_of(PyObject* object) {
  return reinterpret_cast<ResponseObject*>(object);
}

}  // namespace roost::bridge
