// JSON from Python objects, written straight into a growing buffer: what a handler returned is on its way to the client
// without a Python object in between.
//
// str (also of surrogate pairs; a lone surrogate is a UnicodeEncodeError), int of any size, float (shortest text that
// reads back the same; NaN and the infinities are null), bool, None, dict (keys str, int, float, bool or None), list,
// tuple, their subclasses; through roost._json.plain() also dataclasses, enums, dates, times and UUIDs. Anything else
// is a TypeError, nesting deeper than kMaxJsonDepth (or a container in itself) a ValueError.
//
// Documents that grow past some KiB are handed to orjson where it is importable: its text differs in nothing but the
// notation of floats' exponents, and what it does not know is written here after all.
//
// All of it under the GIL.
#pragma once

#include <Python.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>

namespace roost::bridge {

inline constexpr int kMaxJsonDepth = 1024;

// Bytes that grow. Throws std::bad_alloc.
class ByteBuffer {
 public:
  ByteBuffer() = default;
  ByteBuffer(const ByteBuffer&) = delete;
  ByteBuffer& operator=(const ByteBuffer&) = delete;
  ~ByteBuffer() { std::free(data_); }

  const char* data() const { return data_; }
  size_t size() const { return size_; }
  size_t capacity() const { return capacity_; }
  std::string_view view() const { return {data_, size_}; }

  // size: at most size().
  void truncate(size_t size) { size_ = size; }
  void clear() { size_ = 0; }

  // Room for `more` bytes behind size(), to be written there and made part of it with commit().
  char* reserve(size_t more) {
    if (capacity_ - size_ < more) [[unlikely]]
      grow(more);
    return data_ + size_;
  }
  void commit(const char* end) { size_ = static_cast<size_t>(end - data_); }

  void append(char c) {
    *reserve(1) = c;
    ++size_;
  }
  void append(std::string_view bytes) {
    if (bytes.empty()) return;
    std::memcpy(reserve(bytes.size()), bytes.data(), bytes.size());
    size_ += bytes.size();
  }

  // Takes the memory away: the caller frees it with free(). The buffer is empty afterwards.
  char* release() {
    char* data = data_;
    data_ = nullptr;
    size_ = capacity_ = 0;
    return data;
  }

 private:
  void grow(size_t more);

  char* data_ = nullptr;
  size_t size_ = 0;
  size_t capacity_ = 0;
};

// Appends `value` to `out`. False with a Python exception set: `out` is then as it was. Calls Python only for objects
// that are none of the plain types.
bool encode_json(PyObject* value, ByteBuffer& out);

// The same, never by way of orjson: for tests, and for comparing the two.
bool encode_json_natively(PyObject* value, ByteBuffer& out);

}  // namespace roost::bridge
