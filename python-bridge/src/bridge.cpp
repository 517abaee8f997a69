#include "bridge.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "answer.hpp"
#include "host.hpp"
#include "imported.hpp"

namespace roost::bridge {

namespace {

std::unique_ptr<Bridge> the_bridge;

// What streams of events have of timeouts.drain to end by themselves: a sixth.
constexpr uint32_t kEventsShare = 6;

constinit Imported disown{"roost._worker", "disown"};

}  // namespace

Bridge& bridge() {
  return *the_bridge;
}

bool in_worker() {
  return the_bridge != nullptr && the_bridge->started();
}

Bridge::Bridge(const roost_value* config) {
  for (size_t i = 0; config != nullptr && i < config->item_count; ++i) {
    const roost_value& item = *config->items[i];
    const std::string_view key = view(item.key);
    const std::string text(view(item.text));
    if (key == "executable") executable_ = text;
    if (key == "development") development_ = text == "1" || text == "true";
    if (key == "threads") threads_ = static_cast<uint32_t>(std::max(1l, std::strtol(text.c_str(), nullptr, 10)));
    if (key == "path") {
      for (size_t j = 0; j < item.item_count; ++j) path_.emplace_back(view(item.items[j]->text));
    }
  }
}

// No home, and the interpreter's own place as executable: that is how the virtual environment is found, whatever PATH
// says. Signals stay the server's.
bool Bridge::init_python(roost_error* error) {
  if (Py_IsInitialized()) return true;
  PyConfig config;
  PyConfig_InitPythonConfig(&config);
  config.parse_argv = 0;
  config.install_signal_handlers = 0;
  // A .pyc is taken for current when size and second of its source are the same (PEP 3147): not so for what is saved
  // and reloaded within one second.
  if (development_) config.write_bytecode = 0;
  PyStatus status = PyConfig_SetBytesString(&config, &config.executable, executable_.c_str());
  if (!PyStatus_Exception(status)) status = Py_InitializeFromConfig(&config);
  PyConfig_Clear(&config);
  if (PyStatus_Exception(status)) {
    say(error, std::string("Python does not start: ") + (status.func ? status.func : "") + ": " +
                   (status.err_msg ? status.err_msg : "it asked to exit"));
    return false;
  }
  // What a handler prints is to be seen at once, also where standard output is no terminal.
  {
    PyObject* out = PySys_GetObject("stdout");  // borrowed
    const Ref method = out != nullptr ? Ref::steal(PyObject_GetAttrString(out, "reconfigure")) : Ref();
    const Ref none = Ref::steal(PyTuple_New(0));
    const Ref keywords = Ref::steal(Py_BuildValue("{s:O}", "line_buffering", Py_True));
    if (method && none && keywords) Ref::steal(PyObject_Call(method.get(), none.get(), keywords.get()));
    PyErr_Clear();
  }
  PyEval_SaveThread();
  return true;
}

bool Bridge::extend_path() {
  PyObject* path = PySys_GetObject("path");  // borrowed
  if (path == nullptr || !PyList_Check(path)) return true;
  Py_ssize_t at = 0;
  for (const std::string& entry : path_) {
    const Ref text = Ref::steal(PyUnicode_DecodeFSDefaultAndSize(entry.data(), static_cast<Py_ssize_t>(entry.size())));
    if (!text) return false;
    const int there = PySequence_Contains(path, text.get());
    if (there < 0 || (there == 0 && PyList_Insert(path, at++, text.get()) < 0)) return false;
  }
  return true;
}

roost_status Bridge::configure(const roost_registry* registry, roost_error* error) {
  if (!init_python(error)) return ROOST_ERROR;
  {
    const Gil gil;
    if (!extend_path() || !Ref::steal(PyImport_ImportModule("roost._native")))
      return say(error, "the package roost cannot be imported:\n" + take_traceback());
  }
  const roost_status scheme = registry->add_scheme(
      registry->impl, str("python"), this,
      [](void* self, const roost_mount* mount, const roost_mount_sink* sink, roost_error* problem) {
        return static_cast<Bridge*>(self)->mount(*mount, *sink, problem);
      },
      [](void* self, roost_str value, const roost_value*, roost_middleware* out, roost_error* problem) {
        return static_cast<Bridge*>(self)->make_middleware(view(value), *out, problem);
      });
  if (scheme != ROOST_OK) return say(error, "the scheme \"python\" is taken");
  registry->add_worker_hooks(
      registry->impl, this,
      [](void* self, roost_worker* worker, roost_error* problem) {
        return static_cast<Bridge*>(self)->start(worker, problem);
      },
      [](void* self, roost_worker* worker) { static_cast<Bridge*>(self)->stop(worker); },
      [](void* self) { static_cast<Bridge*>(self)->prepare_fork(); },
      [](void* self, int child) { static_cast<Bridge*>(self)->after_fork(child != 0); });
  registry->add_batch_end(registry->impl, this,
                          [](void* self, uint32_t thread) { static_cast<Bridge*>(self)->flush(thread); });
  return ROOST_OK;
}

// ------------------------------------------------------------------------------------------------------- the worker

bool Bridge::run_now(const std::vector<PyObject*>& functions, std::string& why) {
  const Gil gil;
  for (PyObject* function : functions) {
    if (Ref::steal(PyObject_CallNoArgs(function))) continue;
    why += take_traceback();
    return false;
  }
  return true;
}

roost_status Bridge::start(roost_worker* worker, roost_error* error) {
  // Under `python app.py` this thread came here out of Python, and holds the GIL.
  if (PyGILState_Check()) PyEval_SaveThread();
  roost_worker_info info{};
  info.struct_size = sizeof info;
  host->worker_info(worker, &info);
  for (uint32_t i = 0; i < info.threads; ++i) batches_.push_back(std::make_unique<CallBatch>(loop_, pool_));
  started_ = true;
  worker_ = worker;
  if (ROOST_HAS(host, on_drain))
    host->on_drain(
        worker, [](void* self) { static_cast<Bridge*>(self)->begin_drain(); }, this);
  std::string why;
  if (wants_loop_) {
    if (!loop_.start(startup_, shutdown_, why)) return say(error, "a startup handler raised\n" + why);
    loop_started_ = true;
  } else if (!run_now(startup_, why)) {
    return say(error, "a startup handler raised\n" + why);
  }
  for (const auto& constant : constants_) {
    if (!constant->freeze(why)) return say(error, why);
  }
  if (wants_pool_) {
    pool_started_ = pool_.start(threads_);
    if (!pool_started_) return say(error, "no thread for plain functions can be had");
  }
  return ROOST_OK;
}

void Bridge::begin_drain() {
  roost_worker_info info{};
  info.struct_size = sizeof info;
  host->worker_info(worker_, &info);
  // Who develops does not wait.
  streams_.begin_drain(std::chrono::milliseconds(development_ ? 0 : info.drain_ms / kEventsShare));
}

bool Bridge::ensure_loop() {
  if (wants_loop_) return true;
  const WithoutGil released;
  const std::lock_guard lock(loop_mutex_);
  std::string why;
  if (!loop_started_ && !(loop_started_ = loop_.start({}, {}, why))) log(ROOST_LOG_ERROR, why);
  return loop_started_;
}

void Bridge::post_anywhere(Job* job) {
  if (wants_pool_)
    pool_.submit(&job, 1);
  else
    loop_.post(&job, 1);
}

bool Bridge::ensure_pool() {
  if (wants_pool_) return true;
  const WithoutGil released;
  const std::lock_guard lock(loop_mutex_);
  if (!pool_started_) pool_started_ = pool_.start(threads_);
  return pool_started_;
}

void Bridge::stop(roost_worker* worker) {
  roost_worker_info info{};
  info.struct_size = sizeof info;
  host->worker_info(worker, &info);
  const size_t left = background_.wait(std::chrono::milliseconds(ROOST_HAS(&info, drain_ms) ? info.drain_ms : 0));
  if (left != 0) {
    log(ROOST_LOG_WARNING,
        std::to_string(left) + " background tasks are still under way at the end of timeouts.drain: they are left");
  }
  streams_.stop();
  pool_.stop();
  if (loop_started_) loop_.stop();
  std::string why;
  if (!wants_loop_ && !run_now(shutdown_, why)) log(ROOST_LOG_ERROR, "a shutdown handler raised\n" + why);
  const Gil gil;
  // Python is not finalised, but what a program registered for its end is called, as in workers of other servers.
  const Ref at_exit = serving_alone ? Ref() : Ref::steal(PyImport_ImportModule("atexit"));
  if (!serving_alone && (!at_exit || !Ref::steal(PyObject_CallMethod(at_exit.get(), "_run_exitfuncs", nullptr))))
    log(ROOST_LOG_ERROR, "atexit: " + take_traceback());
  for (const char* name : {"stdout", "stderr"}) {
    PyObject* stream = PySys_GetObject(name);  // borrowed
    if (stream != nullptr && stream != Py_None) Ref::steal(PyObject_CallMethod(stream, "flush", nullptr));
    PyErr_Clear();
  }
  started_ = false;  // a program that was served alone goes on
}

// What exists before the first fork is kept out of garbage collection, which would write to it and so unshare it.
void Bridge::prepare_fork() {
  fork_gil_ = PyGILState_Ensure();
  if (!frozen_) {
    frozen_ = true;
    if (disown.get() == nullptr) PyErr_Clear();  // tried again in the worker
    const Ref gc = Ref::steal(PyImport_ImportModule("gc"));
    if (gc) {
      Ref::steal(PyObject_CallMethod(gc.get(), "collect", nullptr));
      Ref::steal(PyObject_CallMethod(gc.get(), "freeze", nullptr));
    }
    PyErr_Clear();
  }
  PyOS_BeforeFork();
}

void Bridge::after_fork(bool child) {
  if (child) {
    PyOS_AfterFork_Child();
    if (disown.get() == nullptr || !Ref::steal(PyObject_CallNoArgs(disown.get())))
      log(ROOST_LOG_ERROR, "what was made before the fork may end with a worker\n" + take_traceback());
  } else {
    PyOS_AfterFork_Parent();
  }
  PyGILState_Release(fork_gil_);
}

// ------------------------------------------------------------------------------------------------------- the plugin

namespace {

#define ROOST_TEXT(literal) \
  { literal, sizeof literal - 1 }

roost_status configure_plugin(const roost_host* server, const roost_registry* registry, const roost_value* config,
                              void** self, roost_error* error) {
  host = server;
  // Of an earlier server of this process: what it made may be held by objects of the program.
  (void)the_bridge.release();
  the_bridge = std::make_unique<Bridge>(config);
  *self = the_bridge.get();
  return the_bridge->configure(registry, error);
}

// Python is never finalised: extension modules cannot be relied on to survive it.
constexpr roost_plugin kPlugin = {sizeof(roost_plugin),
                                  ROOST_ABI_VERSION,
                                  ROOST_TEXT("python"),
                                  ROOST_TEXT(ROOST_VERSION),
                                  ROOST_TEXT(__VERSION__),
                                  configure_plugin,
                                  nullptr};

}  // namespace

const roost_plugin* bridge_plugin() {
  return &kPlugin;
}

}  // namespace roost::bridge

extern "C" __attribute__((visibility("default"))) const roost_plugin* roost_plugin_v1(void) {
  return roost::bridge::bridge_plugin();
}
