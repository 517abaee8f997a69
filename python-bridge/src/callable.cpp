#include "callable.hpp"

namespace roost::bridge {

CallableKind kind_of(PyObject* callable) {
  CallableKind kind;
  Ref current = Ref::borrow(callable);
  int bound = 0;
  for (int depth = 0; depth < 16; ++depth) {
    if (PyMethod_Check(current.get())) {
      ++bound;
      current = Ref::borrow(PyMethod_GET_FUNCTION(current.get()));
      continue;
    }
    if (PyFunction_Check(current.get())) {
      const auto* code = reinterpret_cast<PyCodeObject*>(PyFunction_GET_CODE(current.get()));
      if (depth == 0 || !kind.is_async) kind.is_async = (code->co_flags & CO_COROUTINE) != 0;
      const bool any = (code->co_flags & CO_VARARGS) != 0;
      kind.takes_request = code->co_argcount > bound || any;
      if (!any || code->co_argcount > bound) return kind;
      // A decorator's (*args, **kwargs) takes what the function within takes.
      Ref wrapped = Ref::steal(PyObject_GetAttrString(current.get(), "__wrapped__"));
      if (!wrapped) {
        PyErr_Clear();
        return kind;
      }
      const bool outer_async = kind.is_async;
      kind = kind_of(wrapped.get());
      kind.is_async = outer_async;
      return kind;
    }
    Ref inner = Ref::steal(PyObject_GetAttrString(current.get(), "func"));  // functools.partial
    if (inner && PyCallable_Check(inner.get())) {
      current = std::move(inner);
      continue;
    }
    PyErr_Clear();
    if (PyType_Check(current.get()) || PyCFunction_Check(current.get())) return kind;
    inner = Ref::steal(PyObject_GetAttrString(current.get(), "__call__"));
    if (!inner || !PyMethod_Check(inner.get())) {
      PyErr_Clear();
      return kind;
    }
    current = std::move(inner);
  }
  return kind;
}

}  // namespace roost::bridge
