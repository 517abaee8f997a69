// Runs coroutines on the loop thread: the first step at once, yet always under a real asyncio.Task, as timeouts, task
// groups and anyio look inside it. A Task is prepared in advance over a driver object, its first step captured instead
// of scheduled; a coroutine that never waits leaves it clean, and the next one uses it again. One that waits is handed
// to the driver, and the Task runs on with it.
// Two coroutines that never wait may therefore see the same Task, one after the other.
#pragma once

#include "job.hpp"
#include "python.hpp"

namespace roost::bridge {

class TaskRunner {
 public:
  // On the loop thread, with the GIL, for all. False with a Python error.
  bool init(PyObject* loop);

  // Calls waiter.done() before it returns, or later when the coroutine had to wait: then waiter.task is set.
  // coroutine: any awaitable.
  void run(Ref coroutine, Waiter& waiter);
  // As a Task of its own, in that context; done() is called later. False with a Python error: it will not be.
  bool spawn(PyObject* coroutine, PyObject* context, Waiter& waiter);
  // The prepared Task ends, unused: else whoever waits for all of the loop's tasks would wait for it, too. The loop
  // must not be running.
  void discard();

 private:
  struct Driver;
  bool prepare();
  void drop();
  bool enter_task(PyObject* function);
  bool is_clean();
  void promote(Ref coroutine, PyObject* pending, Waiter& waiter);

  PyObject* loop_ = nullptr;  // all held until the process ends
  PyObject* loop_dict_ = nullptr;
  PyObject* task_type_ = nullptr;
  PyObject* enter_ = nullptr;
  PyObject* leave_ = nullptr;
  PyObject* base_context_ = nullptr;
  PyObject* await_ = nullptr;  // async def that awaits its argument

  PyObject* task_ = nullptr;  // the prepared one
  PyObject* context_ = nullptr;
  PyObject* first_step_ = nullptr;
  PyObject* driver_ = nullptr;
};

}  // namespace roost::bridge
