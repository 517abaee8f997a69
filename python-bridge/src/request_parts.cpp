#include "request_parts.hpp"

#include <unistd.h>

#include <cerrno>

#include "fields_type.hpp"
#include "host.hpp"
#include "imported.hpp"

namespace roost::bridge {

namespace {

// A body that was spilled to a file. Its offset is left alone: the descriptor is the server's.
PyObject* read_spilled(const roost_request& raw) {
  Ref bytes = Ref::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(raw.body_size)));
  if (!bytes) return nullptr;
  char* data = PyBytes_AS_STRING(bytes.get());
  size_t got = 0;
  int problem = 0;
  {
    const WithoutGil released;
    while (got < raw.body_size && problem == 0) {
      const ssize_t count = pread(raw.body_file, data + got, raw.body_size - got, static_cast<off_t>(got));
      if (count > 0) {
        got += static_cast<size_t>(count);
      } else if (count == 0 || errno != EINTR) {
        problem = count < 0 ? errno : EIO;
      }
    }
  }
  if (problem != 0) {
    errno = problem;
    return PyErr_SetFromErrno(PyExc_OSError);
  }
  return bytes.release();
}

}  // namespace

PyObject* body_object(std::string_view body) {
  PyObject* text = PyUnicode_DecodeUTF8(body.data(), static_cast<Py_ssize_t>(body.size()), nullptr);
  if (text != nullptr || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return text;
  PyErr_Clear();
  return PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size()));
}

bool body_is_to_come(const roost_request& raw) {
  if ((raw.flags & ROOST_REQUEST_STREAMED) == 0) return false;
  PyErr_SetString(PyExc_RuntimeError,
                  "the handler of this route streams the request's body: middleware of the configuration file runs "
                  "before it comes, and cannot read it; before_request handlers of the application can");
  return true;
}

PyObject* read_body(const roost_request& raw) {
  if (body_is_to_come(raw)) return nullptr;
  if (raw.body_file < 0) return body_object(view(raw.body));
  Ref bytes = Ref::steal(read_spilled(raw));
  if (!bytes) return nullptr;
  return body_object({PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))});
}

PyObject* read_params(const roost_request& raw) {
  Ref params = Ref::steal(PyDict_New());
  for (size_t i = 0; params && i < raw.param_count; ++i) {
    const Ref name = Ref::steal(to_unicode(view(raw.params[i].name)));
    const Ref value = Ref::steal(to_unicode(view(raw.params[i].value)));
    if (!name || !value || PyDict_SetItem(params.get(), name.get(), value.get()) < 0) return nullptr;
  }
  return params.release();
}

PyObject* read_headers(const roost_request& raw) {
  PyObject* headers = new_fields(headers_type);
  if (headers == nullptr) return nullptr;
  FieldList& list = fields_of(headers);
  size_t bytes = 0;
  for (size_t i = 0; i < raw.header_count; ++i) bytes += raw.headers[i].name.size + raw.headers[i].value.size;
  list.reserve(raw.header_count + 1, bytes + 32);
  for (size_t i = 0; i < raw.header_count; ++i) list.add(view(raw.headers[i].name), view(raw.headers[i].value));
  return headers;
}

PyObject* read_query(std::string_view query) {
  PyObject* params = new_fields(query_params_type);
  if (params != nullptr) fields_of(params).add_query(query);
  return params;
}

PyObject* read_method(std::string_view method) {
  static PyObject* get = PyUnicode_InternFromString("GET");
  static PyObject* post = PyUnicode_InternFromString("POST");
  if (method == "GET") return Py_NewRef(get);
  if (method == "POST") return Py_NewRef(post);
  return to_unicode(method);
}

PyObject* new_state() {
  static constinit Imported type{"types", "SimpleNamespace"};
  return type.get() != nullptr ? PyObject_CallNoArgs(type.get()) : nullptr;
}

}  // namespace roost::bridge
