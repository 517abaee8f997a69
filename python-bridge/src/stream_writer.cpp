#include "stream_writer.hpp"

namespace roost::bridge {

namespace {

struct WriterObject {
  PyObject_HEAD ResponseStream* stream;  // counted
};
PyTypeObject* writer_type = nullptr;

ResponseStream& stream_of(PyObject* object) {
  return *reinterpret_cast<WriterObject*>(object)->stream;
}

PyObject* writer_write(PyObject* self, PyObject* piece) {
  const int written = stream_of(self).write(piece);
  return written < 0 ? nullptr : PyLong_FromLong(written);
}

PyObject* writer_writable(PyObject* self, PyObject*) {
  return stream_of(self).writable();
}

void writer_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  stream_of(self).release();
  PyObject_Free(self);
  Py_DECREF(type);
}

PyMethodDef writer_methods[] = {
    {"write", writer_write, METH_O, "Sends a piece: 0, or 1 when the client must read first, or 2 when it went."},
    {"writable", writer_writable, METH_NOARGS, "A future that is done when the client has read."},
    {nullptr, nullptr, 0, nullptr}};
PyType_Slot writer_slots[] = {
    {Py_tp_dealloc, reinterpret_cast<void*>(writer_dealloc)}, {Py_tp_methods, writer_methods}, {0, nullptr}};
PyType_Spec writer_spec = {"roost._native.StreamWriter", sizeof(WriterObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, writer_slots};

}  // namespace

bool ready_stream_writer(PyObject* module) {
  if (writer_type == nullptr) writer_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&writer_spec));
  return writer_type != nullptr &&
         PyModule_AddObjectRef(module, "StreamWriter", reinterpret_cast<PyObject*>(writer_type)) == 0;
}

PyObject* new_stream_writer(ResponseStream& stream) {
  auto* made = PyObject_New(WriterObject, writer_type);
  if (made == nullptr) return nullptr;
  made->stream = &stream;
  stream.retain();
  return reinterpret_cast<PyObject*>(made);
}

}  // namespace roost::bridge
