#include "bridge.hpp"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "answer.hpp"
#include "callable.hpp"
#include "host.hpp"

namespace roost::bridge {

namespace {

std::unique_ptr<Bridge> the_bridge;

// The end of a long text is kept: that is where a traceback says what happened.
roost_status say(roost_error* error, const std::string& text) {
  constexpr size_t kRoom = sizeof error->message - 1;
  std::string_view shown = text;
  if (shown.size() > kRoom) shown.remove_prefix(shown.size() - kRoom);
  std::memcpy(error->message, shown.data(), shown.size());
  error->message[shown.size()] = '\0';
  return ROOST_ERROR;
}

Ref attribute(PyObject* object, const char* name) {
  return Ref::steal(PyObject_GetAttrString(object, name));
}

// ["id"] of "/users/:id". Empty with a Python error.
Ref parameter_names(std::string_view pattern) {
  Ref names = Ref::steal(PyList_New(0));
  while (names && !pattern.empty()) {
    const size_t end = std::min(pattern.find('/', 1), pattern.size());
    const std::string_view segment = pattern.substr(1, end - 1);
    if (segment.size() > 1 && (segment.front() == ':' || segment.front() == '*')) {
      const Ref name = Ref::steal(to_unicode(segment.substr(1)));
      if (!name || PyList_Append(names.get(), name.get()) < 0) return Ref();
    }
    pattern.remove_prefix(end);
  }
  return names;
}

roost_status handle(void* self, const roost_request* request, roost_responder* responder) {
  the_bridge->batch(request->thread).add(*static_cast<Target*>(self), request, responder);
  return ROOST_OK;
}

// Not part of a handler's batch, which may already have been handed over.
roost_decision before(void* self, const roost_request* request, roost_responder* responder, void**) {
  CallBatch& batch = the_bridge->batch(request->thread);
  batch.add(*static_cast<Target*>(self), request, responder);
  batch.flush();
  return ROOST_LATER;
}

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
    const Ref method = out != nullptr ? attribute(out, "reconfigure") : Ref();
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
      [](void* self, roost_worker*) { static_cast<Bridge*>(self)->stop(); },
      [](void* self) { static_cast<Bridge*>(self)->prepare_fork(); },
      [](void* self, int child) { static_cast<Bridge*>(self)->after_fork(child != 0); });
  registry->add_batch_end(registry->impl, this,
                          [](void* self, uint32_t thread) { static_cast<Bridge*>(self)->flush(thread); });
  return ROOST_OK;
}

// ---------------------------------------------------------------------------------------------------------- mounting

// "module:name", name may be dotted. GIL held; empty with a Python error.
Ref Bridge::resolve(std::string_view name) {
  if (embedded_application != nullptr) return Ref::borrow(embedded_application);
  const size_t colon = name.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == name.size()) {
    PyErr_SetString(PyExc_ValueError, "expected \"module:name\"");
    return Ref();
  }
  const std::string module(name.substr(0, colon));
  Ref found = Ref::steal(PyImport_ImportModule(module.c_str()));
  std::string_view rest = name.substr(colon + 1);
  while (found && !rest.empty()) {
    const size_t dot = std::min(rest.find('.'), rest.size());
    found = attribute(found.get(), std::string(rest.substr(0, dot)).c_str());
    rest.remove_prefix(std::min(dot + 1, rest.size()));
  }
  return found;
}

Target* Bridge::new_target(PyObject* function, std::string name) {
  auto target = std::make_unique<Target>();
  const CallableKind kind = kind_of(function);
  target->function = Py_NewRef(function);
  target->is_async = kind.is_async;
  target->takes_request = kind.takes_request;
  target->name = std::move(name);
  targets_.push_back(std::move(target));
  return targets_.back().get();
}

roost_status Bridge::mount(const roost_mount& mount, const roost_mount_sink& sink, roost_error* error) {
  const Gil gil;
  const std::string name(view(mount.value));
  const Ref app = resolve(name);
  if (!app) return say(error, "cannot be imported\n" + take_traceback());
  const Ref describe = attribute(app.get(), "__roost_mount__");
  if (describe) {
    return mount_app(app.get(), mount, sink, error) ? ROOST_OK : ROOST_ERROR;
  }
  PyErr_Clear();
  if (!PyCallable_Check(app.get()))
    return say(error, std::string("is neither a function nor a Roost app but ") + Py_TYPE(app.get())->tp_name);
  const Ref names = parameter_names(view(mount.path));
  const Ref module = names ? Ref::steal(PyImport_ImportModule("roost._callable")) : Ref();
  const Ref adapted =
      module ? Ref::steal(PyObject_CallMethod(module.get(), "adapt", "OO", app.get(), names.get())) : Ref();
  PyObject* function = nullptr;
  int is_async = 0, takes_request = 0;
  if (!adapted || !PyArg_ParseTuple(adapted.get(), "Opp", &function, &is_async, &takes_request))
    return say(error, "cannot be mounted\n" + take_traceback());
  Target* target = new_target(function, name);
  target->is_async = is_async != 0;
  target->takes_request = takes_request != 0;
  note(*target);
  roost_route route{};
  route.struct_size = sizeof route;
  route.methods = mount.methods.size == 0 ? str("GET") : mount.methods;
  route.name = str(target->name);
  route.handle = handle;
  route.self = target;
  if (sink.add_route(sink.impl, &route, error) < 0) return ROOST_ERROR;
  return wants_loop_ && !EventLoop::preload() ? say(error, "asyncio cannot be imported\n" + take_traceback())
                                              : ROOST_OK;
}

bool Bridge::mount_app(PyObject* app, const roost_mount& mount, const roost_mount_sink& sink, roost_error* error) {
  const auto failed = [error] {
    say(error, "cannot be mounted\n" + take_traceback());
    return false;
  };
  const Ref parts = Ref::steal(PyObject_CallMethod(app, "__roost_mount__", nullptr));
  if (!parts) return failed();
  const auto list = [&parts](const char* name) {
    const Ref items = attribute(parts.get(), name);
    return items ? Ref::steal(PySequence_Tuple(items.get())) : Ref();
  };

  const Ref routes = list("routes");
  if (!routes) return failed();
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(routes.get()); ++i) {
    const char *methods = nullptr, *pattern = nullptr, *name = nullptr;
    PyObject* function = nullptr;
    int is_async = 0, takes_request = 0;
    const Ref entry = Ref::steal(PySequence_Tuple(PyTuple_GET_ITEM(routes.get(), i)));
    if (!entry ||
        !PyArg_ParseTuple(entry.get(), "ssOpps:route", &methods, &pattern, &function, &is_async, &takes_request, &name))
      return failed();
    Target* target = new_target(function, name);
    target->is_async = is_async != 0;
    target->takes_request = takes_request != 0;
    note(*target);
    roost_route route{};
    route.struct_size = sizeof route;
    route.methods = str(methods);
    route.pattern = str(pattern);
    route.name = str(target->name);
    route.handle = handle;
    route.self = target;
    if (sink.add_route(sink.impl, &route, error) < 0) return false;
  }

  const Ref directories = list("directories");
  if (!directories) return failed();
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(directories.get()); ++i) {
    const char *path = nullptr, *folder = nullptr, *index = nullptr;
    int listing = 0;
    const Ref entry = Ref::steal(PySequence_Tuple(PyTuple_GET_ITEM(directories.get(), i)));
    if (!entry || !PyArg_ParseTuple(entry.get(), "sszp:directory", &path, &folder, &index, &listing)) return failed();
    roost_directory directory{};
    directory.struct_size = sizeof directory;
    directory.path = str(path);
    directory.directory = str(folder);
    directory.index = str(index != nullptr ? index : "");
    directory.listing = listing != 0;
    if (sink.add_directory(sink.impl, &directory, error) != ROOST_OK) return false;
  }

  const Ref websockets = list("websockets");
  if (!websockets) return failed();
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(websockets.get()); ++i) {
    if (!mount_websocket(PyTuple_GET_ITEM(websockets.get(), i), mount, sink, error))
      return PyErr_Occurred() ? failed() : false;
  }

  for (const auto& [name, functions] : {std::pair{"startup", &startup_}, std::pair{"shutdown", &shutdown_}}) {
    const Ref items = list(name);
    if (!items) return failed();
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(items.get()); ++i) {
      PyObject* function = PyTuple_GET_ITEM(items.get(), i);
      if (std::find(functions->begin(), functions->end(), function) != functions->end()) continue;  // mounted twice
      functions->push_back(Py_NewRef(function));
      if (kind_of(function).is_async) wants_loop_ = true;
    }
  }
  return wants_loop_ && !EventLoop::preload() ? failed() : true;
}

roost_status Bridge::make_middleware(std::string_view value, roost_middleware& out, roost_error* error) {
  const Gil gil;
  const Ref function = resolve(value);
  if (!function) return say(error, "cannot be imported\n" + take_traceback());
  if (!PyCallable_Check(function.get()))
    return say(error, std::string("is no function but ") + Py_TYPE(function.get())->tp_name);
  Target* target = new_target(function.get(), std::string(value));
  target->is_middleware = true;
  note(*target);
  if (wants_loop_ && !EventLoop::preload()) return say(error, "asyncio cannot be imported\n" + take_traceback());
  out.struct_size = sizeof out;
  out.name = str(target->name);
  out.before = before;
  out.self = target;
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
  std::string why;
  if (wants_loop_) {
    if (!loop_.start(startup_, shutdown_, why)) return say(error, "a startup handler raised\n" + why);
    loop_started_ = true;
  } else if (!run_now(startup_, why)) {
    return say(error, "a startup handler raised\n" + why);
  }
  if (wants_pool_) pool_.start(threads_);
  return ROOST_OK;
}

bool Bridge::ensure_loop() {
  if (wants_loop_) return true;
  Py_BEGIN_ALLOW_THREADS std::lock_guard lock(loop_mutex_);
  std::string why;
  if (!loop_started_) loop_started_ = loop_.start({}, {}, why);
  Py_END_ALLOW_THREADS return loop_started_;
}

void Bridge::stop() {
  pool_.stop();
  if (loop_started_) loop_.stop();
  std::string why;
  if (!wants_loop_ && !run_now(shutdown_, why)) log(ROOST_LOG_ERROR, "a shutdown handler raised\n" + why);
  const Gil gil;
  for (const char* name : {"stdout", "stderr"}) {
    PyObject* stream = PySys_GetObject(name);  // borrowed
    if (stream != nullptr && stream != Py_None) Ref::steal(PyObject_CallMethod(stream, "flush", nullptr));
    PyErr_Clear();
  }
}

// What exists before the first fork is kept out of garbage collection, which would write to it and so unshare it.
void Bridge::prepare_fork() {
  fork_gil_ = PyGILState_Ensure();
  if (!frozen_) {
    frozen_ = true;
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
  if (child)
    PyOS_AfterFork_Child();
  else
    PyOS_AfterFork_Parent();
  PyGILState_Release(fork_gil_);
}

// ------------------------------------------------------------------------------------------------------- the plugin

namespace {

#define ROOST_TEXT(literal) \
  { literal, sizeof literal - 1 }

roost_status configure_plugin(const roost_host* server, const roost_registry* registry, const roost_value* config,
                              void** self, roost_error* error) {
  host = server;
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
