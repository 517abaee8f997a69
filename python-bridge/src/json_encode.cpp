#include "json_encode.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace roost::bridge {

void ByteBuffer::grow(size_t more) {
  const size_t wanted = std::max({size_ + more, capacity_ * 2, size_t{512}});
  void* data = std::realloc(data_, wanted);
  if (data == nullptr) throw std::bad_alloc();
  data_ = static_cast<char*>(data);
  capacity_ = wanted;
}

namespace {

// From here on orjson is asked: starting again costs at most this much, and it pays from about twice that on (bench:
// prototypes had the native writer at 0.5 of orjson's time for small documents, 2 to 3 for large ones).
constexpr size_t kOrjsonFrom = 8 * 1024;

// Owns one reference, or none.
class Reference {
 public:
  explicit Reference(PyObject* object) : object_(object) {}
  Reference(const Reference&) = delete;
  Reference& operator=(const Reference&) = delete;
  ~Reference() { Py_XDECREF(object_); }
  PyObject* get() const { return object_; }
  PyObject* release() {
    PyObject* object = object_;
    object_ = nullptr;
    return object;
  }
  explicit operator bool() const { return object_ != nullptr; }

 private:
  PyObject* object_;
};

// RFC 8259 section 7: what a byte below 0x80 becomes; 0: itself, 'u': \u00XX, else the character behind a backslash.
constexpr std::array<char, 128> kEscapes = [] {
  std::array<char, 128> table{};
  for (int c = 0; c < 0x20; ++c) table[c] = 'u';
  table['\b'] = 'b';
  table['\t'] = 't';
  table['\n'] = 'n';
  table['\f'] = 'f';
  table['\r'] = 'r';
  table['"'] = '"';
  table['\\'] = '\\';
  return table;
}();

inline char* write_ascii(char* out, unsigned char c) {
  const char escape = kEscapes[c];
  if (escape == 0) [[likely]] {
    *out++ = static_cast<char>(c);
    return out;
  }
  *out++ = '\\';
  *out++ = escape;
  if (escape == 'u') {
    constexpr char kDigits[] = "0123456789abcdef";
    *out++ = '0';
    *out++ = '0';
    *out++ = kDigits[c >> 4];
    *out++ = kDigits[c & 15];
  }
  return out;
}

// A byte takes at most six; the two quotes and what the 16-byte stores write beyond the end.
constexpr size_t kStringSlack = 32;

void write_ascii_string(ByteBuffer& out, const unsigned char* text, size_t size) {
  char* end = out.reserve(size * 6 + kStringSlack);
  *end++ = '"';
  size_t i = 0;
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  while (i + 16 <= size) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
    const __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(chunk, quote), _mm_cmpeq_epi8(chunk, backslash)),
                                         _mm_cmpeq_epi8(_mm_min_epu8(chunk, control), chunk));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(end), chunk);
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    if (mask == 0) {
      end += 16;
      i += 16;
      continue;
    }
    const int plain = __builtin_ctz(mask);
    end = write_ascii(end + plain, text[i + plain]);
    i += plain + 1;
  }
#endif
  for (; i < size; ++i) end = write_ascii(end, text[i]);
  *end++ = '"';
  out.commit(end);
}

// UTF-8 from one of CPython's three fixed-width representations. False at a lone surrogate, with nothing written.
template <typename CodeUnit>
bool write_wide_string(ByteBuffer& out, const CodeUnit* text, size_t size) {
  char* end = out.reserve(size * 6 + kStringSlack);
  *end++ = '"';
  for (size_t i = 0; i < size; ++i) {
    const uint32_t c = text[i];
    if (c < 0x80) {
      end = write_ascii(end, static_cast<unsigned char>(c));
    } else if (c < 0x800) {
      *end++ = static_cast<char>(0xC0 | (c >> 6));
      *end++ = static_cast<char>(0x80 | (c & 0x3F));
    } else if (c < 0x10000) {
      if (c >= 0xD800 && c <= 0xDFFF) return false;
      *end++ = static_cast<char>(0xE0 | (c >> 12));
      *end++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      *end++ = static_cast<char>(0x80 | (c & 0x3F));
    } else {
      *end++ = static_cast<char>(0xF0 | (c >> 18));
      *end++ = static_cast<char>(0x80 | ((c >> 12) & 0x3F));
      *end++ = static_cast<char>(0x80 | ((c >> 6) & 0x3F));
      *end++ = static_cast<char>(0x80 | (c & 0x3F));
    }
  }
  *end++ = '"';
  out.commit(end);
  return true;
}

// text: a str or of a subclass.
bool write_string(ByteBuffer& out, PyObject* text) {
#if PY_VERSION_HEX < 0x030C0000
  if (PyUnicode_READY(text) < 0) return false;
#endif
  const auto size = static_cast<size_t>(PyUnicode_GET_LENGTH(text));
  if (PyUnicode_IS_ASCII(text)) {
    write_ascii_string(out, PyUnicode_1BYTE_DATA(text), size);
    return true;
  }
  bool written = false;
  switch (PyUnicode_KIND(text)) {
    case PyUnicode_1BYTE_KIND:
      written = write_wide_string(out, PyUnicode_1BYTE_DATA(text), size);
      break;
    case PyUnicode_2BYTE_KIND:
      written = write_wide_string(out, PyUnicode_2BYTE_DATA(text), size);
      break;
    default:
      written = write_wide_string(out, PyUnicode_4BYTE_DATA(text), size);
  }
  if (written) return true;
  // Let CPython word the error: it names the place.
  if (PyUnicode_AsUTF8(text) != nullptr) PyErr_SetString(PyExc_SystemError, "a surrogate that is none");
  return false;
}

// number: an int or of a subclass; never its __str__ or __repr__.
bool write_int(ByteBuffer& out, PyObject* number) {
  int overflow = 0;
  long long value = 0;
#if PY_VERSION_HEX >= 0x030C0000
  if (PyUnstable_Long_IsCompact(reinterpret_cast<PyLongObject*>(number))) {
    value = PyUnstable_Long_CompactValue(reinterpret_cast<PyLongObject*>(number));
  } else {
    value = PyLong_AsLongLongAndOverflow(number, &overflow);
  }
#else
  value = PyLong_AsLongLongAndOverflow(number, &overflow);
#endif
  if (overflow == 0) {
    char* end = out.reserve(24);
    out.commit(std::to_chars(end, end + 24, value).ptr);
    return true;
  }
  const Reference digits(PyLong_Type.tp_repr(number));
  if (!digits) return false;
  out.append({reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(digits.get())),
              static_cast<size_t>(PyUnicode_GET_LENGTH(digits.get()))});
  return true;
}

void write_float(ByteBuffer& out, double value) {
  if (!std::isfinite(value)) {
    out.append("null");
    return;
  }
  char* begin = out.reserve(40);
  char* end = std::to_chars(begin, begin + 32, value).ptr;
  // 1.0 stays a float for whoever reads it.
  if (std::all_of(begin, end, [](char c) { return c != '.' && c != 'e'; })) {
    *end++ = '.';
    *end++ = '0';
  }
  out.commit(end);
}

class Encoder {
 public:
  Encoder(ByteBuffer& out, size_t give_up_at) : out_(out), give_up_at_(give_up_at) {}

  // False with an exception set, or without one when the document outgrew give_up_at.
  bool write(PyObject* value, int depth);

 private:
  bool write_list(PyObject* list, int depth);
  bool write_tuple(PyObject* tuple, int depth);
  bool write_dict(PyObject* dict, int depth);
  bool write_items(PyObject* mapping, int depth);
  bool write_key(PyObject* key, int depth);
  bool write_other(PyObject* value, int depth);

  // Into a container: false when that is one too many, or the document too large already.
  bool enter(int depth) {
    if (depth >= kMaxJsonDepth) {
      PyErr_Format(PyExc_ValueError, "nested deeper than %d, or a container that contains itself", kMaxJsonDepth);
      return false;
    }
    return out_.size() < give_up_at_;
  }

  ByteBuffer& out_;
  const size_t give_up_at_;
};

bool Encoder::write(PyObject* value, int depth) {
  PyTypeObject* type = Py_TYPE(value);
  if (type == &PyUnicode_Type) return write_string(out_, value);
  if (type == &PyLong_Type) return write_int(out_, value);
  if (type == &PyDict_Type) return write_dict(value, depth);
  if (type == &PyList_Type) return write_list(value, depth);
  if (value == Py_None) {
    out_.append("null");
    return true;
  }
  if (value == Py_True) {
    out_.append("true");
    return true;
  }
  if (value == Py_False) {
    out_.append("false");
    return true;
  }
  if (type == &PyFloat_Type) {
    write_float(out_, PyFloat_AS_DOUBLE(value));
    return true;
  }
  if (type == &PyTuple_Type) return write_tuple(value, depth);
  return write_other(value, depth);
}

bool Encoder::write_list(PyObject* list, int depth) {
  if (!enter(depth)) return false;
  out_.append('[');
  // Python code that runs below may change the list: its size is asked each time, and the item is held.
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); ++i) {
    if (i > 0) out_.append(',');
    const Reference item(Py_NewRef(PyList_GET_ITEM(list, i)));
    if (!write(item.get(), depth + 1)) return false;
  }
  out_.append(']');
  return true;
}

bool Encoder::write_tuple(PyObject* tuple, int depth) {
  if (!enter(depth)) return false;
  out_.append('[');
  for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); ++i) {
    if (i > 0) out_.append(',');
    if (!write(PyTuple_GET_ITEM(tuple, i), depth + 1)) return false;
  }
  out_.append(']');
  return true;
}

bool Encoder::write_dict(PyObject* dict, int depth) {
  if (!enter(depth)) return false;
  out_.append('{');
  const char* separator = nullptr;
  Py_ssize_t position = 0;
  PyObject* key = nullptr;
  PyObject* value = nullptr;
  while (PyDict_Next(dict, &position, &key, &value)) {
    if (separator != nullptr) out_.append(',');
    separator = ",";
    // Held, as Python code that runs below may change the dict. PyDict_Next bounds the position by itself.
    const Reference held_key(Py_NewRef(key));
    const Reference held_value(Py_NewRef(value));
    if (PyUnicode_CheckExact(key) ? !write_string(out_, key) : !write_key(key, depth + 1)) return false;
    out_.append(':');
    if (!write(value, depth + 1)) return false;
  }
  out_.append('}');
  return true;
}

// A subclass of dict may order its items in its own way (OrderedDict does).
bool Encoder::write_items(PyObject* mapping, int depth) {
  if (!enter(depth)) return false;
  const Reference items(PyMapping_Items(mapping));
  if (!items) return false;
  out_.append('{');
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(items.get()); ++i) {
    PyObject* item = PyList_GET_ITEM(items.get(), i);
    if (!PyTuple_Check(item) || PyTuple_GET_SIZE(item) != 2) {
      PyErr_Format(PyExc_TypeError, "items() of %.200s must give pairs", Py_TYPE(mapping)->tp_name);
      return false;
    }
    if (i > 0) out_.append(',');
    if (!write_key(PyTuple_GET_ITEM(item, 0), depth + 1)) return false;
    out_.append(':');
    if (!write(PyTuple_GET_ITEM(item, 1), depth + 1)) return false;
  }
  out_.append('}');
  return true;
}

// New reference: what roost._json.plain() makes of an object that is none of JSON's types.
PyObject* plain(PyObject* value) {
  const Reference module(PyImport_ImportModule("roost._json"));
  if (!module) return nullptr;
  return PyObject_CallMethod(module.get(), "plain", "O", value);
}

bool Encoder::write_key(PyObject* key, int depth) {
  if (PyUnicode_Check(key)) return write_string(out_, key);
  if (key == Py_None || PyBool_Check(key)) {
    out_.append(key == Py_None ? "\"null\"" : key == Py_True ? "\"true\"" : "\"false\"");
    return true;
  }
  const bool number = PyLong_Check(key) || PyFloat_Check(key);
  if (number) {
    out_.append('"');
    if (PyFloat_Check(key)) {
      write_float(out_, PyFloat_AS_DOUBLE(key));
    } else if (!write_int(out_, key)) {
      return false;
    }
    out_.append('"');
    return true;
  }
  if (PyDict_Check(key) || PyTuple_Check(key) || PyBytes_Check(key) || depth >= kMaxJsonDepth) {
    PyErr_Format(PyExc_TypeError, "a key must be str, int, float, bool or None, not %.200s", Py_TYPE(key)->tp_name);
    return false;
  }
  const Reference other(plain(key));
  return other && write_key(other.get(), depth + 1);
}

bool Encoder::write_other(PyObject* value, int depth) {
  if (PyUnicode_Check(value)) return write_string(out_, value);
  if (PyLong_Check(value)) return write_int(out_, value);
  if (PyFloat_Check(value)) {
    write_float(out_, PyFloat_AS_DOUBLE(value));
    return true;
  }
  if (PyDict_Check(value)) return write_items(value, depth);
  if (PyList_Check(value)) return write_list(value, depth);
  if (PyTuple_Check(value)) return write_tuple(value, depth);
  if (depth >= kMaxJsonDepth) return enter(depth);
  const Reference other(plain(value));
  return other && write(other.get(), depth + 1);
}

struct Orjson {
  PyObject* dumps = nullptr;  // borrowed for ever; nullptr: not importable
  PyObject* option = nullptr;
  PyObject* default_ = nullptr;
};

// Looked for once, at the first large document. Whatever goes wrong with it, the native writer does without.
const Orjson& orjson() {
  static const Orjson found = [] {
    Orjson result;
    const Reference module(PyImport_ImportModule("orjson"));
    const Reference json(module ? PyImport_ImportModule("roost._json") : nullptr);
    if (module && json) {
      result.default_ = PyObject_GetAttrString(json.get(), "plain");
      result.option = PyObject_GetAttrString(json.get(), "ORJSON_OPTION");
      if (result.default_ != nullptr && result.option != nullptr) {
        result.dumps = PyObject_GetAttrString(module.get(), "dumps");
      }
    }
    PyErr_Clear();
    return result;
  }();
  return found;
}

// False without an exception: orjson is not there, or knows less than the native writer.
bool write_by_orjson(PyObject* value, ByteBuffer& out) {
  const Orjson& library = orjson();
  if (library.dumps == nullptr) return false;
  const Reference text(PyObject_CallFunctionObjArgs(library.dumps, value, library.default_, library.option, nullptr));
  if (!text || !PyBytes_Check(text.get())) {
    PyErr_Clear();
    return false;
  }
  out.append({PyBytes_AS_STRING(text.get()), static_cast<size_t>(PyBytes_GET_SIZE(text.get()))});
  return true;
}

bool encode(PyObject* value, ByteBuffer& out, size_t native_bytes) {
  const size_t begin = out.size();
  try {
    const size_t give_up_at = native_bytes > SIZE_MAX - begin ? SIZE_MAX : begin + native_bytes;
    if (Encoder(out, give_up_at).write(value, 0)) return true;
    if (!PyErr_Occurred()) {
      out.truncate(begin);
      if (write_by_orjson(value, out)) return true;
      if (Encoder(out, SIZE_MAX).write(value, 0)) return true;
    }
  } catch (const std::bad_alloc&) {
    PyErr_NoMemory();
  }
  out.truncate(begin);
  return false;
}

}  // namespace

bool encode_json(PyObject* value, ByteBuffer& out) {
  return encode(value, out, kOrjsonFrom);
}

bool encode_json_natively(PyObject* value, ByteBuffer& out) {
  return encode(value, out, SIZE_MAX);
}

}  // namespace roost::bridge
