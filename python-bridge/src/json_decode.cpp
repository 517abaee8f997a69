#include "json_decode.hpp"

#include <charconv>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "json_decimal.hpp"
#include "json_encode.hpp"
#include "json_key_cache.hpp"
#include "json_unescape.hpp"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace roost::bridge {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_ascii(const char* text, size_t size) {
  size_t i = 0;
#if defined(__SSE2__)
  for (; i + 16 <= size; i += 16) {
    if (_mm_movemask_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i))) != 0) return false;
  }
#endif
  for (; i < size; ++i) {
    if (static_cast<unsigned char>(text[i]) >= 0x80) return false;
  }
  return true;
}

class Decoder {
 public:
  explicit Decoder(std::string_view text) : begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}
  Decoder(const Decoder&) = delete;
  Decoder& operator=(const Decoder&) = delete;
  ~Decoder() {
    for (PyObject* value : values_) Py_DECREF(value);
  }

  PyObject* document() {
    if (end_ - at_ >= 3 && std::memcmp(at_, "\xEF\xBB\xBF", 3) == 0) at_ += 3;
    PyObject* value = read_value(0);
    if (value == nullptr) return nullptr;
    skip_space();
    if (at_ == end_) return value;
    Py_DECREF(value);
    return fail("Extra data", at_);
  }

 private:
  PyObject* read_value(int depth);
  PyObject* read_array(int depth);
  PyObject* read_object(int depth);
  PyObject* read_number();
  PyObject* read_string(bool key);
  PyObject* unescape(const char* text, const char* first_escape);
  PyObject* make_string(const char* text, size_t size, bool key, bool ascii);
  PyObject* read_word(std::string_view word, PyObject* value);

  void skip_space() {
    if (at_ != end_ && static_cast<unsigned char>(*at_) > ' ') return;
    while (at_ < end_ && (*at_ == ' ' || *at_ == '\n' || *at_ == '\r' || *at_ == '\t')) ++at_;
  }

  // Sets json.JSONDecodeError; always nullptr.
  PyObject* fail(const char* why, const char* where);

  const char* const begin_;
  const char* at_;
  const char* const end_;
  std::vector<PyObject*> values_;  // of the arrays that are open, owned
  std::string unescaped_;
};

PyObject* Decoder::fail(const char* why, const char* where) {
  if (PyErr_Occurred()) return nullptr;
  Py_ssize_t characters = 0;
  for (const char* p = begin_; p < where; ++p) characters += (static_cast<unsigned char>(*p) & 0xC0) != 0x80;
  PyObject* json = PyImport_ImportModule("json");
  PyObject* type = json != nullptr ? PyObject_GetAttrString(json, "JSONDecodeError") : nullptr;
  Py_XDECREF(json);
  PyObject* text = type != nullptr ? PyUnicode_DecodeUTF8(begin_, end_ - begin_, "replace") : nullptr;
  PyObject* error = text != nullptr ? PyObject_CallFunction(type, "sOn", why, text, characters) : nullptr;
  if (error != nullptr) PyErr_SetObject(type, error);
  Py_XDECREF(error);
  Py_XDECREF(text);
  Py_XDECREF(type);
  return nullptr;
}

PyObject* Decoder::read_value(int depth) {
  skip_space();
  if (at_ == end_) return fail("Expecting value", at_);
  switch (*at_) {
    case '{':
      return read_object(depth);
    case '[':
      return read_array(depth);
    case '"':
      ++at_;
      return read_string(false);
    case 't':
      return read_word("true", Py_True);
    case 'f':
      return read_word("false", Py_False);
    case 'n':
      return read_word("null", Py_None);
    default:
      return read_number();
  }
}

PyObject* Decoder::read_word(std::string_view word, PyObject* value) {
  if (static_cast<size_t>(end_ - at_) < word.size() || std::memcmp(at_, word.data(), word.size()) != 0) {
    return fail("Expecting value", at_);
  }
  at_ += word.size();
  return Py_NewRef(value);
}

PyObject* Decoder::read_array(int depth) {
  if (depth >= kMaxJsonDepth) return fail("Nested too deep", at_);
  ++at_;
  const size_t first = values_.size();
  skip_space();
  if (at_ < end_ && *at_ == ']') {
    ++at_;
    return PyList_New(0);
  }
  for (;;) {
    PyObject* value = read_value(depth + 1);
    if (value == nullptr) return nullptr;
    values_.push_back(value);
    skip_space();
    if (at_ == end_ || (*at_ != ',' && *at_ != ']')) return fail("Expecting ',' delimiter", at_);
    if (*at_++ == ']') break;
  }
  const size_t size = values_.size() - first;
  PyObject* list = PyList_New(static_cast<Py_ssize_t>(size));
  if (list == nullptr) return nullptr;
  for (size_t i = 0; i < size; ++i) PyList_SET_ITEM(list, static_cast<Py_ssize_t>(i), values_[first + i]);
  values_.resize(first);
  return list;
}

PyObject* Decoder::read_object(int depth) {
  if (depth >= kMaxJsonDepth) return fail("Nested too deep", at_);
  ++at_;
  PyObject* object = PyDict_New();
  if (object == nullptr) return nullptr;
  const auto give_up = [object](PyObject*) {
    Py_DECREF(object);
    return static_cast<PyObject*>(nullptr);
  };
  skip_space();
  if (at_ < end_ && *at_ == '}') {
    ++at_;
    return object;
  }
  for (;;) {
    skip_space();
    if (at_ == end_ || *at_ != '"') return give_up(fail("Expecting property name enclosed in double quotes", at_));
    ++at_;
    PyObject* key = read_string(true);
    if (key == nullptr) return give_up(nullptr);
    skip_space();
    if (at_ == end_ || *at_ != ':') {
      Py_DECREF(key);
      return give_up(fail("Expecting ':' delimiter", at_));
    }
    ++at_;
    PyObject* value = read_value(depth + 1);
    const int status = value != nullptr ? PyDict_SetItem(object, key, value) : -1;
    Py_DECREF(key);
    Py_XDECREF(value);
    if (status < 0) return give_up(nullptr);
    skip_space();
    if (at_ == end_ || (*at_ != ',' && *at_ != '}')) return give_up(fail("Expecting ',' delimiter", at_));
    if (*at_++ == '}') return object;
  }
}

PyObject* Decoder::read_number() {
  const char* const number = at_;
  const char* p = at_;
  const bool negative = *p == '-';
  if (negative) ++p;
  const char* const digits = p;
  while (p < end_ && is_digit(*p)) ++p;
  // One digit at least, and no zero before others (RFC 8259 section 6).
  if (p == digits || (*digits == '0' && p - digits > 1)) return fail("Expecting value", number);
  const char* const integer_end = p;
  double value = 0;
  if (const char* const end = read_decimal(number, end_, value); end != nullptr) {
    at_ = end;
    return PyFloat_FromDouble(value);
  }
  if (p < end_ && *p == '.') {
    const char* const fraction = ++p;
    while (p < end_ && is_digit(*p)) ++p;
    if (p == fraction) return fail("Expecting a digit behind the decimal point", p);
  }
  if (p < end_ && (*p == 'e' || *p == 'E')) {
    ++p;
    if (p < end_ && (*p == '+' || *p == '-')) ++p;
    const char* const exponent = p;
    while (p < end_ && is_digit(*p)) ++p;
    if (p == exponent) return fail("Expecting a digit in the exponent", p);
  }
  at_ = p;
  if (p == integer_end) {
    if (p - digits <= 18) {
      int64_t value = 0;
      for (const char* d = digits; d < p; ++d) value = value * 10 + (*d - '0');
      return PyLong_FromLongLong(negative ? -value : value);
    }
    const std::string text(number, p);
    PyObject* value = PyLong_FromString(text.c_str(), nullptr, 10);
    return value != nullptr ? value : fail("Expecting value", number);
  }
  if (std::from_chars(number, p, value).ec == std::errc()) return PyFloat_FromDouble(value);
  // Too large or too small for a double: -1 and an exception for the former, 0 or a denormal for the latter.
  const std::string text(number, p);
  value = PyOS_string_to_double(text.c_str(), nullptr, PyExc_OverflowError);
  if (value == -1.0 && PyErr_Occurred()) {
    PyErr_Clear();
    return fail("Number too large for a float", number);
  }
  return PyFloat_FromDouble(value);
}

PyObject* Decoder::make_string(const char* text, size_t size, bool key, bool ascii) {
  if (ascii) {
    if (size == 1) return PyUnicode_FromOrdinal(static_cast<unsigned char>(*text));  // one of CPython's own
    if (key && size <= KeyCache::kMaxKey && size > 0) return key_cache().find(text, size);
    PyObject* string = PyUnicode_New(static_cast<Py_ssize_t>(size), 127);
    if (string != nullptr && size > 0) std::memcpy(PyUnicode_1BYTE_DATA(string), text, size);
    return string;
  }
  PyObject* string = PyUnicode_DecodeUTF8(text, static_cast<Py_ssize_t>(size), nullptr);
  if (string == nullptr && PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) {
    PyErr_Clear();
    return fail("Invalid UTF-8 in the string that ends", at_ - 1);
  }
  return string;
}

// Behind the opening quote.
PyObject* Decoder::read_string(bool key) {
  const char* const text = at_;
  const char* p = at_;
  unsigned high = 0;  // whether bytes from 0x80 on were among them
#if defined(__SSE2__)
  const __m128i quote = _mm_set1_epi8('"');
  const __m128i backslash = _mm_set1_epi8('\\');
  const __m128i control = _mm_set1_epi8(0x1f);
  while (end_ - p >= 16) {
    const __m128i chunk = _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
    const __m128i special = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(chunk, quote), _mm_cmpeq_epi8(chunk, backslash)),
                                         _mm_cmpeq_epi8(_mm_min_epu8(chunk, control), chunk));
    const auto mask = static_cast<unsigned>(_mm_movemask_epi8(special));
    const auto beyond = static_cast<unsigned>(_mm_movemask_epi8(chunk));
    if (mask != 0) {
      high |= beyond & (mask ^ (mask - 1));
      p += __builtin_ctz(mask);
      break;
    }
    high |= beyond;
    p += 16;
  }
#endif
  for (; p < end_ && *p != '"' && *p != '\\' && static_cast<unsigned char>(*p) >= 0x20; ++p)
    high |= static_cast<unsigned char>(*p) & 0x80u;
  if (p == end_) return fail("Unterminated string starting at", text - 1);
  if (*p == '\\') return unescape(text, p);
  if (*p != '"') return fail("Invalid control character at", p);
  at_ = p + 1;
  return make_string(text, static_cast<size_t>(p - text), key, high == 0);
}

// A string that holds escapes: text is its beginning, everything before first_escape is as it is.
PyObject* Decoder::unescape(const char* text, const char* first_escape) {
  unescaped_.assign(text, first_escape);
  at_ = first_escape;
  if (const char* why = unescape_json(at_, end_, unescaped_)) return fail(why, at_ == end_ ? text - 1 : at_);
  return make_string(unescaped_.data(), unescaped_.size(), false, is_ascii(unescaped_.data(), unescaped_.size()));
}

}  // namespace

PyObject* decode_json(std::string_view text) {
  try {
    return Decoder(text).document();
  } catch (const std::bad_alloc&) {
    return PyErr_NoMemory();
  }
}

}  // namespace roost::bridge
