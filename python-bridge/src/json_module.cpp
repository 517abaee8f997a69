#include "json_module.hpp"

#include "json_decode.hpp"
#include "json_encode.hpp"
#include "python.hpp"

namespace roost::bridge {

namespace {

PyObject* natively(PyObject*, PyObject* value) {
  ByteBuffer out;
  return encode_json_natively(value, out) ? PyBytes_FromStringAndSize(out.data(), static_cast<Py_ssize_t>(out.size()))
                                          : nullptr;
}

PyObject* encode(PyObject* self, PyObject* value) {
  PyObject* text = encode_large_json(value);
  return text != nullptr ? text : natively(self, value);
}

PyObject* decode(PyObject*, PyObject* data) {
  if (PyBytes_CheckExact(data))
    return decode_json({PyBytes_AS_STRING(data), static_cast<size_t>(PyBytes_GET_SIZE(data))});
  Py_buffer buffer;
  if (PyObject_GetBuffer(data, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
  PyObject* value = decode_json({static_cast<const char*>(buffer.buf), static_cast<size_t>(buffer.len)});
  PyBuffer_Release(&buffer);
  return value;
}

PyMethodDef functions[] = {
    {"json_encode", encode, METH_O, "An object as JSON, in bytes."},
    {"json_encode_natively", natively, METH_O, "The same, never by way of orjson."},
    {"json_decode", decode, METH_O, "JSON in bytes or another buffer, read. Raises ValueError when it is none."},
    {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool add_json_functions(PyObject* module) {
  return PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace roost::bridge
