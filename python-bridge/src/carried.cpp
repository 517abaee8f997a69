#include "carried.hpp"

namespace roost::bridge {

Ref take_carried_response() {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  PyErr_NormalizeException(&type, &value, &traceback);
  Ref carried = value != nullptr ? Ref::steal(PyObject_GetAttrString(value, "__roost_response__")) : Ref();
  PyErr_Clear();
  if (!carried || !PyCallable_Check(carried.get())) {
    PyErr_Restore(type, value, traceback);
    return carried;
  }
  const Ref owners[] = {Ref::steal(type), Ref::steal(value), Ref::steal(traceback)};
  return Ref::steal(PyObject_CallNoArgs(carried.get()));
}

}  // namespace roost::bridge
