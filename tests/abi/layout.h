/* How the frozen layouts are said. */
#pragma once

#include <roost/abi.h>

#define SIZE_AT_LEAST(type, size) _Static_assert(sizeof(type) >= (size), #type " has shrunk")
#define OFFSET(type, field, offset) _Static_assert(offsetof(type, field) == (offset), #type "." #field " has moved")
