#include "request_type.hpp"

#include <structmember.h>
#include <unistd.h>

#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <string>

#include "body_reader.hpp"
#include "fields_type.hpp"
#include "forms_type.hpp"
#include "host.hpp"
#include "json_decode.hpp"

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
  uint32_t readers;                        // see Reading
};

std::mutex readers_mutex;  // guards every request's readers
std::condition_variable readers_changed;

// While this exists the server's memory and file of the request may be read although the GIL is let go: a thread that a
// handler left behind may read while the request ends, which waits for it.
class Reading {
 public:
  explicit Reading(RequestObject& request) : request_(request) {
    const std::lock_guard lock(readers_mutex);
    ++request_.readers;
  }
  ~Reading() {
    const std::lock_guard lock(readers_mutex);
    if (--request_.readers == 0) readers_changed.notify_all();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;

 private:
  RequestObject& request_;
};

// GIL held, and let go meanwhile where there is something to wait for.
void wait_for_readers(RequestObject& request) {
  std::unique_lock lock(readers_mutex);
  if (request.readers == 0) return;
  Py_BEGIN_ALLOW_THREADS readers_changed.wait(lock, [&request] { return request.readers == 0; });
  lock.unlock();
  Py_END_ALLOW_THREADS
}

RequestObject* request_of(PyObject* object) {
  return reinterpret_cast<RequestObject*>(object);
}

// ------------------------------------------------------------------------------------------------------------- Url

struct UrlObject {
  PyObject_HEAD PyObject* scheme;
  PyObject* host;
  PyObject* path;
  PyObject* query;
};

PyTypeObject* url_type = nullptr;

PyMemberDef url_members[] = {
    {"scheme", T_OBJECT_EX, offsetof(UrlObject, scheme), READONLY, "\"http\" or \"https\", as the client used."},
    {"host", T_OBJECT_EX, offsetof(UrlObject, host), READONLY, "Host and port, as the client used."},
    {"path", T_OBJECT_EX, offsetof(UrlObject, path), READONLY, "As sent, still percent-encoded."},
    {"query", T_OBJECT_EX, offsetof(UrlObject, query), READONLY, "As sent, without the question mark."},
    {nullptr, 0, 0, 0, nullptr}};

void url_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  auto* url = reinterpret_cast<UrlObject*>(self);
  Py_XDECREF(url->scheme);
  Py_XDECREF(url->host);
  Py_XDECREF(url->path);
  Py_XDECREF(url->query);
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* url_str(PyObject* self) {
  auto* url = reinterpret_cast<UrlObject*>(self);
  return PyUnicode_FromFormat(PyUnicode_GetLength(url->query) > 0 ? "%U://%U%U?%U" : "%U://%U%U", url->scheme,
                              url->host, url->path, url->query);
}

PyObject* new_url(std::string_view scheme, std::string_view host_text, std::string_view path, std::string_view query) {
  PyObject* made = url_type->tp_alloc(url_type, 0);
  if (made == nullptr) return nullptr;
  auto* url = reinterpret_cast<UrlObject*>(made);
  url->scheme = to_unicode(scheme);
  url->host = to_unicode(host_text);
  url->path = to_unicode(path);
  url->query = to_unicode(query);
  if (url->scheme == nullptr || url->host == nullptr || url->path == nullptr || url->query == nullptr) Py_CLEAR(made);
  return made;
}

// ------------------------------------------------------------------------------------------------- reading of fields

// A str where the bytes are UTF-8, as applications written for Robyn expect, else bytes.
PyObject* body_object(std::string_view body) {
  PyObject* text = PyUnicode_DecodeUTF8(body.data(), static_cast<Py_ssize_t>(body.size()), nullptr);
  if (text != nullptr || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return text;
  PyErr_Clear();
  return PyBytes_FromStringAndSize(body.data(), static_cast<Py_ssize_t>(body.size()));
}

// A body that was spilled to a file. Its offset is left alone: the descriptor is the server's.
PyObject* read_spilled(const roost_request& raw) {
  Ref bytes = Ref::steal(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(raw.body_size)));
  if (!bytes) return nullptr;
  char* data = PyBytes_AS_STRING(bytes.get());
  size_t got = 0;
  int problem = 0;
  Py_BEGIN_ALLOW_THREADS while (got < raw.body_size) {
    const ssize_t count = pread(raw.body_file, data + got, raw.body_size - got, static_cast<off_t>(got));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) {
      problem = count < 0 ? errno : EIO;
      break;
    }
    got += static_cast<size_t>(count);
  }
  Py_END_ALLOW_THREADS if (problem != 0) {
    errno = problem;
    return PyErr_SetFromErrno(PyExc_OSError);
  }
  return bytes.release();
}

PyObject* read_body(const roost_request& raw) {
  if (raw.body_file < 0) return body_object(view(raw.body));
  Ref bytes = Ref::steal(read_spilled(raw));
  if (!bytes) return nullptr;
  return body_object({PyBytes_AS_STRING(bytes.get()), static_cast<size_t>(PyBytes_GET_SIZE(bytes.get()))});
}

PyObject* read_params(const roost_request& raw) {
  Ref params = Ref::steal(PyDict_New());
  for (size_t i = 0; params && i < raw.param_count; ++i) {
    const Ref name = Ref::steal(to_unicode(view(raw.params[i].name)));
    const Ref value = Ref::steal(to_unicode(view(raw.params[i].value)));
    if (!name || !value || PyDict_SetItem(params.get(), name.get(), value.get()) < 0) return nullptr;
  }
  return params.release();
}

PyObject* read_headers(const roost_request& raw) {
  PyObject* headers = new_fields(headers_type);
  if (headers == nullptr) return nullptr;
  FieldList& list = fields_of(headers);
  size_t bytes = 0;
  for (size_t i = 0; i < raw.header_count; ++i) bytes += raw.headers[i].name.size + raw.headers[i].value.size;
  list.reserve(raw.header_count + 1, bytes + 32);
  for (size_t i = 0; i < raw.header_count; ++i) list.add(view(raw.headers[i].name), view(raw.headers[i].value));
  return headers;
}

PyObject* read_query(std::string_view query) {
  PyObject* params = new_fields(query_params_type);
  if (params != nullptr) fields_of(params).add_query(query);
  return params;
}

PyObject* intern_method(std::string_view method) {
  static PyObject* get = PyUnicode_InternFromString("GET");
  static PyObject* post = PyUnicode_InternFromString("POST");
  if (method == "GET") return Py_NewRef(get);
  if (method == "POST") return Py_NewRef(post);
  return to_unicode(method);
}

PyObject* new_state() {
  const Ref types = Ref::steal(PyImport_ImportModule("types"));
  const Ref made = types ? Ref::steal(PyObject_GetAttrString(types.get(), "SimpleNamespace")) : Ref();
  return made ? PyObject_CallNoArgs(made.get()) : nullptr;
}

PyObject* read_slot(RequestObject* request, Slot slot) {
  const roost_request* const raw = request->raw;
  if (slot == kState) return new_state();
  if (slot == kIdentity || slot == kSession || raw == nullptr) return Py_NewRef(Py_None);
  switch (slot) {
    case kMethod:
      return intern_method(view(raw->method));
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
      const Reading reading(*request);
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
    const Reading reading(*request);
    return read_forms(*request->raw, body);
  };
  PyObject* const headers = request->slots[kHeaders];
  const auto at = headers != nullptr && is_headers(headers) ? fields_of(headers).last("content-type") : -1;
  const std::string type = at < 0 ? std::string() : std::string(fields_of(headers).value(static_cast<size_t>(at)));
  const Ref body = Ref::borrow(request->slots[kBody]);
  if (!body || body.get() == Py_None) return read(type, {});
  if (PyUnicode_Check(body.get())) {
    const std::string_view text = utf8_of(body.get());
    return text.data() == nullptr ? nullptr : read(type, text);
  }
  Py_buffer buffer;
  if (PyObject_GetBuffer(body.get(), &buffer, PyBUF_SIMPLE) < 0) return nullptr;
  PyObject* forms = read(type, {static_cast<const char*>(buffer.buf), static_cast<size_t>(buffer.len)});
  PyBuffer_Release(&buffer);
  return forms;
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
    const Reading reading(*request);
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
    const Ref module = headers ? Ref::steal(PyImport_ImportModule("roost.cookies")) : Ref();
    PyObject* read = module ? PyObject_CallMethod(module.get(), "cookies_of", "O", headers.get()) : nullptr;
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
      request->streamed == nullptr)
    return decode_json(view(request->raw->body));
  const Ref body = Ref::steal(get_slot(self, reinterpret_cast<void*>(kBody)));
  if (!body) return nullptr;
  if (PyUnicode_Check(body.get())) {
    const std::string_view text = utf8_of(body.get());
    return text.data() == nullptr ? nullptr : decode_json(text);
  }
  Py_buffer buffer;
  if (PyObject_GetBuffer(body.get(), &buffer, PyBUF_SIMPLE) < 0) return nullptr;
  PyObject* decoded = decode_json({static_cast<const char*>(buffer.buf), static_cast<size_t>(buffer.len)});
  PyBuffer_Release(&buffer);
  return decoded;
}

// Of the whole body, where that is there.
PyObject* request_stream(PyObject* self, PyObject*) {
  RequestObject* request = request_of(self);
  if (request->slots[kBody] == nullptr && request->streamed != nullptr) return reader_of(request)->stream();
  if (request->slots[kBody] == nullptr && request->reader != nullptr) return request->reader->stream();
  const Ref body = Ref::steal(get_slot(self, reinterpret_cast<void*>(kBody)));
  if (!body) return nullptr;
  BodyReader* reader = nullptr;
  if (PyUnicode_Check(body.get())) {
    const std::string_view text = utf8_of(body.get());
    if (text.data() == nullptr) return nullptr;
    reader = BodyReader::of(text);
  } else if (body.get() == Py_None) {
    reader = BodyReader::of({});
  } else {
    Py_buffer buffer;
    if (PyObject_GetBuffer(body.get(), &buffer, PyBUF_SIMPLE) < 0) return nullptr;
    reader = BodyReader::of({static_cast<const char*>(buffer.buf), static_cast<size_t>(buffer.len)});
    PyBuffer_Release(&buffer);
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
  const Ref module = Ref::steal(PyImport_ImportModule("roost._streaming"));
  return module ? PyObject_CallMethod(module.get(), "read", "O", self) : nullptr;
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
  request->readers = 0;
  PyObject_GC_Track(reinterpret_cast<PyObject*>(request));
  return request;
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

PyType_Slot request_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(request_dealloc)},
                               {Py_tp_traverse, reinterpret_cast<void*>(request_traverse)},
                               {Py_tp_clear, reinterpret_cast<void*>(request_clear)},
                               {Py_tp_getset, request_fields},
                               {Py_tp_methods, request_methods},
                               {Py_tp_repr, reinterpret_cast<void*>(request_repr)},
                               {0, nullptr}};
PyType_Spec request_spec = {"roost._native.Request", sizeof(RequestObject), 0,
                            Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_DISALLOW_INSTANTIATION, request_slots};
PyType_Slot url_slots[] = {{Py_tp_dealloc, reinterpret_cast<void*>(url_dealloc)},
                           {Py_tp_members, url_members},
                           {Py_tp_str, reinterpret_cast<void*>(url_str)},
                           {Py_tp_repr, reinterpret_cast<void*>(url_str)},
                           {0, nullptr}};
PyType_Spec url_spec = {"roost._native.Url", sizeof(UrlObject), 0,
                        Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION, url_slots};

}  // namespace

bool ready_request_types(PyObject* module) {
  if (url_type == nullptr) url_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&url_spec));
  if (request_type == nullptr) request_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&request_spec));
  if (url_type == nullptr || request_type == nullptr) return false;
  return PyModule_AddObjectRef(module, "Url", reinterpret_cast<PyObject*>(url_type)) == 0 &&
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
  if (Py_REFCNT(object) > 1) wait_for_readers(*request_of(object));
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
    Py_buffer buffer;
    if (PyObject_GetBuffer(body, &buffer, PyBUF_SIMPLE) < 0) return nullptr;
    request->slots[kBody] = body_object({static_cast<const char*>(buffer.buf), static_cast<size_t>(buffer.len)});
    PyBuffer_Release(&buffer);
  }
  for (size_t slot = 0; slot < kIdentity; ++slot) {
    if (request->slots[slot] == nullptr) return nullptr;
  }
  return owner.release();
}

}  // namespace roost::bridge
