#include "json_encode.hpp"

#include "imported.hpp"
#include "json_text.hpp"
#include "python.hpp"

namespace roost::bridge {
namespace {

using namespace json_text;

// Every write() goes on at `p` and returns where it ended, with kTail bytes free behind it; nullptr with an exception
// set.
class Encoder {
 public:
  explicit Encoder(ByteBuffer& out) : out_(out) {}

  bool document(PyObject* value) {
    char* p = write(value, grow(nullptr, kNumberRoom), 0);
    if (p == nullptr) return false;
    out_.commit(p);
    return true;
  }

 private:
  // Punctuation and the three words need no question.
  static constexpr size_t kTail = 16;

  char* grow(char* p, size_t more) {
    if (p != nullptr) out_.commit(p);
    p = out_.reserve(more + kTail);
    limit_ = out_.data() + out_.capacity();
    return p;
  }
  char* room(char* p, size_t more) {
    if (static_cast<size_t>(limit_ - p) < more + kTail) [[unlikely]]
      return grow(p, more);
    return p;
  }

  char* write(PyObject* value, char* p, int depth);
  char* write_string(PyObject* text, char* p);
  char* write_long_string(PyObject* text, char* p);
  char* write_int(PyObject* number, char* p);
  char* write_list(PyObject* list, char* p, int depth);
  char* write_tuple(PyObject* tuple, char* p, int depth);
  char* write_dict(PyObject* dict, char* p, int depth);
  char* write_items(PyObject* mapping, char* p, int depth);
  char* write_key(PyObject* key, char* p, int depth);
  char* write_other(PyObject* value, char* p, int depth);

  static char* word(char* p, const char* text, size_t size) {
    std::memcpy(p, text, size);
    return p + size;
  }
  // Whether a value of this type is written without a line of Python.
  static bool is_leaf(PyTypeObject* type) {
    return type == &PyUnicode_Type || type == &PyLong_Type || type == &PyFloat_Type || type == &PyBool_Type ||
           type == Py_TYPE(Py_None);
  }

  bool too_deep(int depth) {
    if (depth < kMaxJsonDepth) [[likely]]
      return false;
    PyErr_Format(PyExc_ValueError, "nested deeper than %d, or a container that contains itself", kMaxJsonDepth);
    return true;
  }

  ByteBuffer& out_;
  const char* limit_ = nullptr;
};

inline char* Encoder::write(PyObject* value, char* p, int depth) {
  PyTypeObject* type = Py_TYPE(value);
  p = room(p, kNumberRoom);
  if (type == &PyUnicode_Type) return write_string(value, p);
  if (type == &PyLong_Type) return write_int(value, p);
  if (value == Py_None) return word(p, "null", 4);
  if (value == Py_True) return word(p, "true", 4);
  if (value == Py_False) return word(p, "false", 5);
  if (type == &PyDict_Type) return write_dict(value, p, depth);
  if (type == &PyList_Type) return write_list(value, p, depth);
  if (type == &PyFloat_Type) return write_float(p, PyFloat_AS_DOUBLE(value));
  return type == &PyTuple_Type ? write_tuple(value, p, depth) : write_other(value, p, depth);
}

// text: a str or of a subclass.
inline char* Encoder::write_string(PyObject* text, char* p) {
#if PY_VERSION_HEX < 0x030C0000
  if (PyUnicode_READY(text) < 0) return nullptr;
#endif
  const auto size = static_cast<size_t>(PyUnicode_GET_LENGTH(text));
  if (!PyUnicode_IS_COMPACT_ASCII(text) || size > 1024) return write_long_string(text, p);
  p = room(p, size * kBytesPerCharacter + kStringSlack);
  *p++ = '"';
  p = write_utf8(p, PyUnicode_1BYTE_DATA(text), size);
  *p++ = '"';
  return p;
}

// In pieces, so that the room for the worst case stays small.
char* Encoder::write_long_string(PyObject* text, char* p) {
  constexpr size_t kPiece = 1024;
  const auto size = static_cast<size_t>(PyUnicode_GET_LENGTH(text));
  const auto in_pieces = [&](const auto* units, size_t count, auto write_piece) {
    p = room(p, 2);
    *p++ = '"';
    for (size_t i = 0; i < count && p != nullptr; i += kPiece) {
      const size_t piece = std::min(kPiece, count - i);
      p = write_piece(room(p, piece * kBytesPerCharacter + kStringSlack), units + i, piece);
    }
    if (p != nullptr) *p++ = '"';
  };
  const auto wide = [](char* at, const auto* units, size_t count) { return write_wide(at, units, count); };
  const char* cached = nullptr;
  size_t cached_size = 0;
  if (!PyUnicode_IS_ASCII(text) && PyUnicode_IS_COMPACT(text)) {
    // Its UTF-8, where somebody has asked for that before.
    const auto* compact = reinterpret_cast<PyCompactUnicodeObject*>(text);
    cached = compact->utf8;
    cached_size = static_cast<size_t>(compact->utf8_length);
  }
  if (PyUnicode_IS_ASCII(text)) {
    in_pieces(PyUnicode_1BYTE_DATA(text), size, write_utf8);
  } else if (cached != nullptr) {
    in_pieces(reinterpret_cast<const unsigned char*>(cached), cached_size, write_utf8);
  } else if (PyUnicode_KIND(text) == PyUnicode_1BYTE_KIND) {
    in_pieces(PyUnicode_1BYTE_DATA(text), size, wide);
  } else if (PyUnicode_KIND(text) == PyUnicode_2BYTE_KIND) {
    in_pieces(PyUnicode_2BYTE_DATA(text), size, wide);
  } else {
    in_pieces(PyUnicode_4BYTE_DATA(text), size, wide);
  }
  // Let CPython word the error: it names the place.
  if (p == nullptr && PyUnicode_AsUTF8(text) != nullptr) PyErr_SetString(PyExc_SystemError, "a surrogate that is none");
  return p;
}

// number: an int or of a subclass; never its __str__ or __repr__.
inline char* Encoder::write_int(PyObject* number, char* p) {
  int64_t value = 0;
  if (small_int(number, value)) [[likely]]
    return write_int64(p, value);
  const Ref digits = Ref::steal(PyLong_Type.tp_repr(number));
  if (!digits) return nullptr;
  const auto size = static_cast<size_t>(PyUnicode_GET_LENGTH(digits.get()));
  return word(room(p, size), reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(digits.get())), size);
}

char* Encoder::write_list(PyObject* list, char* p, int depth) {
  if (too_deep(depth)) return nullptr;
  *p++ = '[';
  // Python code that runs below may change the list: its size is asked each time, and the item is held.
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    if (i > 0) *p++ = ',';
    PyObject* item = PyList_GET_ITEM(list, i);
    if (is_leaf(Py_TYPE(item))) {
      p = write(item, p, depth + 1);
    } else {
      Py_INCREF(item);
      p = write(item, p, depth + 1);
      Py_DECREF(item);
    }
    if (p == nullptr) return nullptr;
  }
  *p++ = ']';
  return room(p, 0);
}

char* Encoder::write_tuple(PyObject* tuple, char* p, int depth) {
  if (too_deep(depth)) return nullptr;
  *p++ = '[';
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    if (i > 0) *p++ = ',';
    p = write(PyTuple_GET_ITEM(tuple, i), p, depth + 1);
    if (p == nullptr) return nullptr;
  }
  *p++ = ']';
  return room(p, 0);
}

char* Encoder::write_dict(PyObject* dict, char* p, int depth) {
  if (too_deep(depth)) return nullptr;
  *p++ = '{';
  bool first = true;
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &position, &key, &value)) {
    if (!first) *p++ = ',';
    first = false;
    if (PyUnicode_CheckExact(key) && is_leaf(Py_TYPE(value))) {
      p = write_string(key, room(p, kNumberRoom));
      if (p == nullptr) return nullptr;
      *p++ = ':';
      p = write(value, p, depth + 1);
      if (p == nullptr) return nullptr;
      continue;
    }
    // Held, as Python code that runs below may change the dict. PyDict_Next bounds the position by itself.
    const Ref held_key = Ref::borrow(key);
    const Ref held_value = Ref::borrow(value);
    p = write_key(key, room(p, kNumberRoom), depth + 1);
    if (p == nullptr) return nullptr;
    *p++ = ':';
    p = write(value, p, depth + 1);
    if (p == nullptr) return nullptr;
  }
  *p++ = '}';
  return room(p, 0);
}

// A subclass of dict may order its items in its own way (OrderedDict does).
char* Encoder::write_items(PyObject* mapping, char* p, int depth) {
  if (too_deep(depth)) return nullptr;
  const Ref items = Ref::steal(PyMapping_Items(mapping));
  if (!items) return nullptr;
  *p++ = '{';
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* item = PyList_GET_ITEM(items.get(), i);
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) {
      PyErr_Format(PyExc_TypeError, "items() of %.200s must give pairs", Py_TYPE(mapping)->tp_name);
      return nullptr;
    }
    if (i > 0) *p++ = ',';
    p = write_key(PyTuple_GET_ITEM(item, 0), room(p, kNumberRoom), depth + 1);
    if (p == nullptr) return nullptr;
    *p++ = ':';
    p = write(PyTuple_GET_ITEM(item, 1), p, depth + 1);
    if (p == nullptr) return nullptr;
  }
  *p++ = '}';
  return room(p, 0);
}

// New reference: what roost._json.plain() makes of an object that is none of JSON's types.
PyObject* plain(PyObject* value) {
  static constinit Imported imported{"roost._json", "plain"};
  PyObject* const function = imported.get();
  return function == nullptr ? nullptr : PyObject_CallOneArg(function, value);
}

// Whether it is a member of an enumeration, which is written as its value also where that type is a str or an int.
bool is_enum(PyObject* value) {
  static constinit Imported imported{"enum", "EnumMeta"};
  auto* const meta = reinterpret_cast<PyTypeObject*>(imported.get());
  if (meta == nullptr) PyErr_Clear();
  return meta != nullptr && PyObject_TypeCheck(reinterpret_cast<PyObject*>(Py_TYPE(value)), meta);
}

char* Encoder::write_key(PyObject* key, char* p, int depth) {
  if (PyUnicode_CheckExact(key)) return write_string(key, p);
  if (key == Py_None) return word(p, "\"null\"", 6);
  if (key == Py_True) return word(p, "\"true\"", 6);
  if (key == Py_False) return word(p, "\"false\"", 7);
  if (!is_enum(key)) {
    if (PyUnicode_Check(key)) return write_string(key, p);
    if (PyLong_Check(key) || PyFloat_Check(key)) {
      *p++ = '"';
      p = room(p, kNumberRoom);
      p = PyFloat_Check(key) ? write_float(p, PyFloat_AS_DOUBLE(key)) : write_int(key, p);
      if (p == nullptr) return nullptr;
      *p++ = '"';
      return room(p, 0);
    }
  }
  if (PyDict_Check(key) || PyTuple_Check(key) || PyBytes_Check(key) || depth >= kMaxJsonDepth) {
    PyErr_Format(PyExc_TypeError, "a key must be str, int, float, bool or None, not %.200s", Py_TYPE(key)->tp_name);
    return nullptr;
  }
  const Ref other = Ref::steal(plain(key));
  return other ? write_key(other.get(), p, depth + 1) : nullptr;
}

char* Encoder::write_other(PyObject* value, char* p, int depth) {
  if (!is_enum(value)) {
    if (PyUnicode_Check(value)) return write_string(value, p);
    if (PyLong_Check(value)) return write_int(value, p);
    if (PyFloat_Check(value)) return write_float(p, PyFloat_AS_DOUBLE(value));
    if (PyDict_Check(value)) return write_items(value, p, depth);
    if (PyList_Check(value)) return write_list(value, p, depth);
    if (PyTuple_Check(value)) return write_tuple(value, p, depth);
  }
  if (too_deep(depth)) return nullptr;
  const Ref other = Ref::steal(plain(value));
  return other ? write(other.get(), p, depth + 1) : nullptr;
}

}  // namespace

bool encode_json_natively(PyObject* value, ByteBuffer& out) {
  const size_t begin = out.size();
  try {
    if (Encoder(out).document(value)) return true;
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  }
  out.truncate(begin);
  return false;
}

}  // namespace roost::bridge
