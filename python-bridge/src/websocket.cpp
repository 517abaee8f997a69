#include "websocket.hpp"

#include "bridge.hpp"
#include "callable.hpp"
#include "host.hpp"

namespace roost::bridge {

bool Bridge::mount_websocket(PyObject* item, const roost_mount& mount, const roost_mount_sink& sink,
                             roost_error* error) {
  const char *pattern = nullptr, *name = nullptr;
  PyObject* handler = nullptr;
  const Ref entry = Ref::steal(PySequence_Tuple(item));
  if (!entry || !PyArg_ParseTuple(entry.get(), "sOs:websocket", &pattern, &handler, &name)) return false;
  auto target = std::make_unique<SocketTarget>();
  target->name = name;
  const Ref steered = Ref::steal(PyObject_GetAttrString(handler, "steered"));
  PyErr_Clear();
  target->steered = steered && PyObject_IsTrue(steered.get()) == 1;
  static const char* const kAttributes[] = {"on_connect", "on_message", "on_close", "on_drain"};
  for (size_t i = 0; i < kSocketEvents; ++i) {
    Ref function = Ref::steal(PyObject_GetAttrString(handler, kAttributes[i]));
    if (!function) return false;
    if (function.get() == Py_None) continue;
    target->callbacks[i] = {function.get(), kind_of(function.get()).is_async};
    function.release();
    if (target->callbacks[i].is_async || target->steered)
      target->prefers_loop = wants_loop_ = true;
    else
      wants_pool_ = true;
  }
  if (!target->prefers_loop) wants_pool_ = true;
  Ref group = Ref::steal(PyObject_GetAttrString(handler, "group"));
  if (group && PyUnicode_Check(group.get())) target->group = utf8_of(group.get());
  PyErr_Clear();
  if (target->group.empty()) {
    target->group = std::string(view(mount.host)).append(view(mount.path)).append(" ").append(pattern);
    group =
        Ref::steal(PyUnicode_FromStringAndSize(target->group.data(), static_cast<Py_ssize_t>(target->group.size())));
    if (!group || PyObject_SetAttrString(handler, "group", group.get()) < 0) return false;
  }
  roost_route route{};
  route.struct_size = sizeof route;
  route.flags = ROOST_HANDLER_WEBSOCKET;
  route.methods = str("GET");
  route.pattern = str(pattern);
  route.name = str(target->name);
  route.handle = accept_socket;
  route.self = target.get();
  if (sink.add_route(sink.impl, &route, error) < 0) return false;
  sockets_.push_back(std::move(target));
  return true;
}

}  // namespace roost::bridge
