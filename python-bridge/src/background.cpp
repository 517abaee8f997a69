#include "background.hpp"

#include "answer.hpp"
#include "bridge.hpp"
#include "call.hpp"
#include "host.hpp"

namespace roost::bridge {

namespace {

class BackgroundJob final : public Job {
 public:
  BackgroundJob(Ref task, Ref context, const Target& target)
      : task_(std::move(task)), context_(std::move(context)), target_(target) {
    bridge().background().begin();
  }

  void begin() {
    const Ref asynchronous = Ref::steal(PyObject_GetAttrString(task_.get(), "asynchronous"));
    const int on_loop = asynchronous ? PyObject_IsTrue(asynchronous.get()) : -1;
    if (on_loop < 0) return done(Ref());
    on_loop_ = on_loop != 0;
    if (!(on_loop_ ? bridge().ensure_loop() : bridge().ensure_pool())) {
      PyErr_SetString(PyExc_RuntimeError, "the event loop cannot be started");
      return done(Ref());
    }
    Job* self = this;
    if (on_loop_)
      bridge().loop().post(&self, 1);
    else
      bridge().pool().submit(&self, 1);
  }

  void run() override {
    if (!context_) context_ = Ref::steal(PyContext_New());
    if (!context_) return done(Ref());
    if (on_loop_) {
      const Ref coroutine = Ref::steal(PyObject_CallNoArgs(task_.get()));
      if (!coroutine || !bridge().loop().tasks().spawn(coroutine.get(), context_.get(), *this)) done(Ref());
      return;
    }
    if (PyContext_Enter(context_.get()) < 0) return done(Ref());
    Ref result = Ref::steal(PyObject_CallMethod(task_.get(), "run", nullptr));
    PyContext_Exit(context_.get());
    done(std::move(result));
  }

  void done(Ref result) override {
    if (!result) {
      if (is_cancellation())
        PyErr_Clear();  // the worker ends
      else
        log(ROOST_LOG_ERROR, target_.name + ": a background task raised\n" + take_traceback());
    }
    bridge().background().end();
    delete this;
  }

 private:
  const Ref task_;
  Ref context_;
  const Target& target_;
  bool on_loop_ = false;
};

}  // namespace

void run_background(Ref task, Ref context, const Target& target) {
  (new BackgroundJob(std::move(task), std::move(context), target))->begin();
}

}  // namespace roost::bridge
