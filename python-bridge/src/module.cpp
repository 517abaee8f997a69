// roost._native: what the package takes from C++.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "answer.hpp"
#include "body_reader.hpp"
#include "bridge.hpp"
#include "fields_type.hpp"
#include "host.hpp"
#include "json_module.hpp"
#include "pool_call.hpp"
#include "request_type.hpp"
#include "response_type.hpp"
#include "serve.hpp"
#include "stream_writer.hpp"
#include "url_type.hpp"
#include "websocket_type.hpp"

namespace py = pybind11;

namespace {

py::object owned(PyObject* made) {
  if (made == nullptr) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(made);
}

}  // namespace

namespace {

// Outside of a worker there is no connection: nothing happens.
template <class Send>
void send_message(const py::object& data, Send send) {
  roost_ws_kind kind{};
  std::string_view bytes;
  if (!roost::bridge::message_of(data.ptr(), kind, bytes)) throw py::error_already_set();
  if (roost::bridge::in_worker()) send(kind, roost::bridge::str(bytes));
}

std::vector<std::string> list_connections(std::string_view group) {
  std::vector<std::string> ids;
  if (!roost::bridge::in_worker()) return ids;
  const py::gil_scoped_release released;  // the other workers are asked
  roost::bridge::host->ws_list(
      roost::bridge::str(group),
      [](void* arg, roost_str id) { static_cast<std::vector<std::string>*>(arg)->emplace_back(id.data, id.size); },
      &ids);
  return ids;
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  using namespace roost::bridge;
  if (!ready_fields_types(module.ptr()) || !ready_url_type(module.ptr()) || !ready_request_type(module.ptr()) ||
      !ready_response_type(module.ptr()) || !ready_websocket_type(module.ptr()) || !ready_stream_writer(module.ptr()) ||
      !ready_body_stream(module.ptr()) || !add_pool_functions(module.ptr()) || !add_json_functions(module.ptr()))
    throw py::error_already_set();

  module.def("to_response", [](const py::object& result) { return owned(Answer::to_response(result.ptr())); });
  module.def("set_manners", [](bool others_are_text, bool missing_is_none) {
    Answer::others_are_text = others_are_text;
    missing_header_is_none = missing_is_none;
  });
  module.def(
      "request_for_test",
      [](std::string_view method, std::string_view target, const py::object& headers, const py::object& body,
         const py::object& path_params, std::string_view ip) {
        return owned(request_for_test(method, target, headers.ptr(), body.ptr(), path_params.ptr(), ip));
      },
      py::arg("method"), py::arg("target"), py::arg("headers") = py::none(), py::arg("body") = py::bytes(),
      py::arg("path_params") = py::none(), py::arg("ip") = "127.0.0.1");

  module.def("send_to", [](std::string_view id, const py::object& data) {
    send_message(data, [id](roost_ws_kind kind, roost_str bytes) { host->ws_send_to(str(id), kind, bytes); });
  });
  module.def(
      "broadcast",
      [](std::string_view group, const py::object& data, std::string_view exclude) {
        send_message(data, [=](roost_ws_kind kind, roost_str bytes) {
          host->ws_broadcast(str(group), kind, bytes, str(exclude));
        });
      },
      py::arg("group"), py::arg("data"), py::arg("exclude") = "");
  module.def(
      "publish",
      [](std::string_view topic, const py::object& data, std::string_view exclude) {
        send_message(data, [=](roost_ws_kind kind, roost_str bytes) {
          host->ws_publish(str(topic), kind, bytes, str(exclude));
        });
      },
      py::arg("topic"), py::arg("data"), py::arg("exclude") = "");
  module.def("log_exception", [](const py::object& exception, const std::string& what) {
    PyErr_SetObject(reinterpret_cast<PyObject*>(Py_TYPE(exception.ptr())), exception.ptr());
    const std::string text = what + "\n" + take_traceback();
    if (host != nullptr) {
      log(ROOST_LOG_ERROR, text);
    } else {
      PySys_FormatStderr("%s\n", text.c_str());
    }
  });
  module.def("list_connections", list_connections);
  module.def("serve", serve);
  module.def("stop_serving", stop_serving);
}
