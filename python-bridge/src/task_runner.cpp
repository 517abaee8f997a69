#include "task_runner.hpp"

#include "host.hpp"

namespace roost::bridge {

namespace {

// What a prepared Task runs: nothing until a coroutine and what it waits for are put in.
struct DriverObject {
  PyObject_HEAD PyObject* coroutine;
  PyObject* pending;  // what the first step yielded, to be passed on to the Task
};

DriverObject* driver_of(PyObject* object) {
  return reinterpret_cast<DriverObject*>(object);
}

PySendResult driver_send(PyObject* self, PyObject* value, PyObject** result) {
  DriverObject* driver = driver_of(self);
  if (driver->pending != nullptr) {
    *result = std::exchange(driver->pending, nullptr);
    return PYGEN_NEXT;
  }
  if (driver->coroutine == nullptr) {
    *result = Py_NewRef(Py_None);
    return PYGEN_RETURN;
  }
  return PyIter_Send(driver->coroutine, value, result);
}

PyObject* driver_send_method(PyObject* self, PyObject* value) {
  PyObject* result = nullptr;
  const PySendResult state = driver_send(self, value, &result);
  if (state == PYGEN_NEXT) return result;
  if (state == PYGEN_RETURN) {
    const Ref owner = Ref::steal(result);
    const Ref stop = Ref::steal(PyObject_CallOneArg(PyExc_StopIteration, result));
    if (stop) PyErr_SetObject(PyExc_StopIteration, stop.get());
  }
  return nullptr;
}

PyObject* driver_next(PyObject* self) {
  return driver_send_method(self, Py_None);
}

PyObject* driver_throw(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  DriverObject* driver = driver_of(self);
  if (driver->coroutine == nullptr) {
    PyErr_SetObject(PyExceptionInstance_Check(args[0]) ? reinterpret_cast<PyObject*>(Py_TYPE(args[0])) : args[0],
                    PyExceptionInstance_Check(args[0]) ? args[0] : nullptr);
    return nullptr;
  }
  if (driver->pending != nullptr) {
    // Cancelled during the first step: what it waits for is cancelled first, as Task.cancel() does.
    Ref pending = Ref::steal(std::exchange(driver->pending, nullptr));
    if (pending.get() != Py_None) {
      const Ref cancelled = Ref::steal(PyObject_CallMethod(pending.get(), "cancel", nullptr));
      if (!cancelled) return nullptr;
      if (PyObject_IsTrue(cancelled.get()) == 1) return pending.release();
    }
  }
  const Ref method = Ref::steal(PyObject_GetAttrString(driver->coroutine, "throw"));
  return method ? PyObject_Vectorcall(method.get(), args, static_cast<size_t>(count), nullptr) : nullptr;
}

PyObject* driver_close(PyObject* self, PyObject*) {
  DriverObject* driver = driver_of(self);
  Py_CLEAR(driver->pending);
  if (driver->coroutine != nullptr) return PyObject_CallMethod(driver->coroutine, "close", nullptr);
  Py_RETURN_NONE;
}

PyObject* driver_self(PyObject* self) {
  return Py_NewRef(self);
}

// cr_frame and its like, for those who print a Task's stack.
PyObject* driver_attribute(PyObject* self, PyObject* name) {
  PyObject* found = PyObject_GenericGetAttr(self, name);
  DriverObject* driver = driver_of(self);
  if (found != nullptr || driver->coroutine == nullptr || !PyErr_ExceptionMatches(PyExc_AttributeError)) return found;
  PyErr_Clear();
  return PyObject_GetAttr(driver->coroutine, name);
}

int driver_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  Py_VISIT(driver_of(self)->coroutine);
  Py_VISIT(driver_of(self)->pending);
  return 0;
}

int driver_clear(PyObject* self) {
  Py_CLEAR(driver_of(self)->coroutine);
  Py_CLEAR(driver_of(self)->pending);
  return 0;
}

void driver_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  driver_clear(self);
  PyObject_GC_Del(self);
  Py_DECREF(type);
}

// Called when a suspended coroutine's Task is done.
struct CompletionObject {
  PyObject_HEAD Waiter* waiter;
  PyObject* context;  // owned
};

PyObject* completion_call(PyObject* self, PyObject* args, PyObject*) {
  auto* completion = reinterpret_cast<CompletionObject*>(self);
  Waiter* waiter = completion->waiter;
  PyObject* task = PyTuple_GET_ITEM(args, 0);
  Py_CLEAR(waiter->task);
  waiter->context = completion->context;
  waiter->done(Ref::steal(PyObject_CallMethod(task, "result", nullptr)));
  if (PyErr_Occurred()) PyErr_WriteUnraisable(self);
  Py_RETURN_NONE;
}

void completion_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  Py_XDECREF(reinterpret_cast<CompletionObject*>(self)->context);
  PyObject_Free(self);
  Py_DECREF(type);
}

PyMethodDef driver_methods[] = {
    {"send", driver_send_method, METH_O, nullptr},
    {"throw", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(driver_throw)), METH_FASTCALL, nullptr},
    {"close", driver_close, METH_NOARGS, nullptr},
    {nullptr, nullptr, 0, nullptr}};
PyType_Slot driver_slots[] = {{Py_am_send, reinterpret_cast<void*>(driver_send)},
                              {Py_am_await, reinterpret_cast<void*>(driver_self)},
                              {Py_tp_iter, reinterpret_cast<void*>(driver_self)},
                              {Py_tp_iternext, reinterpret_cast<void*>(driver_next)},
                              {Py_tp_methods, driver_methods},
                              {Py_tp_getattro, reinterpret_cast<void*>(driver_attribute)},
                              {Py_tp_traverse, reinterpret_cast<void*>(driver_traverse)},
                              {Py_tp_clear, reinterpret_cast<void*>(driver_clear)},
                              {Py_tp_dealloc, reinterpret_cast<void*>(driver_dealloc)},
                              {0, nullptr}};
PyType_Spec driver_spec = {"roost._native.RequestCoroutine", sizeof(DriverObject), 0,
                           Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, driver_slots};
PyType_Slot completion_slots[] = {{Py_tp_call, reinterpret_cast<void*>(completion_call)},
                                  {Py_tp_dealloc, reinterpret_cast<void*>(completion_dealloc)},
                                  {0, nullptr}};
PyType_Spec completion_spec = {"roost._native.Completion", sizeof(CompletionObject), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, completion_slots};

// The loop thread's alone.
struct Names {
  PyObject *call_soon, *callbacks, *cancelling, *add_done_callback, *keywords;
};
Names names;
PyTypeObject* driver_type = nullptr;
PyTypeObject* completion_type = nullptr;
PyObject* capture = nullptr;   // stands in for loop.call_soon while a Task is made
PyObject* captured = nullptr;  // what was to be called soon

PyObject* capture_call(PyObject*, PyObject* const* args, Py_ssize_t count, PyObject*) {
  if (count > 0) Py_XSETREF(captured, Py_NewRef(args[0]));
  Py_RETURN_NONE;
}
PyMethodDef capture_method = {"call_soon", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(capture_call)),
                              METH_FASTCALL | METH_KEYWORDS, nullptr};

// Has waiter.done() called when the Task ends.
bool tell_when_done(PyObject* task, PyObject* context, Waiter& waiter) {
  CompletionObject* completion = PyObject_New(CompletionObject, completion_type);
  if (completion == nullptr) return false;
  const Ref callback = Ref::steal(reinterpret_cast<PyObject*>(completion));
  completion->waiter = &waiter;
  completion->context = Py_NewRef(context);
  return Ref::steal(PyObject_CallMethodOneArg(task, names.add_done_callback, callback.get())).get() != nullptr;
}

PyObject* new_driver() {
  DriverObject* driver = PyObject_GC_New(DriverObject, driver_type);
  if (driver == nullptr) return nullptr;
  driver->coroutine = driver->pending = nullptr;
  PyObject_GC_Track(reinterpret_cast<PyObject*>(driver));
  return reinterpret_cast<PyObject*>(driver);
}

}  // namespace

bool TaskRunner::init(PyObject* loop) {
  if (driver_type == nullptr) {
    driver_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&driver_spec));
    completion_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&completion_spec));
    names = {PyUnicode_InternFromString("call_soon"), PyUnicode_InternFromString("_callbacks"),
             PyUnicode_InternFromString("cancelling"), PyUnicode_InternFromString("add_done_callback"),
             Py_BuildValue("(ss)", "loop", "context")};
    capture = PyCFunction_New(&capture_method, nullptr);
    if (driver_type == nullptr || completion_type == nullptr || capture == nullptr || names.keywords == nullptr)
      return false;
  }
  const Ref tasks = Ref::steal(PyImport_ImportModule("asyncio.tasks"));
  if (!tasks) return false;
  loop_ = Py_NewRef(loop);
  loop_dict_ = PyObject_GetAttrString(loop, "__dict__");
  task_type_ = PyObject_GetAttrString(tasks.get(), "Task");
  enter_ = PyObject_GetAttrString(tasks.get(), "_enter_task");
  leave_ = PyObject_GetAttrString(tasks.get(), "_leave_task");
  base_context_ = PyContext_CopyCurrent();
  const Ref scope = Ref::steal(PyDict_New());
  const Ref ran = scope ? Ref::steal(PyRun_String("async def wait_for(awaitable):\n    return await awaitable\n",
                                                  Py_file_input, scope.get(), scope.get()))
                        : Ref();
  if (!ran) return false;
  await_ = Py_XNewRef(PyDict_GetItemString(scope.get(), "wait_for"));
  return loop_dict_ != nullptr && task_type_ != nullptr && enter_ != nullptr && leave_ != nullptr &&
         base_context_ != nullptr && await_ != nullptr;
}

bool TaskRunner::prepare() {
  if (task_ != nullptr) return true;
  context_ = PyContext_Copy(base_context_);
  driver_ = new_driver();
  if (context_ != nullptr && driver_ != nullptr && PyDict_SetItem(loop_dict_, names.call_soon, capture) == 0) {
    PyObject* args[] = {driver_, loop_, context_};
    task_ = PyObject_Vectorcall(task_type_, args, 1, names.keywords);
    if (PyDict_DelItem(loop_dict_, names.call_soon) < 0) Py_CLEAR(task_);
    first_step_ = std::exchange(captured, nullptr);
    if (task_ != nullptr && first_step_ == nullptr) {
      Py_CLEAR(task_);
      PyErr_SetString(PyExc_RuntimeError, "this event loop's tasks do not begin by call_soon()");
    }
  }
  if (task_ != nullptr) return true;
  drop();
  return false;
}

void TaskRunner::drop() {
  Py_CLEAR(task_);
  Py_CLEAR(context_);
  Py_CLEAR(first_step_);
  Py_CLEAR(driver_);
}

void TaskRunner::discard() {
  if (task_ == nullptr) return;
  if (!Ref::steal(PyObject_CallNoArgs(first_step_))) PyErr_WriteUnraisable(task_);
  drop();
}

bool TaskRunner::enter_task(PyObject* function) {
  PyObject* args[] = {loop_, task_};
  return Ref::steal(PyObject_Vectorcall(function, args, 2, nullptr)).get() != nullptr;
}

// Whether the coroutine left the Task as it was: the next one may have it.
bool TaskRunner::is_clean() {
  if (Py_REFCNT(task_) > 2) return false;  // ours, and that of its first step
  if (PyObject_RichCompareBool(context_, base_context_, Py_EQ) != 1) return false;
  const Ref callbacks = Ref::steal(PyObject_GetAttr(task_, names.callbacks));
  if (callbacks.get() != Py_None) return false;
  const Ref cancelling = Ref::steal(PyObject_CallMethodNoArgs(task_, names.cancelling));
  return cancelling && PyLong_AsLong(cancelling.get()) == 0;
}

void TaskRunner::promote(Ref coroutine, PyObject* pending, Waiter& waiter) {
  DriverObject* driver = driver_of(driver_);
  driver->coroutine = coroutine.release();
  driver->pending = pending;
  const Ref step = Ref::steal(PyObject_CallNoArgs(first_step_));
  if (!step) PyErr_WriteUnraisable(task_);
  if (!tell_when_done(task_, context_, waiter)) PyErr_WriteUnraisable(task_);
  waiter.task = Py_NewRef(task_);
}

bool TaskRunner::spawn(PyObject* coroutine, PyObject* context, Waiter& waiter) {
  PyObject* args[] = {coroutine, loop_, context};
  const Ref task = Ref::steal(PyObject_Vectorcall(task_type_, args, 1, names.keywords));
  if (!task || !tell_when_done(task.get(), context, waiter)) return false;
  waiter.task = Py_NewRef(task.get());
  return true;
}

void TaskRunner::run(Ref coroutine, Waiter& waiter) {
  if (!PyCoro_CheckExact(coroutine.get())) {
    coroutine = Ref::steal(PyObject_CallOneArg(await_, coroutine.get()));
    if (!coroutine) return waiter.done(Ref());
  }
  if (!prepare()) return waiter.done(Ref());
  if (PyContext_Enter(context_) < 0) return waiter.done(Ref());
  if (!enter_task(enter_)) {
    PyContext_Exit(context_);
    return waiter.done(Ref());
  }
  PyObject* result = nullptr;
  const PySendResult state = PyIter_Send(coroutine.get(), Py_None, &result);
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  if (state == PYGEN_ERROR) PyErr_Fetch(&type, &value, &traceback);
  if (!enter_task(leave_)) PyErr_Clear();
  if (state == PYGEN_NEXT) {
    promote(std::move(coroutine), result, waiter);
    PyContext_Exit(context_);
    drop();
    return;
  }
  PyContext_Exit(context_);
  coroutine = Ref();
  const Ref context = Ref::borrow(context_);
  if (!is_clean()) {
    PyErr_Clear();
    // Ended for real, so that callbacks on it are called.
    if (!Ref::steal(PyObject_CallNoArgs(first_step_))) PyErr_WriteUnraisable(task_);
    drop();
  }
  if (state == PYGEN_ERROR) PyErr_Restore(type, value, traceback);
  waiter.context = context.get();
  waiter.done(Ref::steal(result));
}

}  // namespace roost::bridge
