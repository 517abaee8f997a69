// Python objects from JSON (RFC 8259), read once from the bytes of a request. Under the GIL.
//
// Exact: integers of any size (up to the digits that sys.set_int_max_str_digits allows), floats to the last bit,
// strings strictly UTF-8. Of an object's equal names the last wins, as with the json module. Refused, in words of that
// module's JSONDecodeError (a ValueError) with the place: NaN and the infinities, floats too large for a double,
// control characters and lone surrogates in strings, nesting deeper than kMaxJsonDepth, anything behind the document.
#pragma once

#include <Python.h>

#include <string_view>

namespace roost::bridge {

// New reference, or nullptr with the exception set. text: UTF-8, a byte order mark is skipped; not kept.
PyObject* decode_json(std::string_view text);

}  // namespace roost::bridge
