// What a handler returned, on its way to the client: told apart by type, dict and list written as JSON. GIL held.
//
//   dict, list              JSON
//   str                     text/plain; charset=utf-8
//   bytes, bytearray        application/octet-stream
//   int, float, bool        as text
//   None                    200 without a body
//   Response                its status, headers and body; the types above where it names no Content-Type
//   FileResponse            the file that its `file_path` names
//   iterator, also async    str or bytes, sent as they come (ResponseStream)
//   tuple                   of body, headers and status: an int is the status, Headers or a dict behind the body are
//   the
//                           headers, what else comes is the body
#pragma once

#include <cstdint>
#include <optional>
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
  enum class Kind : uint8_t { whole, stream, file };

  // False with a Python error set.
  bool prepare(PyObject* result);
  // Consumes the responder. REQUIRES: Kind::whole.
  void send(roost_responder* responder);

  // What was prepared; valid until send() or the next prepare().
  uint16_t status() const { return static_cast<uint16_t>(status_); }
  const std::vector<roost_field>& fields() const { return fields_; }
  std::string_view body() const { return body_; }

  Kind kind() const { return kind_; }
  // What is done after the response was sent; nullptr: nothing. Borrowed, as the next.
  PyObject* background() const { return background_; }
  // The iterator, or the path.
  PyObject* source() const { return source_; }
  // Of a stream: whether it is ended when the worker drains.
  bool ends_on_drain() const { return ends_on_drain_; }
  // Status and headers of what is no whole response; until discard().
  roost_response head() const;
  void discard() { kept_.clear(); }

  // What else a handler returns, and None, is sent as str() says it, as applications written for Robyn have it. Set by
  // the package that gives its names, when that is imported; false: None is no body, the rest an error.
  static inline bool others_are_text = false;

  // As prepare(), for middleware: a Response of text or bytes with all its headers; streams and files as they are.
  static PyObject* to_response(PyObject* result);

 private:
  bool read(PyObject* result);
  bool take_headers(PyObject* headers);
  bool add_pair(PyObject* name, PyObject* value);
  void add_field(std::string_view name, std::string_view value);
  bool take_body(PyObject* body);
  bool take_text_of(PyObject* object);
  bool take_file(PyObject* response);
  static bool read_drain(PyObject* response, std::optional<bool>& said);
  bool has_events() const;
  void keep(PyObject* object);

  long status_ = 200;
  Kind kind_ = Kind::whole;
  PyObject* background_ = nullptr;
  PyObject* source_ = nullptr;
  bool has_type_ = false;
  bool ends_on_drain_ = false;
  std::string_view default_type_;
  std::string_view body_;
  std::vector<roost_field> fields_;
  std::vector<Ref> kept_;  // what views point into; empty between send() and prepare()
  ByteBuffer json_;
};

// The traceback of the exception that is set, which is cleared.
std::string take_traceback();

}  // namespace roost::bridge
