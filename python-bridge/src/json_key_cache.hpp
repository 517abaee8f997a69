// The names of objects in JSON repeat: the last str of each slot is kept, with its hash already computed. At most 512
// strings of at most kMaxKey bytes for the life of the process; guarded by the GIL.
#pragma once

#include <Python.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace roost::bridge {

class KeyCache {
 public:
  static constexpr size_t kMaxKey = 48;

  // New reference to a str of these ASCII bytes, or nullptr with the exception set.
  PyObject* find(const char* text, size_t size) {
    PyObject*& slot = slots_[hash(text, size) % slots_.size()];
    if (slot != nullptr && static_cast<size_t>(PyUnicode_GET_LENGTH(slot)) == size &&
        same(reinterpret_cast<const char*>(PyUnicode_1BYTE_DATA(slot)), text, size)) {
      return Py_NewRef(slot);
    }
    PyObject* key = PyUnicode_New(static_cast<Py_ssize_t>(size), 127);
    if (key == nullptr) return nullptr;
    std::memcpy(PyUnicode_1BYTE_DATA(key), text, size);
    Py_XSETREF(slot, Py_NewRef(key));
    return key;
  }

 private:
  // A call of memcmp costs as much as the comparison of a short name.
  static bool same(const char* a, const char* b, size_t size) {
    if (size < 8) {
      for (size_t i = 0; i < size; ++i) {
        if (a[i] != b[i]) return false;
      }
      return true;
    }
    uint64_t x = 0, y = 0;
    for (size_t i = 0; i + 8 <= size; i += 8) {
      std::memcpy(&x, a + i, 8);
      std::memcpy(&y, b + i, 8);
      if (x != y) return false;
    }
    std::memcpy(&x, a + size - 8, 8);
    std::memcpy(&y, b + size - 8, 8);
    return x == y;
  }
  static uint32_t hash(const char* text, size_t size) {
    uint64_t value = size;
    while (size >= 8) {
      uint64_t word = 0;
      std::memcpy(&word, text, 8);
      value = mix(value ^ word);
      text += 8;
      size -= 8;
    }
    uint64_t rest = 0;
    for (size_t i = 0; i < size; ++i) rest |= uint64_t{static_cast<unsigned char>(text[i])} << (8 * i);
    return static_cast<uint32_t>(mix(value ^ rest) >> 32);
  }
  static uint64_t mix(uint64_t value) {
    value *= 0x9E3779B97F4A7C15u;
    return value ^ (value >> 29);
  }

  std::array<PyObject*, 512> slots_{};
};

inline KeyCache& key_cache() {
  static KeyCache cache;
  return cache;
}

}  // namespace roost::bridge
