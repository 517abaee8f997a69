#include "url_type.hpp"

#include <structmember.h>

namespace roost::bridge {

namespace {

struct UrlObject {
  PyObject_HEAD PyObject* scheme;
  PyObject* host;
  PyObject* path;
  PyObject* query;
};

PyTypeObject* url_type = nullptr;

PyMemberDef url_members[] = {
    {"scheme", T_OBJECT_EX, offsetof(UrlObject, scheme), READONLY, "\"http\" or \"https\", as the client used."},
    {"host", T_OBJECT_EX, offsetof(UrlObject, host), READONLY, "Host and port, as the client used."},
    {"path", T_OBJECT_EX, offsetof(UrlObject, path), READONLY, "As sent, still percent-encoded."},
    {"query", T_OBJECT_EX, offsetof(UrlObject, query), READONLY, "As sent, without the question mark."},
    {nullptr, 0, 0, 0, nullptr}};

void url_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  auto* url = reinterpret_cast<UrlObject*>(self);
  Py_XDECREF(url->scheme);
  Py_XDECREF(url->host);
  Py_XDECREF(url->path);
  Py_XDECREF(url->query);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* url_str(PyObject* self) {
  auto* url = reinterpret_cast<UrlObject*>(self);
  return PyUnicode_FromFormat(PyUnicode_GetLength(url->query) > 0 ? "%U://%U%U?%U" : "%U://%U%U", url->scheme,
                              url->host, url->path, url->query);
}

PyObject* url_construct(PyTypeObject*, PyObject* args, PyObject* keywords) {
  static const char* const names[] = {"scheme", "host", "path", "query", nullptr};
  const char *scheme = "http", *host = "", *path = "/", *query = "";
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|ssss", const_cast<char**>(names), &scheme, &host, &path, &query))
    return nullptr;
  return new_url(scheme, host, path, query);
}

PyType_Slot url_slots[] = {{Py_tp_new, reinterpret_cast<void*>(url_construct)},
                           {Py_tp_dealloc, reinterpret_cast<void*>(url_dealloc)},
                           {Py_tp_members, url_members},
                           {Py_tp_str, reinterpret_cast<void*>(url_str)},
                           {Py_tp_repr, reinterpret_cast<void*>(url_str)},
                           {0, nullptr}};
PyType_Spec url_spec = {"roost._native.Url", sizeof(UrlObject), 0, Py_TPFLAGS_DEFAULT, url_slots};

}  // namespace

bool ready_url_type(PyObject* module) {
  if (url_type == nullptr) url_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&url_spec));
  return url_type != nullptr && PyModule_AddObjectRef(module, "Url", reinterpret_cast<PyObject*>(url_type)) == 0;
}

PyObject* new_url(std::string_view scheme, std::string_view host, std::string_view path, std::string_view query) {
  PyObject* made = url_type->tp_alloc(url_type, 0);
  if (made == nullptr) return nullptr;
  auto* url = reinterpret_cast<UrlObject*>(made);
  url->scheme = to_unicode(scheme);
  url->host = to_unicode(host);
  url->path = to_unicode(path);
  url->query = to_unicode(query);
  if (url->scheme == nullptr || url->host == nullptr || url->path == nullptr || url->query == nullptr) Py_CLEAR(made);
  return made;
}

}  // namespace roost::bridge
