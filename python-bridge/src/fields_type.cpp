#include "fields_type.hpp"

#include <new>
#include <string>

namespace roost::bridge {

namespace {

// Header values were Latin-1 once (RFC 9110 section 5.5): bytes that are no UTF-8 stay one character each.
PyObject* text_object(const FieldList& list, std::string_view text) {
  if (!list.ignores_case()) return to_unicode(text);
  PyObject* decoded = PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
  if (decoded != nullptr || !PyErr_ExceptionMatches(PyExc_UnicodeDecodeError)) return decoded;
  PyErr_Clear();
  return PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr);
}

// str as it is, anything else by str(): numbers are common as header values.
bool add_pair(FieldList& list, PyObject* name, PyObject* value) {
  const std::string_view key = utf8_of(name);
  if (key.data() == nullptr) return false;
  if (PyList_Check(value) || PyTuple_Check(value)) {
    // A list may hold itself.
    if (Py_EnterRecursiveCall(" in the values of a header") != 0) return false;
    const Ref items = Ref::steal(PySequence_Tuple(value));
    bool added = static_cast<bool>(items);
    for (Py_ssize_t i = 0; added && i < PyTuple_GET_SIZE(items.get()); ++i) {
      added = add_pair(list, name, PyTuple_GET_ITEM(items.get(), i));
    }
    Py_LeaveRecursiveCall();
    return added;
  }
  const Ref text = PyUnicode_Check(value) ? Ref::borrow(value) : Ref::steal(PyObject_Str(value));
  if (!text) return false;
  const std::string_view content = utf8_of(text.get());
  if (content.data() == nullptr) return false;
  list.add(key, content);
  return true;
}

PyObject* fields_new(PyTypeObject* type, PyObject* args, PyObject* keywords) {
  static const char* const names[] = {"", nullptr};
  PyObject* source = nullptr;
  if (!PyArg_ParseTupleAndKeywords(args, keywords, "|O", const_cast<char**>(names), &source)) return nullptr;
  Ref made = Ref::steal(new_fields(type));
  if (!made || (source != nullptr && source != Py_None && !add_fields(fields_of(made.get()), source))) return nullptr;
  return made.release();
}

void fields_dealloc(PyObject* self) {
  PyTypeObject* type = Py_TYPE(self);
  reinterpret_cast<FieldsObject*>(self)->list.~FieldList();
  type->tp_free(self);
  Py_DECREF(type);
}

PyObject* fields_subscript(PyObject* self, PyObject* key) {
  const std::string_view name = utf8_of(key);
  if (name.data() == nullptr) return nullptr;
  const FieldList& list = fields_of(self);
  const auto found = list.last(name);
  if (found < 0) {
    if (missing_header_is_none && is_headers(self)) return Py_NewRef(Py_None);
    PyErr_SetObject(PyExc_KeyError, key);
    return nullptr;
  }
  return text_object(list, list.value(static_cast<size_t>(found)));
}

int fields_assign(PyObject* self, PyObject* key, PyObject* value) {
  const std::string_view name = utf8_of(key);
  if (name.data() == nullptr) return -1;
  FieldList& list = fields_of(self);
  if (value == nullptr) {
    if (list.remove(name) > 0) return 0;
    PyErr_SetObject(PyExc_KeyError, key);
    return -1;
  }
  if (PyList_Check(value) || PyTuple_Check(value)) {
    list.remove(name);
    return add_pair(list, key, value) ? 0 : -1;
  }
  const Ref text = PyUnicode_Check(value) ? Ref::borrow(value) : Ref::steal(PyObject_Str(value));
  if (!text) return -1;
  const std::string_view content = utf8_of(text.get());
  if (content.data() == nullptr) return -1;
  list.set(name, content);
  return 0;
}

Py_ssize_t fields_length(PyObject* self) {
  return static_cast<Py_ssize_t>(fields_of(self).size());
}

int fields_contains(PyObject* self, PyObject* key) {
  if (!PyUnicode_Check(key)) return 0;
  const std::string_view name = utf8_of(key);
  if (name.data() == nullptr) return -1;
  return fields_of(self).last(name) >= 0;
}

PyObject* fields_get(PyObject* self, PyObject* const* args, Py_ssize_t count, PyObject* keywords) {
  PyObject* fallback = Py_None;
  const Py_ssize_t named = keywords != nullptr ? PyTuple_GET_SIZE(keywords) : 0;
  if (count < 1 || count > 2 || named > 1 ||
      (named == 1 && (count == 2 || PyUnicode_CompareWithASCIIString(PyTuple_GET_ITEM(keywords, 0), "default") != 0))) {
    PyErr_SetString(PyExc_TypeError, "get(key, default=None)");
    return nullptr;
  }
  if (count + named == 2) fallback = args[1];
  const std::string_view name = utf8_of(args[0]);
  if (name.data() == nullptr) return nullptr;
  const FieldList& list = fields_of(self);
  const auto found = list.last(name);
  return found < 0 ? Py_NewRef(fallback) : text_object(list, list.value(static_cast<size_t>(found)));
}

PyObject* fields_get_first(PyObject* self, PyObject* key) {
  const std::string_view name = utf8_of(key);
  if (name.data() == nullptr) return nullptr;
  const FieldList& list = fields_of(self);
  for (size_t i = 0; i < list.size(); ++i) {
    if (list.matches(i, name)) return text_object(list, list.value(i));
  }
  Py_RETURN_NONE;
}

PyObject* fields_get_all(PyObject* self, PyObject* key) {
  const std::string_view name = utf8_of(key);
  if (name.data() == nullptr) return nullptr;
  const FieldList& list = fields_of(self);
  Ref all = Ref::steal(PyList_New(0));
  for (size_t i = 0; all && i < list.size(); ++i) {
    if (!list.matches(i, name)) continue;
    const Ref value = Ref::steal(text_object(list, list.value(i)));
    if (!value || PyList_Append(all.get(), value.get()) < 0) return nullptr;
  }
  return all.release();
}

PyObject* fields_set(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "set(key, value)");
    return nullptr;
  }
  if (fields_assign(self, args[0], args[1]) < 0) return nullptr;
  Py_RETURN_NONE;
}

PyObject* fields_append(PyObject* self, PyObject* const* args, Py_ssize_t count) {
  if (count != 2) {
    PyErr_SetString(PyExc_TypeError, "append(key, value)");
    return nullptr;
  }
  if (!add_pair(fields_of(self), args[0], args[1])) return nullptr;
  Py_RETURN_NONE;
}

PyObject* fields_remove(PyObject* self, PyObject* key) {
  const std::string_view name = utf8_of(key);
  if (name.data() == nullptr) return nullptr;
  fields_of(self).remove(name);
  Py_RETURN_NONE;
}

PyObject* fields_extend(PyObject* self, PyObject* source) {
  if (!add_fields(fields_of(self), source)) return nullptr;
  Py_RETURN_NONE;
}

PyObject* fields_contains_method(PyObject* self, PyObject* key) {
  const int found = fields_contains(self, key);
  return found < 0 ? nullptr : PyBool_FromLong(found);
}

PyObject* fields_empty(PyObject* self, PyObject*) {
  return PyBool_FromLong(fields_of(self).size() == 0);
}

enum class Part { names, values, pairs };

PyObject* fields_parts(PyObject* self, Part part) {
  const FieldList& list = fields_of(self);
  Ref parts = Ref::steal(PyList_New(0));
  for (size_t i = 0; parts && i < list.size(); ++i) {
    Ref item;
    if (part == Part::names) {
      bool seen = false;
      for (size_t j = 0; j < i && !seen; ++j) seen = list.matches(j, list.name(i));
      if (seen) continue;
      item = Ref::steal(text_object(list, list.name(i)));
    } else if (part == Part::values) {
      item = Ref::steal(text_object(list, list.value(i)));
    } else {
      Ref name = Ref::steal(text_object(list, list.name(i)));
      Ref value = Ref::steal(text_object(list, list.value(i)));
      if (name && value) item = Ref::steal(PyTuple_Pack(2, name.get(), value.get()));
    }
    if (!item || PyList_Append(parts.get(), item.get()) < 0) return nullptr;
  }
  return parts.release();
}

PyObject* fields_keys(PyObject* self, PyObject*) {
  return fields_parts(self, Part::names);
}
PyObject* fields_values(PyObject* self, PyObject*) {
  return fields_parts(self, Part::values);
}
PyObject* fields_items(PyObject* self, PyObject*) {
  return fields_parts(self, Part::pairs);
}

PyObject* fields_iter(PyObject* self) {
  const Ref keys = Ref::steal(fields_parts(self, Part::names));
  return keys ? PyObject_GetIter(keys.get()) : nullptr;
}

// {name: [value, ...]}; headers' names in lower case, as they are compared without it.
PyObject* fields_to_dict(PyObject* self, PyObject*) {
  const FieldList& list = fields_of(self);
  Ref all = Ref::steal(PyDict_New());
  for (size_t i = 0; all && i < list.size(); ++i) {
    std::string folded(list.name(i));
    if (list.ignores_case()) {
      for (char& c : folded) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    }
    const Ref name = Ref::steal(text_object(list, folded));
    const Ref value = Ref::steal(text_object(list, list.value(i)));
    if (!name || !value) return nullptr;
    PyObject* values = PyDict_GetItemWithError(all.get(), name.get());
    if (values == nullptr) {
      const Ref fresh = Ref::steal(PyList_New(0));
      if (!fresh || PyDict_SetItem(all.get(), name.get(), fresh.get()) < 0) return nullptr;
      values = fresh.get();
    }
    if (PyList_Append(values, value.get()) < 0) return nullptr;
  }
  return all.release();
}

// Of headers {name: value}, those of one name joined as RFC 9110 section 5.3 has it; of others as above.
PyObject* fields_flat_dict(PyObject* self, PyObject*) {
  Ref all = Ref::steal(fields_to_dict(self, nullptr));
  if (!all || !fields_of(self).ignores_case()) return all.release();
  const Ref comma = Ref::steal(PyUnicode_FromString(", "));
  const Ref names = Ref::steal(PyDict_Keys(all.get()));
  if (!comma || !names) return nullptr;
  for (Py_ssize_t i = 0; i < PyList_GET_SIZE(names.get()); ++i) {
    PyObject* name = PyList_GET_ITEM(names.get(), i);
    const Ref joined = Ref::steal(PyUnicode_Join(comma.get(), PyDict_GetItem(all.get(), name)));
    if (!joined || PyDict_SetItem(all.get(), name, joined.get()) < 0) return nullptr;
  }
  return all.release();
}

PyObject* fields_repr(PyObject* self) {
  const Ref items = Ref::steal(fields_parts(self, Part::pairs));
  return items ? PyUnicode_FromFormat("%s(%R)", fields_of(self).ignores_case() ? "Headers" : "QueryParams", items.get())
               : nullptr;
}

PyMethodDef fields_methods[] = {
    {"get", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(fields_get)), METH_FASTCALL | METH_KEYWORDS,
     "The last value of that name, else default."},
    {"get_first", fields_get_first, METH_O, "The first value of that name, else None."},
    {"get_all", fields_get_all, METH_O, "Every value of that name, in order."},
    {"set", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(fields_set)), METH_FASTCALL,
     "Replaces all values of that name by one."},
    {"append", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(fields_append)), METH_FASTCALL,
     "Adds a value beside those of the same name."},
    {"remove", fields_remove, METH_O, "Removes all values of that name."},
    {"extend", fields_extend, METH_O, "Adds all that a mapping or an iterable of pairs holds."},
    {"populate_from_dict", fields_extend, METH_O, "The same as extend()."},
    {"contains", fields_contains_method, METH_O, "Whether there is that name."},
    {"empty", fields_empty, METH_NOARGS, "Whether there is none at all."},
    {"is_empty", fields_empty, METH_NOARGS, "Whether there is none at all."},
    {"keys", fields_keys, METH_NOARGS, "Each name once."},
    {"values", fields_values, METH_NOARGS, "Every value, in order."},
    {"items", fields_items, METH_NOARGS, "Every name and value, in order."},
    {"multi_items", fields_items, METH_NOARGS, "The same as items()."},
    {"to_dict", fields_flat_dict, METH_NOARGS, "A dict; of headers to their values, joined, else to lists of values."},
    {"get_headers", fields_to_dict, METH_NOARGS, "A dict of names to lists of values."},
    {nullptr, nullptr, 0, nullptr}};

template <class Function>
void* slot(Function* function) {
  return reinterpret_cast<void*>(function);
}

PyType_Slot fields_slots[] = {{Py_tp_new, slot(fields_new)},
                              {Py_tp_dealloc, slot(fields_dealloc)},
                              {Py_tp_methods, fields_methods},
                              {Py_tp_iter, slot(fields_iter)},
                              {Py_tp_repr, slot(fields_repr)},
                              {Py_mp_subscript, slot(fields_subscript)},
                              {Py_mp_ass_subscript, slot(fields_assign)},
                              {Py_mp_length, slot(fields_length)},
                              {Py_sq_contains, slot(fields_contains)},
                              {0, nullptr}};
PyType_Spec headers_spec = {"roost._native.Headers", sizeof(FieldsObject), 0, Py_TPFLAGS_DEFAULT, fields_slots};
// Subclassed to declare for the documentation what a query holds.
PyType_Spec query_spec = {"roost._native.QueryParams", sizeof(FieldsObject), 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE, fields_slots};

}  // namespace

bool ready_fields_types(PyObject* module) {
  if (headers_type == nullptr) headers_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&headers_spec));
  if (query_params_type == nullptr) query_params_type = reinterpret_cast<PyTypeObject*>(PyType_FromSpec(&query_spec));
  if (headers_type == nullptr || query_params_type == nullptr) return false;
  return PyModule_AddObjectRef(module, "Headers", reinterpret_cast<PyObject*>(headers_type)) == 0 &&
         PyModule_AddObjectRef(module, "QueryParams", reinterpret_cast<PyObject*>(query_params_type)) == 0;
}

PyObject* new_fields(PyTypeObject* type) {
  PyObject* made = type->tp_alloc(type, 0);
  if (made != nullptr) new (&reinterpret_cast<FieldsObject*>(made)->list) FieldList(type == headers_type);
  return made;
}

bool add_fields(FieldList& list, PyObject* source) {
  if (is_headers(source) || Py_IS_TYPE(source, query_params_type)) {
    const FieldList copy = fields_of(source);
    for (size_t i = 0; i < copy.size(); ++i) list.add(copy.name(i), copy.value(i));
    return true;
  }
  if (PyDict_Check(source)) {
    Py_ssize_t at = 0;
    PyObject* name = nullptr;
    PyObject* value = nullptr;
    while (PyDict_Next(source, &at, &name, &value)) {
      // A value's __str__ may change the dict.
      const Ref held[] = {Ref::borrow(name), Ref::borrow(value)};
      if (!add_pair(list, name, value)) return false;
    }
    return true;
  }
  const Ref pairs = PyMapping_Check(source) && PyObject_HasAttrString(source, "items")
                        ? Ref::steal(PyMapping_Items(source))
                        : Ref::borrow(source);
  const Ref items = pairs ? Ref::steal(PySequence_Fast(pairs.get(), "expected a mapping or pairs of str")) : Ref();
  if (!items) return false;
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.get()); ++i) {
    const Ref pair = Ref::steal(PySequence_Tuple(PySequence_Fast_GET_ITEM(items.get(), i)));
    if (!pair) return false;
    if (PyTuple_GET_SIZE(pair.get()) != 2) {
      PyErr_SetString(PyExc_ValueError, "expected pairs of a name and a value");
      return false;
    }
    if (!add_pair(list, PyTuple_GET_ITEM(pair.get(), 0), PyTuple_GET_ITEM(pair.get(), 1))) return false;
  }
  return true;
}

}  // namespace roost::bridge
