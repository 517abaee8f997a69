// What is imported from Python when it is first asked for, and kept for ever. GIL held.
//
//   static constinit Imported drive{"roost._streaming", "drive"};
//   PyObject* const function = drive.get();
//
// The import itself must never initialise a function's static: it lets the GIL go while C++ guards the initialisation,
// and the next thread waits for that guard with the GIL in its hands, for ever.
#pragma once

#include "python.hpp"

namespace roost::bridge {

class Imported {
 public:
  constexpr Imported(const char* module, const char* name) : module_(module), name_(name) {}
  Imported(const Imported&) = delete;
  Imported& operator=(const Imported&) = delete;

  // Borrowed; nullptr with a Python error, and looked for again the next time.
  PyObject* get() {
    if (object_ != nullptr) return object_;
    const Ref module = Ref::steal(PyImport_ImportModule(module_));
    Ref found = Ref::steal(module ? PyObject_GetAttrString(module.get(), name_) : nullptr);
    // Another thread may have been here meanwhile.
    if (object_ == nullptr) object_ = found.release();
    return object_;
  }

 private:
  const char* const module_;
  const char* const name_;
  PyObject* object_ = nullptr;
};

}  // namespace roost::bridge
