// What a handler returned, on its way to the client: told apart by type, dict and list written as JSON. GIL held.
//
//   dict, list              JSON
//   str                     text/plain; charset=utf-8
//   bytes, bytearray        application/octet-stream
//   int, float, bool        as text
//   None                    200 without a body
//   Response                its status, headers and body; the types above where it names no Content-Type
//   tuple                   of body, headers and status: an int is the status, Headers or a dict behind the body are
//   the
//                           headers, what else comes is the body
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "json_encode.hpp"
#include "python.hpp"
#include "roost/abi.h"

namespace roost::bridge {

// Prepared while nothing was sent yet, so that what cannot be sent is still an exception of the handler. One for each
// thread, used again; between prepare() and send() the result must live.
class Answer {
 public:
  // False with a Python error set.
  bool prepare(PyObject* result);
  // Consumes the responder.
  void send(roost_responder* responder);

  // What was prepared; valid until send() or the next prepare().
  uint16_t status() const { return static_cast<uint16_t>(status_); }
  const std::vector<roost_field>& fields() const { return fields_; }
  std::string_view body() const { return body_; }

  // As prepare(), for tests in process: a Response of text or bytes with all its headers.
  static PyObject* to_response(PyObject* result);

 private:
  bool read(PyObject* result);
  bool take_headers(PyObject* headers);
  bool add_pair(PyObject* name, PyObject* value);
  void add_field(std::string_view name, std::string_view value);
  bool take_body(PyObject* body);

  long status_ = 200;
  bool has_type_ = false;
  std::string_view default_type_;
  std::string_view body_;
  std::vector<roost_field> fields_;
  std::vector<Ref> kept_;  // what views point into; empty between send() and prepare()
  ByteBuffer json_;
};

// The traceback of the exception that is set, which is cleared.
std::string take_traceback();

}  // namespace roost::bridge
