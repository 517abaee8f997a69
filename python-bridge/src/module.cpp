// roost._native.
#include <pybind11/pybind11.h>

#include "json_decode.hpp"
#include "json_encode.hpp"

namespace py = pybind11;

PYBIND11_MODULE(_native, module) {
  const auto encode = [](bool (*encoder)(PyObject*, roost::bridge::ByteBuffer&)) {
    return [encoder](const py::object& value) {
      roost::bridge::ByteBuffer out;
      if (!encoder(value.ptr(), out)) throw py::error_already_set();
      return py::bytes(out.data(), out.size());
    };
  };
  module.def("json_encode", encode(roost::bridge::encode_json));
  module.def("json_encode_natively", encode(roost::bridge::encode_json_natively));
  module.def("json_decode", [](const py::buffer& data) {
    const py::buffer_info info = data.request();
    PyObject* value = roost::bridge::decode_json(
        {static_cast<const char*>(info.ptr), static_cast<size_t>(info.size * info.itemsize)});
    if (value == nullptr) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(value);
  });
}
