#include "answer.hpp"

#include <algorithm>
#include <string>

#include "fields_type.hpp"
#include "host.hpp"
#include "response_type.hpp"

namespace roost::bridge {

namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kBytes = "application/octet-stream";
constexpr std::string_view kJson = "application/json";
constexpr size_t kKeptJson = 1 << 20;

bool is_iterator(PyObject* body) {
  const PyAsyncMethods* async = Py_TYPE(body)->tp_as_async;
  return PyIter_Check(body) || (async != nullptr && (async->am_anext != nullptr || async->am_aiter != nullptr));
}

struct Parts {
  long status = 200;
  PyObject* headers = nullptr;  // borrowed, as all here
  PyObject* body = Py_None;
  PyObject* background = nullptr;
  PyObject* special = nullptr;  // of a subclass of Response
};

bool take_status(PyObject* number, Parts& parts) {
  parts.status = PyLong_AsLong(number);
  if (parts.status >= 200 && parts.status <= 599) return true;
  if (!PyErr_Occurred()) PyErr_Format(PyExc_ValueError, "a status must be from 200 to 599, not %ld", parts.status);
  return false;
}

bool split(PyObject* result, Parts& parts);

bool split_tuple(PyObject* tuple, Parts& parts) {
  const Py_ssize_t size = PyTuple_GET_SIZE(tuple);
  if (size < 1 || size > 3) {
    PyErr_Format(PyExc_TypeError, "a handler's tuple has one to three of body, headers and status, not %zd", size);
    return false;
  }
  PyObject* body = nullptr;
  bool has_status = false;
  for (Py_ssize_t i = 0; i < size; ++i) {
    PyObject* item = PyTuple_GET_ITEM(tuple, i);
    if (PyLong_CheckExact(item) && !has_status) {
      if (!take_status(item, parts)) return false;
      has_status = true;
    } else if (parts.headers == nullptr && (is_headers(item) || (PyDict_Check(item) && body != nullptr))) {
      parts.headers = item;
    } else if (body == nullptr) {
      body = item;
    } else {
      PyErr_Format(PyExc_TypeError, "a handler's tuple is body, headers and status; it holds a second body, %.100s",
                   Py_TYPE(item)->tp_name);
      return false;
    }
  }
  if (body == nullptr) return true;
  if (!is_any_response(body)) {
    parts.body = body;
    return true;
  }
  Parts inner;
  if (!split(body, inner)) return false;
  parts.body = inner.body;
  parts.background = inner.background;
  parts.special = inner.special;
  if (!has_status) parts.status = inner.status;
  if (parts.headers == nullptr) parts.headers = inner.headers;
  return true;
}

bool split(PyObject* result, Parts& parts) {
  if (PyTuple_Check(result)) return split_tuple(result, parts);
  if (is_any_response(result)) {
    const ResponseObject* response = response_of(result);
    parts.status = response->status;
    parts.headers = response->headers;
    parts.body = response->body;
    parts.background = response->background;
    if (!is_response(result)) parts.special = result;
  } else {
    parts.body = result;
  }
  return true;
}

}  // namespace

void Answer::add_field(std::string_view name, std::string_view value) {
  if (name.size() == 12 && equal_ignoring_case(name, "content-type")) has_type_ = true;
  fields_.push_back({str(name), str(value)});
}

bool Answer::add_pair(PyObject* name, PyObject* value) {
  const std::string_view key = utf8_of(name);
  if (key.data() == nullptr) return false;
  if (PyList_Check(value) || PyTuple_Check(value)) {
    // A list may hold itself.
    if (Py_EnterRecursiveCall(" in the values of a header") != 0) return false;
    Ref items = Ref::steal(PySequence_Tuple(value));
    bool added = static_cast<bool>(items);
    for (Py_ssize_t i = 0; added && i < PyTuple_GET_SIZE(items.get()); ++i) {
      added = add_pair(name, PyTuple_GET_ITEM(items.get(), i));
    }
    kept_.push_back(std::move(items));
    Py_LeaveRecursiveCall();
    return added;
  }
  if (!PyUnicode_Check(value)) {
    Ref text = Ref::steal(PyObject_Str(value));
    if (!text) return false;
    value = text.get();
    kept_.push_back(std::move(text));
  }
  const std::string_view content = utf8_of(value);
  if (content.data() == nullptr) return false;
  add_field(key, content);
  return true;
}

bool Answer::take_headers(PyObject* headers) {
  if (is_headers(headers)) {
    const FieldList& list = fields_of(headers);
    for (size_t i = 0; i < list.size(); ++i) add_field(list.name(i), list.value(i));
    return true;
  }
  Py_ssize_t at = 0;
  PyObject* name = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(headers, &at, &name, &value)) {
    // A value's __str__ may change the dict, of which PyDict_Next makes the best.
    keep(name);
    keep(value);
    if (!add_pair(name, value)) return false;
  }
  return true;
}

void Answer::keep(PyObject* object) {
  if (object != nullptr) kept_.push_back(Ref::borrow(object));
}

bool Answer::take_body(PyObject* body) {
  if (PyDict_Check(body) || PyList_Check(body)) {
    json_.clear();
    if (!encode_json(body, json_)) return false;
    body_ = json_.view();
    default_type_ = kJson;
  } else if (PyUnicode_Check(body)) {
    body_ = utf8_of(body);
    if (body_.data() == nullptr) return false;
    default_type_ = kText;
  } else if (PyBytes_Check(body)) {
    body_ = {PyBytes_AS_STRING(body), static_cast<size_t>(PyBytes_GET_SIZE(body))};
    default_type_ = kBytes;
  } else if (body == Py_None) {
    body_ = {};
    default_type_ = {};
  } else if (PyLong_Check(body) || PyFloat_Check(body)) {
    return take_text_of(body);
  } else if (PyByteArray_Check(body) || PyMemoryView_Check(body)) {
    kept_.push_back(Ref::steal(PyBytes_FromObject(body)));
    return kept_.back() && take_body(kept_.back().get());
  } else if (is_iterator(body)) {
    kind_ = Kind::stream;
    source_ = body;
    body_ = {};
    default_type_ = kText;
  } else {
    // What the JSON writer knows beside the plain types: dataclasses and the like.
    json_.clear();
    const bool encoded = encode_json(body, json_);
    if (!encoded && !PyErr_ExceptionMatches(PyExc_TypeError)) return false;
    if (encoded && (!others_are_text || json_.view().starts_with('{') || json_.view().starts_with('['))) {
      body_ = json_.view();
      default_type_ = kJson;
      return true;
    }
    PyErr_Clear();
    if (others_are_text) return take_text_of(body);
    if (PyCoro_CheckExact(body)) {
      PyErr_SetString(PyExc_TypeError, "a handler returned a coroutine: what made it wants an `await` before it");
      return false;
    }
    PyErr_Format(
        PyExc_TypeError,
        "a handler returns dict, list, str, bytes, Response, an iterator, None or a tuple of body, headers and "
        "status, not %.200s",
        Py_TYPE(body)->tp_name);
    return false;
  }
  return true;
}

bool Answer::take_text_of(PyObject* object) {
  kept_.push_back(Ref::steal(PyObject_Str(object)));
  return kept_.back() && take_body(kept_.back().get());
}

bool Answer::prepare(PyObject* result) {
  if (read(result)) return true;
  kept_.clear();
  return false;
}

bool Answer::read(PyObject* result) {
  fields_.clear();
  has_type_ = false;
  kind_ = Kind::whole;
  Parts parts;
  if (!split(result, parts)) return false;
  background_ = parts.background;
  status_ = parts.status;
  // What is called below may give the response other ones.
  keep(parts.headers);
  keep(parts.body);
  keep(parts.background);
  if (parts.special != nullptr && !take_file(parts.special)) return false;
  if (kind_ != Kind::file && !(result == Py_None && others_are_text ? take_text_of(result) : take_body(parts.body)))
    return false;
  // Behind all that runs Python code but for str() of values: its list of fields may change no more.
  std::optional<bool> drain;
  if (kind_ == Kind::stream && parts.special != nullptr && !read_drain(parts.special, drain)) return false;
  if (parts.headers != nullptr && !take_headers(parts.headers)) return false;
  if (kind_ == Kind::file) return true;
  if (kind_ == Kind::stream) ends_on_drain_ = drain ? *drain : has_events();
  if (!has_type_ && !default_type_.empty() && (!body_.empty() || default_type_ != kText || kind_ == Kind::stream))
    fields_.push_back({str("Content-Type"), str(default_type_)});
  return true;
}

// A subclass of Response that names a file.
bool Answer::take_file(PyObject* response) {
  static PyObject* name = PyUnicode_InternFromString("file_path");
  Ref path = Ref::steal(PyObject_GetAttr(response, name));
  if (!path) {
    if (!PyErr_ExceptionMatches(PyExc_AttributeError)) return false;
    PyErr_Clear();
    return true;
  }
  PyObject* encoded = nullptr;
  if (PyUnicode_FSConverter(path.get(), &encoded) == 0) return false;
  kind_ = Kind::file;
  source_ = encoded;
  kept_.push_back(Ref::steal(encoded));
  return true;
}

// As StreamingResponse says it; what else is a Response may not.
bool Answer::read_drain(PyObject* response, std::optional<bool>& said) {
  static PyObject* name = PyUnicode_InternFromString("ends_on_drain");
  const Ref value = Ref::steal(PyObject_GetAttr(response, name));
  if (!value) {
    PyErr_Clear();
    return true;
  }
  const int truth = PyObject_IsTrue(value.get());
  if (truth >= 0) said = truth == 1;
  return truth >= 0;
}

bool Answer::has_events() const {
  return std::any_of(fields_.begin(), fields_.end(), [](const roost_field& field) {
    return equal_ignoring_case(view(field.name), "content-type") && view(field.value).starts_with("text/event-stream");
  });
}

roost_response Answer::head() const {
  roost_response response{};
  response.struct_size = sizeof response;
  response.status = static_cast<uint16_t>(status_);
  response.headers = fields_.data();
  response.header_count = fields_.size();
  return response;
}

void Answer::send(roost_responder* responder) {
  roost_response response = head();
  response.body = str(body_);
  if (host->respond(responder, &response) == ROOST_INVALID)
    host->fail(responder, str("the handler's response has a header that HTTP does not allow"));
  kept_.clear();
  if (json_.capacity() > kKeptJson) std::free(json_.release());
}

PyObject* Answer::to_response(PyObject* result) {
  Answer answer;
  if (!answer.prepare(result)) return nullptr;
  if (is_any_response(result) && !is_response(result)) return Py_NewRef(result);
  const Ref headers = Ref::steal(new_fields(headers_type));
  if (!headers) return nullptr;
  for (const roost_field& field : answer.fields_) fields_of(headers.get()).add(view(field.name), view(field.value));
  const bool text = answer.default_type_ != kBytes;
  const auto size = static_cast<Py_ssize_t>(answer.body_.size());
  const Ref body = answer.kind_ == Kind::stream
                       ? Ref::borrow(answer.source_)
                       : Ref::steal(text ? PyUnicode_DecodeUTF8(answer.body_.data(), size, nullptr)
                                         : PyBytes_FromStringAndSize(answer.body_.data(), size));
  PyObject* made = body ? new_response(answer.status_, headers.get(), body.get()) : nullptr;
  if (made != nullptr) response_of(made)->background = Py_XNewRef(answer.background_);
  return made;
}

std::string take_traceback() {
  PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
  PyErr_Fetch(&type, &value, &traceback);
  if (type == nullptr) return "an unknown error";
  PyErr_NormalizeException(&type, &value, &traceback);
  if (traceback != nullptr && value != nullptr) PyException_SetTraceback(value, traceback);
  const Ref owners[] = {Ref::steal(type), Ref::steal(value), Ref::steal(traceback)};
  std::string text;
  const Ref module = Ref::steal(PyImport_ImportModule("traceback"));
  const Ref lines = module ? Ref::steal(PyObject_CallMethod(module.get(), "format_exception", "O", value)) : Ref();
  const Ref empty = lines ? Ref::steal(PyUnicode_FromString("")) : Ref();
  const Ref joined = empty ? Ref::steal(PyUnicode_Join(empty.get(), lines.get())) : Ref();
  const Ref bytes = joined ? Ref::steal(PyUnicode_AsEncodedString(joined.get(), "utf-8", "backslashreplace")) : Ref();
  if (bytes)
    text.assign(PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get())));
  else
    text = reinterpret_cast<PyTypeObject*>(type)->tp_name;
  PyErr_Clear();
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

}  // namespace roost::bridge
