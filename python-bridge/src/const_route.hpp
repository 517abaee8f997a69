// A const route that no Python middleware is meant for: its handler has been called once in this worker, and the I/O
// threads answer with what it returned, without the GIL.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

class ConstRoute {
 public:
  // constant: of roost._const. Kept for ever.
  ConstRoute(PyObject* constant, std::string name) : constant_(Py_NewRef(constant)), name_(std::move(name)) {}
  ConstRoute(const ConstRoute&) = delete;
  ConstRoute& operator=(const ConstRoute&) = delete;

  // In the prototype. False with `error` said.
  bool add(const roost_mount_sink& sink, std::string_view methods, std::string_view pattern, roost_error* error);
  // In the worker, once the startup handlers have run and before it serves; without the GIL. False with `why`.
  bool freeze(std::string& why);

 private:
  static roost_status handle(void* self, const roost_request* request, roost_responder* responder);

  PyObject* const constant_;
  const std::string name_;
  // Immutable once frozen; the response views the others.
  std::string text_;
  std::vector<roost_field> fields_;
  roost_response response_{};
};

}  // namespace roost::bridge
