#include "request_type.hpp"

#include <array>
#include <cstring>
#include <iterator>
#include <string>

#include "body_reader.hpp"
#include "borrowed_bytes.hpp"
#include "fields_type.hpp"
#include "forms_type.hpp"
#include "host.hpp"
#include "imported.hpp"
#include "json_decode.hpp"
#include "readers.hpp"
#include "request_parts.hpp"
#include "url_type.hpp"

namespace roost::bridge {

namespace {

enum Slot : size_t {
  kMethod,
  kUrl,
  kPath,
  kPathParams,
  kQueryParams,
  kHeaders,
  kBody,
  kIpAddr,
  kIdentity,
  kSession,
  kState,
  kFormData,
  kFiles,
  kCookies,
  kSlots
};

struct RequestObject {
  PyObject_HEAD const roost_request* raw;  // nullptr once detached
  roost_responder* streamed;               // whose body is read as it comes; nullptr: the body is there
  BodyReader* reader;                      // counted; nullptr: nobody has begun to read
  PyObject* slots[kSlots];                 // nullptr: not read yet
  Readers readers;                         // of the server's memory
};

RequestObject* request_of(PyObject* object) {
  return reinterpret_cast<RequestObject*>(object);
}

// ------------------------------------------------------------------------------------------------- reading of fields

PyObject* read_slot(RequestObject* request, Slot slot) {
  const roost_request* const raw = request->raw;
  if (slot == kState) return new_state();
  if (slot == kIdentity || slot == kSession || raw == nullptr) return Py_NewRef(Py_None);
  switch (slot) {
    case kMethod:
      return read_method(view(raw->method));
    case kUrl:
      return new_url(view(host->text(raw, ROOST_TEXT_SCHEME)), view(host->text(raw, ROOST_TEXT_HOST)), view(raw->path),
                     view(raw->query));
    case kPath:
      return to_unicode(view(host->text(raw, ROOST_TEXT_DECODED_PATH)));
    case kPathParams:
      return read_params(*raw);
    case kQueryParams:
      return read_query(view(raw->query));
    case kHeaders:
      return read_headers(*raw);
    case kBody: {
      if (raw->body_file < 0) return read_body(*raw);
      const Reading reading(request->readers);
      return read_body(*raw);
    }
    case kIpAddr:
      return to_unicode(view(host->text(raw, ROOST_TEXT_CLIENT_IP)));
    default:
      return Py_NewRef(Py_None);
  }
}

PyObject* get_slot(PyObject* self, void* closure);

// Of a body that was streamed, or of a request that has left the server or never met one.
PyObject* forms_of_body(RequestObject* request) {
  const auto read = [request](const std::string& type, std::string_view body) {
    if (request->raw == nullptr) return read_forms(type, body);
    const Reading reading(request->readers);
    return read_forms(*request->raw, body);
  };
  PyObject* const headers = request->slots[kHeaders];
  const auto at = headers != nullptr && is_headers(headers) ? fields_of(headers).last("content-type") : -1;
  const std::string type = at < 0 ? std::string() : std::string(fields_of(headers).value(static_cast<size_t>(at)));
  const Ref body = Ref::borrow(request->slots[kBody]);
  if (!body || body.get() == Py_None) return read(type, {});
  const BorrowedBytes bytes(body.get());
  return bytes ? read(type, bytes.view()) : nullptr;
}

// Both at once; what was assigned stays.
bool read_form_slots(RequestObject* request) {
  Ref forms;
  if (request->streamed != nullptr || request->reader != nullptr) {
    for (const Slot slot : {kHeaders, kBody}) {
      PyObject* self = reinterpret_cast<PyObject*>(request);
      if (!Ref::steal(get_slot(self, reinterpret_cast<void*>(slot)))) return false;
    }
    forms = Ref::steal(forms_of_body(request));
  } else if (request->raw != nullptr) {
    if (body_is_to_come(*request->raw)) return false;
    const Reading reading(request->readers);
    forms = Ref::steal(read_forms(request->raw));
  } else {
    forms = Ref::steal(forms_of_body(request));
  }
  for (const Slot slot : {kFormData, kFiles}) {
    if (forms && request->slots[slot] == nullptr)
      request->slots[slot] = Py_NewRef(PyTuple_GET_ITEM(forms.get(), slot - kFormData));
  }
  return static_cast<bool>(forms);
}

BodyReader* reader_of(RequestObject* request) {
  if (request->reader == nullptr && request->streamed != nullptr)
    request->reader = BodyReader::begin(request->streamed);
  return request->reader;
}

PyObject* read_streamed(RequestObject* request) {
  const Ref all = Ref::steal(reader_of(request)->read_all());
  return all ? body_object({PyBytes_AS_STRING(all.get()), static_cast<size_t>(PyBytes_GET_SIZE(all.get()))}) : nullptr;
}

PyObject* get_slot(PyObject* self, void* closure) {
  RequestObject* request = request_of(self);
  const auto slot = static_cast<Slot>(reinterpret_cast<size_t>(closure) % kSlots);
  if (request->slots[slot] == nullptr && slot >= kFormData && slot <= kFiles) {
    if (!read_form_slots(request)) return nullptr;
  } else if (request->slots[slot] == nullptr) {
    PyObject* read = slot == kBody && (request->streamed != nullptr || request->reader != nullptr)
                         ? read_streamed(request)
                         : read_slot(request, slot);
    // Reading may have let another thread in, which read the same.
    if (request->slots[slot] == nullptr)
      request->slots[slot] = read;
    else
      Py_XDECREF(read);
  }
  return Py_XNewRef(request->slots[slot]);
}

int set_slot(PyObject* self, PyObject* value, void* closure) {
  Py_XSETREF(request_of(self)->slots[reinterpret_cast<size_t>(closure)], Py_NewRef(value ? value : Py_None));
  return 0;
}

PyObject* get_cookies(PyObject* self, void*) {
  RequestObject* request = request_of(self);
  if (request->slots[kCookies] == nullptr) {
    const Ref headers = Ref::steal(get_slot(self, reinterpret_cast<void*>(kHeaders)));
    static constinit Imported cookies_of{"roost.cookies", "cookies_of"};
    PyObject* const function = headers ? cookies_of.get() : nullptr;
    PyObject* read = function != nullptr ? PyObject_CallOneArg(function, headers.get()) : nullptr;
    if (request->slots[kCookies] == nullptr)
      request->slots[kCookies] = read;
    else
      Py_XDECREF(read);
  }
  return Py_XNewRef(request->slots[kCookies]);
}

PyObject* request_json(PyObject* self, PyObject*) {
  RequestObject* request = request_of(self);
  if (request->slots[kBody] == nullptr && request->raw != nullptr && request->raw->body_file < 0 &&
      request->streamed == nullptr && (request->raw->flags & ROOST_REQUEST_STREAMED) == 0)
    return decode_json(view(request->raw->body));
  const Ref body = Ref::steal(get_slot(self, reinterpret_cast<void*>(kBody)));
  if (!body) return nullptr;
  const BorrowedBytes bytes(body.get());
  return bytes ? decode_json(bytes.view()) : nullptr;
}

// Of the whole body, where that is there.
PyObject* request_stream(PyObject* self, PyObject*) {
  RequestObject* request = request_of(self);
  if (request->slots[kBody] == nullptr && request->streamed != nullptr) return reader_of(request)->stream();
  if (request->slots[kBody] == nullptr && request->reader != nullptr) return request->reader->stream();
  const Ref body = Ref::steal(get_slot(self, reinterpret_cast<void*>(kBody)));
  if (!body) return nullptr;
  BodyReader* reader = nullptr;
  if (body.get() == Py_None) {
    reader = BodyReader::of({});
  } else {
    const BorrowedBytes bytes(body.get());
    if (!bytes) return nullptr;
    reader = BodyReader::of(bytes.view());
  }
  PyObject* stream = reader->stream();
  reader->release();
  return stream;
}

// For read(): what was read is `body` from now on.
PyObject* request_keep_body(PyObject* self, PyObject* bytes) {
  char* data = nullptr;
  Py_ssize_t size = 0;
  if (PyBytes_AsStringAndSize(bytes, &data, &size) < 0) return nullptr;
  PyObject* body = body_object({data, static_cast<size_t>(size)});
  if (body == nullptr) return nullptr;
  Py_XSETREF(request_of(self)->slots[kBody], body);
  Py_RETURN_NONE;
}

PyObject* request_read(PyObject* self, PyObject*) {
  static constinit Imported read{"roost._streaming", "read"};
  return read.get() != nullptr ? PyObject_CallOneArg(read.get(), self) : nullptr;
}

PyObject* request_repr(PyObject* self) {
  const Ref method = Ref::steal(get_slot(self, reinterpret_cast<void*>(kMethod)));
  const Ref path = Ref::steal(get_slot(self, reinterpret_cast<void*>(kPath)));
  return method && path ? PyUnicode_FromFormat("<Request %S %S>", method.get(), path.get()) : nullptr;
}

// ------------------------------------------------------------------------------------------------------ life and death

// Requests come and go one for each call: their memory is kept. Guarded by the GIL.
constexpr size_t kKept = 128;
RequestObject* kept[kKept];
size_t kept_count = 0;

int request_traverse(PyObject* self, visitproc visit, void* arg) {
  Py_VISIT(Py_TYPE(self));
  for (PyObject* slot : request_of(self)->slots) Py_VISIT(slot);
  return 0;
}

int request_clear(PyObject* self) {
  for (PyObject*& slot : request_of(self)->slots) Py_CLEAR(slot);
  return 0;
}

void request_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  PyObject_GC_UnTrack(self);
  request_clear(self);
  request_of(self)->streamed = nullptr;
  if (BodyReader* reader = std::exchange(request_of(self)->reader, nullptr)) reader->release();
  if (kept_count < kKept)
    kept[kept_count++] = request_of(self);
  else
    PyObject_GC_Del(self);
  Py_DECREF(type);
}

RequestObject* allocate() {
  RequestObject* request = nullptr;
  if (kept_count > 0) {
    request = kept[--kept_count];
    PyObject_Init(reinterpret_cast<PyObject*>(request), request_type);
  } else {
    request = PyObject_GC_New(RequestObject, request_type);
    if (request == nullptr) return nullptr;
    std::memset(request->slots, 0, sizeof request->slots);
    request->streamed = nullptr;
    request->reader = nullptr;
  }
  request->raw = nullptr;
  request->readers = {};
  PyObject_GC_Track(reinterpret_cast<PyObject*>(request));
  return request;
}

// For applications' own tests: what is not given is empty.
PyObject* request_construct(PyTypeObject*, PyObject* args, PyObject* keywords) {
  static const char* const names[] = {"query_params", "headers", "path_params", "body",    "method", "url",
                                      "form_data",    "files",   "identity",    "ip_addr", nullptr};
  constexpr size_t kNames = std::size(names) - 1;
  std::array<PyObject*, kNames> given{};
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|OOOOOOOOOO", const_cast<char**>(names), &given[0], &given[1],
                                   &given[2], &given[3], &given[4], &given[5], &given[6], &given[7], &given[8],
                                   &given[9]))
    return nullptr;
  const Ref empty = Ref::steal(PyBytes_FromStringAndSize(nullptr, 0));
  Ref made = empty ? Ref::steal(request_for_test("GET", "/", Py_None, empty.get(), Py_None, "127.0.0.1")) : Ref();
  for (size_t i = 0; made && i < kNames; ++i) {
    if (given[i] != nullptr && PyObject_SetAttrString(made.get(), names[i], given[i]) < 0) return nullptr;
  }
  return made.release();
}

#define ROOST_FIELD(name, slot, doc) \
  { name, get_slot, set_slot, doc, reinterpret_cast<void*>(slot) }
PyGetSetDef request_fields[] = {
    ROOST_FIELD("method", kMethod, "As sent: \"GET\"."),
    ROOST_FIELD("url", kUrl, "Url with scheme, host, path and query, as the client used them."),
    ROOST_FIELD("path", kPath, "Percent-decoded path, without the query."),
    ROOST_FIELD("path_params", kPathParams, "A dict of the pattern's parameters, decoded."),
    ROOST_FIELD("query_params", kQueryParams, "QueryParams, decoded."),
    ROOST_FIELD("headers", kHeaders, "Headers; changes stay with this request object."),
    ROOST_FIELD("body", kBody, "str where the bytes are UTF-8, else bytes."),
    ROOST_FIELD("form_data", kFormData, "FormData: the fields of a form; empty where the body is none."),
    ROOST_FIELD("files", kFiles, "Files: the files of a form by field name; empty where there are none."),
    ROOST_FIELD("ip_addr", kIpAddr, "The client's address, behind trusted proxies the one they name."),
    ROOST_FIELD("identity", kIdentity, "Who asks, set by the application's own authentication; None at first."),
    ROOST_FIELD("session", kSession, "The client's session, where the application has configured them; else None."),
    {"cookies", get_cookies, set_slot, "A dict of what the client's Cookie headers say.",
     reinterpret_cast<void*>(kCookies)},
    ROOST_FIELD("state", kState, "Anything the application wants to keep with the request."),
    {nullptr, nullptr, nullptr, nullptr, nullptr}};

PyMethodDef request_methods[] = {
    {"json", request_json, METH_NOARGS, "The body, decoded from JSON. Raises ValueError when it is none."},
    {"stream", request_stream, METH_NOARGS, "The body as it comes, to be iterated: with `async for`, or in a thread."},
    {"read", request_read, METH_NOARGS, "Awaitable; the whole body as bytes, which is `body` from then on."},
    {"_keep_body", request_keep_body, METH_O, nullptr},
    {nullptr, nullptr, 0, nullptr}};

PyType_Slot request_slots[] = {{Py_tp_new, reinterpret_cast<void*>(request_construct)},
                               {Py_tp_dealloc, reinterpret_cast<void*>(request_dealloc)},
                               {Py_tp_traverse, reinterpret_cast<void*>(request_traverse)},
                               {Py_tp_clear, reinterpret_cast<void*>(request_clear)},
                               {Py_tp_getset, request_fields},
                               {Py_tp_methods, request_methods},
                               {Py_tp_repr, reinterpret_cast<void*>(request_repr)},
                               {0, nullptr}};
PyType_Spec request_spec = {"roost._native.Request", sizeof(RequestObject), 0, Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
                            request_slots};
}  // namespace

bool ready_request_type(PyObject* module) {
  if (request_type == nullptr) request_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&request_spec));
  return request_type != nullptr &&
         PyModule_AddObjectRef(module, "Request", reinterpret_cast<PyObject*>(request_type)) == 0;
}

PyObject* new_request(const roost_request* raw, roost_responder* streamed) {
  RequestObject* request = allocate();
  if (request != nullptr) {
    request->raw = raw;
    request->streamed = streamed;
  }
  return reinterpret_cast<PyObject*>(request);
}

void detach_request(PyObject* object) {
  if (Py_REFCNT(object) > 1 && request_of(object)->raw != nullptr) {
    PyObject *type = nullptr, *value = nullptr, *traceback = nullptr;
    PyErr_Fetch(&type, &value, &traceback);
    for (size_t slot = 0; slot < kState; ++slot) {
      if (slot == kBody && request_of(object)->streamed != nullptr) continue;  // may not be there
      PyObject* read = get_slot(object, reinterpret_cast<void*>(slot));
      if (read == nullptr) PyErr_Clear();
      Py_XDECREF(read);
    }
    PyErr_Restore(type, value, traceback);
  }
  if (Py_REFCNT(object) > 1) request_of(object)->readers.wait();
  request_of(object)->raw = nullptr;
  if (request_of(object)->streamed != nullptr) {
    request_of(object)->streamed = nullptr;
    if (request_of(object)->reader != nullptr) request_of(object)->reader->detach();
  }
}

void attach_request(PyObject* object, const roost_request* raw, roost_responder* streamed) {
  request_of(object)->raw = raw;
  request_of(object)->streamed = streamed;
  if (streamed != nullptr) Py_CLEAR(request_of(object)->slots[kBody]);  // of before it was read
}

void release_request(PyObject* object) {
  detach_request(object);
  Py_DECREF(object);
}

bool client_went(PyObject* object) {
  const BodyReader* const reader = object != nullptr ? request_of(object)->reader : nullptr;
  return reader != nullptr && reader->client_went();
}

PyObject* request_for_test(std::string_view method, std::string_view target, PyObject* headers, PyObject* body,
                           PyObject* path_params, std::string_view ip) {
  RequestObject* request = allocate();
  if (request == nullptr) return nullptr;
  Ref owner = Ref::steal(reinterpret_cast<PyObject*>(request));
  const size_t question = std::min(target.find('?'), target.size());
  const std::string_view path = target.substr(0, question);
  const std::string_view query = target.substr(std::min(question + 1, target.size()));
  PyObject* fields = new_fields(headers_type);
  request->slots[kHeaders] = fields;
  if (fields == nullptr || (headers != Py_None && !add_fields(fields_of(fields), headers))) return nullptr;
  const auto at = fields_of(fields).last("host");
  const std::string named = at < 0 ? "testserver" : std::string(fields_of(fields).value(static_cast<size_t>(at)));
  request->slots[kMethod] = to_unicode(method);
  request->slots[kUrl] = new_url("http", named, path, query);
  request->slots[kPath] = to_unicode(percent_decode(path, false));
  request->slots[kPathParams] = path_params == Py_None ? PyDict_New() : Py_NewRef(path_params);
  request->slots[kQueryParams] = read_query(query);
  request->slots[kIpAddr] = to_unicode(ip);
  if (PyUnicode_Check(body)) {
    request->slots[kBody] = Py_NewRef(body);
  } else {
    const BorrowedBytes bytes(body);
    if (!bytes) return nullptr;
    request->slots[kBody] = body_object(bytes.view());
  }
  for (size_t slot = 0; slot < kIdentity; ++slot) {
    if (request->slots[slot] == nullptr) return nullptr;
  }
  return owner.release();
}

}  // namespace roost::bridge
