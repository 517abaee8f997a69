// The Python types Headers and QueryParams: mappings of str to str with many values of one name. GIL held throughout.
#pragma once

#include "field_list.hpp"
#include "python.hpp"

namespace roost::bridge {

struct FieldsObject {
  PyObject_HEAD FieldList list;
};

inline PyTypeObject* headers_type = nullptr;
inline PyTypeObject* query_params_type = nullptr;

// headers["missing"] is None and no KeyError, as applications written for Robyn have it; set as
// Answer::others_are_text.
inline bool missing_header_is_none = false;

bool ready_fields_types(PyObject* module);

inline bool is_headers(PyObject* object) {
  return Py_IS_TYPE(object, headers_type);
}
inline FieldList& fields_of(PyObject* object) {
  return reinterpret_cast<FieldsObject*>(object)->list;
}

// Empty, new reference; nullptr with MemoryError.
PyObject* new_fields(PyTypeObject* type);
// Adds what a dict (values str, or a list of them), Headers or an iterable of pairs holds. False with a Python error.
bool add_fields(FieldList& list, PyObject* source);

}  // namespace roost::bridge
