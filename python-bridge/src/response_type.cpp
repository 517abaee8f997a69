#include "response_type.hpp"

#include <vector>

#include "fields_type.hpp"

namespace roost::bridge {

namespace {

// As of Request: one for each call of many handlers. Guarded by the GIL.
constexpr size_t kKept = 64;
ResponseObject* kept[kKept];
size_t kept_count = 0;

int response_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(response_of(self)->headers);
  Py_VISIT(response_of(self)->body);
  Py_VISIT(response_of(self)->background);
  return 0;
}

int response_clear(PyObject* self) {
  Py_CLEAR(response_of(self)->headers);
  Py_XSETREF(response_of(self)->body, Py_NewRef(Py_None));
  Py_CLEAR(response_of(self)->background);
  return 0;
}

void response_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  Py_CLEAR(response_of(self)->headers);
  Py_CLEAR(response_of(self)->body);
  Py_CLEAR(response_of(self)->background);
  if (type != response_type)
    type->tp_free(self);
  else if (kept_count < kKept)
    kept[kept_count++] = response_of(self);
  else
    PyObject_GC_Del(self);
  Py_DECREF(type);
}

bool valid_status(long status) {
  if (status >= 200 && status <= 599) return true;
  PyErr_Format(PyExc_ValueError, "status_code must be from 200 to 599, not %ld", status);
  return false;
}

bool valid_headers(PyObject* headers) {
  if (headers == Py_None || PyDict_Check(headers) || is_headers(headers)) return true;
  PyErr_Format(PyExc_TypeError, "headers must be a dict or Headers, not %.100s", Py_TYPE(headers)->tp_name);
  return false;
}

struct Arguments {
  long status = 200;
  PyObject* headers = nullptr;  // borrowed, as all here
  PyObject* body = nullptr;
  PyObject* background = nullptr;
};

// (status_code=200, headers=None, body="", *, background=None); `description` is Robyn's name of the body.
bool parse(PyObject* const* args, Py_ssize_t count, PyObject* keywords, Arguments& parsed) {
  PyObject* given[4] = {nullptr, nullptr, nullptr, nullptr};
  if (count > 3) {
    PyErr_Format(PyExc_TypeError, "Response() takes at most 3 arguments, %zd given", count);
    return false;
  }
  for (Py_ssize_t i = 0; i < count; ++i) given[i] = args[i];
  for (Py_ssize_t i = 0; keywords != nullptr && i < PyTuple_GET_SIZE(keywords); ++i) {
    PyObject* name = PyTuple_GET_ITEM(keywords, i);
    size_t which = 4;
    if (PyUnicode_CompareWithASCIIString(name, "status_code") == 0)
      which = 0;
    else if (PyUnicode_CompareWithASCIIString(name, "headers") == 0)
      which = 1;
    else if (PyUnicode_CompareWithASCIIString(name, "body") == 0)
      which = 2;
    else if (PyUnicode_CompareWithASCIIString(name, "description") == 0)
      which = 2;
    else if (PyUnicode_CompareWithASCIIString(name, "background") == 0)
      which = 3;
    if (which == 4 || given[which] != nullptr) {
      PyErr_Format(PyExc_TypeError, "Response() got %s argument %R",
                   which == 4 ? "an unexpected" : "more than one value for", name);
      return false;
    }
    given[which] = args[count + i];
  }
  if (given[0] != nullptr) {
    parsed.status = PyLong_AsLong(given[0]);
    if (parsed.status == -1 && PyErr_Occurred()) return false;
    if (!valid_status(parsed.status)) return false;
  }
  parsed.headers = given[1] == Py_None ? nullptr : given[1];
  if (parsed.headers != nullptr && !valid_headers(parsed.headers)) return false;
  parsed.body = given[2];
  parsed.background = given[3] == Py_None ? nullptr : given[3];
  return true;
}

PyObject* response_vectorcall(PyObject*, PyObject* const* args, size_t flags, PyObject* keywords) {
  Arguments parsed;
  if (!parse(args, PyVectorcall_NARGS(flags), keywords, parsed)) return nullptr;
  Ref empty;
  if (parsed.body == nullptr) {
    empty = Ref::steal(PyUnicode_New(0, 0));
    parsed.body = empty.get();
  }
  PyObject* made = new_response(parsed.status, parsed.headers, parsed.body);
  if (made != nullptr && parsed.background != nullptr) response_of(made)->background = Py_NewRef(parsed.background);
  return made;
}

// Of subclasses without an __init__ of their own.
int response_init(PyObject* self, PyObject* args, PyObject* keywords) {
  std::vector<PyObject*> given;
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(args); ++i) given.push_back(PyTuple_GET_ITEM(args, i));
  const Ref names = Ref::steal(keywords != nullptr ? PySequence_Tuple(keywords) : nullptr);
  if (keywords != nullptr && !names) return -1;
  for (Py_ssize_t i = 0; names && i < PyTuple_GET_SIZE(names.get()); ++i)
    given.push_back(PyDict_GetItem(keywords, PyTuple_GET_ITEM(names.get(), i)));
  Arguments parsed;
  if (!parse(given.data(), PyTuple_GET_SIZE(args), names.get(), parsed)) return -1;
  ResponseObject* response = response_of(self);
  response->status = parsed.status;
  Py_XSETREF(response->headers, Py_XNewRef(parsed.headers));
  if (parsed.body != nullptr) Py_XSETREF(response->body, Py_NewRef(parsed.body));
  Py_XSETREF(response->background, Py_XNewRef(parsed.background));
  return 0;
}

PyObject* get_status(PyObject* self, void*) {
  return PyLong_FromLong(response_of(self)->status);
}

int set_status(PyObject* self, PyObject* value, void*) {
  const long status = value == nullptr ? 0 : PyLong_AsLong(value);
  if (PyErr_Occurred() || !valid_status(status)) return -1;
  response_of(self)->status = status;
  return 0;
}

PyObject* get_headers(PyObject* self, void*) {
  ResponseObject* response = response_of(self);
  if (response->headers == nullptr || !is_headers(response->headers)) {
    Ref headers = Ref::steal(new_fields(headers_type));
    if (!headers || (response->headers != nullptr && !add_fields(fields_of(headers.get()), response->headers)))
      return nullptr;
    Py_XSETREF(response->headers, headers.release());
  }
  return Py_NewRef(response->headers);
}

int set_headers(PyObject* self, PyObject* value, void*) {
  if (value == nullptr) value = Py_None;
  if (!valid_headers(value)) return -1;
  Py_XSETREF(response_of(self)->headers, value == Py_None ? nullptr : Py_NewRef(value));
  return 0;
}

PyObject* get_body(PyObject* self, void*) {
  return Py_NewRef(response_of(self)->body);
}

int set_body(PyObject* self, PyObject* value, void*) {
  Py_XSETREF(response_of(self)->body, Py_NewRef(value ? value : Py_None));
  return 0;
}

// roost.cookies.NAME(self, ...)
PyObject* call_cookies(PyObject* self, const char* name, PyObject* args, PyObject* keywords) {
  const Ref module = Ref::steal(PyImport_ImportModule("roost.cookies"));
  const Ref function = module ? Ref::steal(PyObject_GetAttrString(module.get(), name)) : Ref();
  const Ref first = Ref::steal(PyTuple_Pack(1, self));
  const Ref all = first ? Ref::steal(PySequence_Concat(first.get(), args)) : Ref();
  return function && all ? PyObject_Call(function.get(), all.get(), keywords) : nullptr;
}

PyObject* response_set_cookie(PyObject* self, PyObject* args, PyObject* keywords) {
  return call_cookies(self, "set_cookie", args, keywords);
}

PyObject* response_delete_cookie(PyObject* self, PyObject* args, PyObject* keywords) {
  return call_cookies(self, "delete_cookie", args, keywords);
}

PyObject* get_cookies(PyObject* self, void*) {
  const Ref none = Ref::steal(PyTuple_New(0));
  return none ? call_cookies(self, "of_response", none.get(), nullptr) : nullptr;
}

PyMethodDef response_methods[] = {
    {"set_cookie", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(response_set_cookie)),
     METH_VARARGS | METH_KEYWORDS, "Sets a cookie, see Cookie for what each argument is."},
    {"delete_cookie", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(response_delete_cookie)),
     METH_VARARGS | METH_KEYWORDS, "Has the browser delete a cookie; path and domain as it was set with."},
    {nullptr, nullptr, 0, nullptr}};

PyObject* response_repr(PyObject* self) {
  return PyUnicode_FromFormat("<Response %ld>", response_of(self)->status);
}

PyObject* get_background(PyObject* self, void*) {
  PyObject* background = response_of(self)->background;
  return Py_NewRef(background != nullptr ? background : Py_None);
}

int set_background(PyObject* self, PyObject* value, void*) {
  Py_XSETREF(response_of(self)->background, value == Py_None ? nullptr : Py_XNewRef(value));
  return 0;
}

// Of subclasses; Response itself is called through response_vectorcall().
PyObject* response_new(PyTypeObject* type, PyObject*, PyObject*) {
  PyObject* made = type->tp_alloc(type, 0);
  if (made == nullptr) return nullptr;
  response_of(made)->status = 200;
  response_of(made)->body = PyUnicode_New(0, 0);
  return made;
}

PyGetSetDef response_fields[] = {
    {"status_code", get_status, set_status, "200 to 599.", nullptr},
    {"headers", get_headers, set_headers, "Headers; a dict may be assigned.", nullptr},
    {"body", get_body, set_body, "str, bytes, None, or what becomes JSON: dict and list.", nullptr},
    {"description", get_body, set_body, "The body, by the name that Robyn has for it.", nullptr},
    {"cookies", get_cookies, nullptr, "What is set, by name: Cookies.", nullptr},
    {"background", get_background, set_background, "A BackgroundTask that runs once the response was sent.", nullptr},
    {nullptr, nullptr, nullptr, nullptr, nullptr}};
PyType_Slot response_slots[] = {{Py_tp_new, reinterpret_cast<void*>(response_new)},
                                {Py_tp_init, reinterpret_cast<void*>(response_init)},
                                {Py_tp_dealloc, reinterpret_cast<void*>(response_dealloc)},
                                {Py_tp_traverse, reinterpret_cast<void*>(response_traverse)},
                                {Py_tp_clear, reinterpret_cast<void*>(response_clear)},
                                {Py_tp_getset, response_fields},
                                {Py_tp_methods, response_methods},
                                {Py_tp_repr, reinterpret_cast<void*>(response_repr)},
                                {0, nullptr}};
PyType_Spec response_spec = {"roost._native.Response", sizeof(ResponseObject), 0,
                             Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_BASETYPE, response_slots};

}  // namespace

bool ready_response_type(PyObject* module) {
  if (response_type == nullptr) {
    response_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&response_spec));
    if (response_type == nullptr) return false;
    response_type->tp_vectorcall = response_vectorcall;
  }
  return PyModule_AddObjectRef(module, "Response", reinterpret_cast<PyObject*>(response_type)) == 0;
}

PyObject* new_response(long status, PyObject* headers, PyObject* body) {
  ResponseObject* response = nullptr;
  if (kept_count > 0) {
    response = kept[--kept_count];
    PyObject_Init(reinterpret_cast<PyObject*>(response), response_type);
  } else {
    response = PyObject_GC_New(ResponseObject, response_type);
    if (response == nullptr) return nullptr;
  }
  response->status = status;
  response->headers = Py_XNewRef(headers);
  response->body = Py_NewRef(body);
  response->background = nullptr;
  PyObject_GC_Track(reinterpret_cast<PyObject*>(response));
  return reinterpret_cast<PyObject*>(response);
}

}  // namespace roost::bridge
