// The part of the bridge that runs in the prototype: modules imported, applications asked for what they serve.
#include <algorithm>
#include <vector>

#include "answer.hpp"
#include "bridge.hpp"
#include "callable.hpp"
#include "host.hpp"
#include "parked_request.hpp"

namespace roost::bridge {

namespace {

Ref attribute(PyObject* object, const char* name) {
  return Ref::steal(PyObject_GetAttrString(object, name));
}

// Of tuples of text, which own what is pointed to. False with a Python error.
bool read_texts(PyObject* tuple, std::vector<roost_str>& texts) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    const std::string_view text = utf8_of(PyTuple_GET_ITEM(tuple, i));
    if (text.data() == nullptr) return false;
    texts.push_back(str(text));
  }
  return true;
}

bool read_pairs(PyObject* tuple, std::vector<roost_field>& fields) {
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    std::vector<roost_str> pair;
    if (!read_texts(PyTuple_GET_ITEM(tuple, i), pair)) return false;
    fields.push_back({pair.at(0), pair.at(1)});
  }
  return true;
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
  bridge().batch(request->thread).add(*static_cast<Target*>(self), request, responder);
  return ROOST_OK;
}

bool add_route(const roost_mount_sink& sink, Target& target, roost_str methods, std::string_view pattern,
               uint32_t flags, roost_error* error) {
  roost_route route{};
  route.struct_size = sizeof route;
  route.flags = flags;
  route.methods = methods;
  route.pattern = str(pattern);
  route.name = str(target.name);
  route.handle = handle;
  route.self = &target;
  return sink.add_route(sink.impl, &route, error) >= 0;
}

roost_decision before(void* self, const roost_request* request, roost_responder* responder, void** context) {
  *context = const_cast<roost_request*>(request);
  bridge().batch(request->thread).add(*static_cast<Target*>(self), request, responder);
  return ROOST_LATER;
}

}  // namespace

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
  if (!add_route(sink, *target, mount.methods.size == 0 ? str("GET") : mount.methods, {}, 0, error)) return ROOST_ERROR;
  return wants_loop_ && !EventLoop::preload() ? say(error, "asyncio cannot be imported\n" + take_traceback())
                                              : ROOST_OK;
}

// entry: a MountedRoute of router.py. False with a Python error, or with `error` said.
bool Bridge::mount_route(PyObject* entry, const roost_mount_sink& sink, roost_error* error) {
  const Ref methods = attribute(entry, "methods");
  const Ref pattern = attribute(entry, "pattern");
  const Ref name = attribute(entry, "name");
  const Ref call = attribute(entry, "call");
  const Ref asynchronous = attribute(entry, "asynchronous");
  const Ref takes_request = attribute(entry, "takes_request");
  const Ref constant = attribute(entry, "const");
  const Ref fallback = attribute(entry, "fallback");
  const Ref streams = attribute(entry, "stream");
  if (!methods || !pattern || !name || !call || !asynchronous || !takes_request || !constant || !fallback || !streams)
    return false;
  const std::string_view method_list = utf8_of(methods.get());
  const std::string_view path = utf8_of(pattern.get());
  const std::string_view title = utf8_of(name.get());
  if (method_list.data() == nullptr || path.data() == nullptr || title.data() == nullptr) return false;
  if (PyObject_IsTrue(constant.get()) == 1) {
    constants_.push_back(std::make_unique<ConstRoute>(call.get(), std::string(title)));
    return constants_.back()->add(sink, method_list, path, error);
  }
  Target* target = new_target(call.get(), std::string(title));
  target->is_async = PyObject_IsTrue(asynchronous.get()) == 1;
  target->takes_request = PyObject_IsTrue(takes_request.get()) == 1;
  target->streams_body = PyObject_IsTrue(streams.get()) == 1;
  note(*target);
  const uint32_t flags = (PyObject_IsTrue(fallback.get()) == 1 ? ROOST_ROUTE_FALLBACK : ROOST_ROUTE_SLASH) |
                         (target->streams_body ? ROOST_HANDLER_STREAM_BODY : 0);
  return add_route(sink, *target, str(method_list), path, flags, error);
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
    if (!mount_route(PyTuple_GET_ITEM(routes.get(), i), sink, error)) return PyErr_Occurred() ? failed() : false;
  }

  const Ref directories = list("directories");
  if (!directories) return failed();
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(directories.get()); ++i) {
    const char *path = nullptr, *folder = nullptr, *index = nullptr;
    int listing = 0;
    const Ref entry = Ref::steal(PySequence_Tuple(PyTuple_GET_ITEM(directories.get(), i)));
    PyObject *added = nullptr, *defaults = nullptr, *excluded = nullptr;
    if (!entry || !PyArg_ParseTuple(entry.get(), "sszpOOO:directory", &path, &folder, &index, &listing, &added,
                                    &defaults, &excluded))
      return failed();
    std::vector<roost_field> added_fields, default_fields;
    std::vector<roost_str> excluded_paths;
    if (!read_pairs(added, added_fields) || !read_pairs(defaults, default_fields) ||
        !read_texts(excluded, excluded_paths))
      return failed();
    roost_directory directory{};
    directory.struct_size = sizeof directory;
    directory.path = str(path);
    directory.directory = str(folder);
    directory.index = str(index != nullptr ? index : "");
    directory.listing = listing != 0;
    directory.headers = added_fields.data();
    directory.header_count = added_fields.size();
    directory.default_headers = default_fields.data();
    directory.default_header_count = default_fields.size();
    directory.excluded = excluded_paths.data();
    directory.excluded_count = excluded_paths.size();
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
  out.finish = [](void*, void* request) { forget_parked_request(static_cast<const roost_request*>(request)); };
  out.self = target;
  return ROOST_OK;
}

}  // namespace roost::bridge
