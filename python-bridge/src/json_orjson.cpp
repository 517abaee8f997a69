// Large documents by way of orjson, whose text is the same byte for byte: what it does not know (integers beyond 64
// bits, keys that are no str, deep nesting, subclasses) is an error there, and written natively instead.
#include "imported.hpp"
#include "json_encode.hpp"
#include "python.hpp"

namespace roost::bridge {

namespace {

// Below it the native writer is as fast, or faster (tools/bench/json).
constexpr size_t kOrjsonFrom = 1024;

struct Orjson {
  PyObject* dumps = nullptr;  // borrowed, as all here; nullptr: not importable
  PyObject* plain = nullptr;
  PyObject* option = nullptr;
};

// Looked for once, at the first large document.
Orjson orjson() {
  static constinit Imported dumps{"orjson", "dumps"};
  static constinit Imported plain{"roost._json", "plain"};
  static constinit Imported option{"roost._json", "ORJSON_OPTION"};
  static constinit bool missing = false;
  Orjson found;
  if (missing) return found;
  found.dumps = dumps.get();
  if (found.dumps != nullptr) found.plain = plain.get();
  if (found.plain != nullptr) found.option = option.get();
  if (found.option != nullptr) return found;
  PyErr_Clear();
  missing = true;
  return {};
}

// How much text it will be, from a few samples; looks at no more than `nodes` objects.
size_t estimate(PyObject* value, int& nodes) {
  if (--nodes < 0) return 6;
  if (PyUnicode_CheckExact(value)) return static_cast<size_t>(PyUnicode_GET_LENGTH(value)) + 2;
  if (PyFloat_CheckExact(value)) return 12;
  if (PyDict_CheckExact(value)) {
    const Py_ssize_t size = PyDict_GET_SIZE(value);
    Py_ssize_t at = 0, seen = 0;
    size_t bytes = 0;
    PyObject *key = nullptr, *item = nullptr;
    while (seen < 8 && nodes > 0 && bytes < kOrjsonFrom && PyDict_Next(value, &at, &key, &item)) {
      bytes += estimate(item, nodes) + 8;
      if (PyUnicode_CheckExact(key)) bytes += static_cast<size_t>(PyUnicode_GET_LENGTH(key));
      ++seen;
    }
    if (seen == 0) return static_cast<size_t>(size) * 16;
    return bytes * static_cast<size_t>(size) / static_cast<size_t>(seen);
  }
  if (PyList_CheckExact(value)) {
    const Py_ssize_t size = PyList_GET_SIZE(value);
    if (size == 0) return 2;
    size_t bytes = estimate(PyList_GET_ITEM(value, 0), nodes);
    if (size > 1 && nodes > 8) bytes = (bytes + estimate(PyList_GET_ITEM(value, size / 2), nodes)) / 2;
    return (bytes + 1) * static_cast<size_t>(size);
  }
  return 6;
}

}  // namespace

PyObject* encode_large_json(PyObject* value) {
  int nodes = 12;
  if (estimate(value, nodes) < kOrjsonFrom) return nullptr;
  const Orjson library = orjson();
  if (library.dumps == nullptr) return nullptr;
  PyObject* args[] = {nullptr, value, library.plain, library.option};
  PyObject* text = PyObject_Vectorcall(library.dumps, args + 1, 3 | PY_VECTORCALL_ARGUMENTS_OFFSET, nullptr);
  if (text == nullptr) PyErr_Clear();
  return text;
}

bool encode_json(PyObject* value, ByteBuffer& out) {
  const Ref text = Ref::steal(encode_large_json(value));
  if (!text) return encode_json_natively(value, out);
  out.append({PyBytes_AS_STRING(text.get()), static_cast<size_t>(PyBytes_GET_SIZE(text.get()))});
  return true;
}

}  // namespace roost::bridge
