// JSON from Python objects, written straight into a growing buffer: what a handler returned is on its way to the client
// without a Python object in between.
//
// str (also of surrogate pairs; a lone surrogate is a UnicodeEncodeError), int of any size, float (shortest text that
// reads back the same; NaN and the infinities are null), bool, None, dict (keys str, int, float, bool or None), list,
// tuple, their subclasses; through roost._json.plain() also what that names: dataclasses, enums, dates, decimals,
// numpy's and pydantic's objects. Anything else is a TypeError, nesting deeper than kMaxJsonDepth (or a container in
// itself) a ValueError.
//
// All of it under the GIL.
#pragma once

#include <Python.h>

#include "byte_buffer.hpp"

namespace roost::bridge {

inline constexpr int kMaxJsonDepth = 1024;

// Appends `value` to `out`. False with a Python exception set: `out` is then as it was. Calls Python only for objects
// that are none of the plain types. What looks large goes through encode_large_json() first.
bool encode_json(PyObject* value, ByteBuffer& out);

// The same text, never by way of orjson.
bool encode_json_natively(PyObject* value, ByteBuffer& out);

// New reference to the same text as bytes where `value` looks as if it became some KiB, and orjson is importable and
// knows all that is in it; else nullptr, without an exception.
PyObject* encode_large_json(PyObject* value);

}  // namespace roost::bridge
