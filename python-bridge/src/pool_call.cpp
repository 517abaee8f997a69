#include "pool_call.hpp"

#include "bridge.hpp"

namespace roost::bridge {

namespace {

class PoolCall final : public Job {
 public:
  explicit PoolCall(PyObject* function) : function_(Ref::borrow(function)) {}
  void run() override {
    if (!Ref::steal(PyObject_CallNoArgs(function_.get()))) PyErr_WriteUnraisable(function_.get());
    delete this;
  }
  void done(Ref) override {}

 private:
  const Ref function_;
};

PyObject* submit(PyObject*, PyObject* function) {
  if (!in_worker() || !bridge().ensure_pool()) Py_RETURN_FALSE;
  Job* job = new PoolCall(function);
  bridge().pool().submit(&job, 1);
  Py_RETURN_TRUE;
}

// The one that is entered, not a copy as contextvars.copy_context() gives.
PyObject* current_context(PyObject*, PyObject*) {
  PyObject* context = PyThreadState_Get()->context;
  return context != nullptr ? Py_NewRef(context) : PyContext_New();
}

PyMethodDef functions[] = {{"submit", submit, METH_O, nullptr},
                           {"current_context", current_context, METH_NOARGS, nullptr},
                           {nullptr, nullptr, 0, nullptr}};

}  // namespace

bool add_pool_functions(PyObject* module) {
  return PyModule_AddFunctions(module, functions) == 0;
}

}  // namespace roost::bridge
