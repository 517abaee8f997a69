// The bytes of a Python object, borrowed for a scope: of a str its UTF-8, of a buffer (bytes, bytearray, memoryview)
// what it holds. The object outlives it. Made and ended with the GIL held; the bytes stay without it.
#pragma once

#include "python.hpp"

namespace roost::bridge {

class BorrowedBytes {
 public:
  // Converts to false, with a Python error set, when `object` is neither, or a str with surrogates.
  explicit BorrowedBytes(PyObject* object) {
    if (PyUnicode_Check(object)) {
      view_ = utf8_of(object);
      valid_ = view_.data() != nullptr;
    } else if (PyObject_GetBuffer(object, &buffer_, PyBUF_SIMPLE) == 0) {
      view_ = {static_cast<const char*>(buffer_.buf), static_cast<size_t>(buffer_.len)};
      valid_ = true;
    }
  }
  ~BorrowedBytes() {
    if (buffer_.obj != nullptr) PyBuffer_Release(&buffer_);
  }
  BorrowedBytes(const BorrowedBytes&) = delete;
  BorrowedBytes& operator=(const BorrowedBytes&) = delete;

  explicit operator bool() const { return valid_; }
  std::string_view view() const { return view_; }

 private:
  Py_buffer buffer_{};  // obj is nullptr where there is none, after an error as well
  std::string_view view_;
  bool valid_ = false;
};

}  // namespace roost::bridge
