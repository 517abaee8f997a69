"""What the native JSON writer asks about objects that are none of JSON's types. Imported at the first such object."""

from __future__ import annotations

import datetime
import decimal
import enum
import uuid

# orjson, where it is installed, gets what is below from plain() too: one text for each value, whichever writer it met.
# OPT_PASSTHROUGH_SUBCLASS | OPT_PASSTHROUGH_DATETIME | OPT_PASSTHROUGH_DATACLASS
ORJSON_OPTION = 256 | 512 | 2048


def plain(value: object) -> object:
    """What stands for `value` in JSON.

    A dataclass is a dict of its fields, a pydantic model what `model_dump(mode="json")` makes of it, an enum's member
    its value; dates and times are ISO 8601; a UUID is text, and so is a Decimal, every digit of it; numpy's scalars are
    the numbers that they hold, its arrays lists.

    Raises:
        TypeError: JSON has nothing for it.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID | decimal.Decimal):
        return str(value)
    kind = type(value)
    dump = getattr(value, "model_dump", None)
    if dump is not None and hasattr(kind, "__pydantic_serializer__"):
        return dump(mode="json")
    fields = getattr(kind, "__dataclass_fields__", None)
    if fields is not None:
        import dataclasses

        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}  # type: ignore[arg-type]
    if any(base.__module__ == "numpy" for base in kind.__mro__):
        return _numpy(value)
    raise TypeError(f"{kind.__name__} is not JSON serializable")


def _numpy(value: object) -> object:
    import numpy

    if isinstance(value, numpy.ndarray):
        # Dates and the like have no tolist() that keeps their unit.
        return value.tolist() if value.dtype.kind in "biufUO" and value.dtype.itemsize <= 8 else list(value)
    if isinstance(value, numpy.datetime64):
        return None if numpy.isnat(value) else str(value)
    if isinstance(value, numpy.bool_):
        return bool(value)
    if isinstance(value, numpy.integer):
        return int(value)
    if isinstance(value, numpy.floating):
        return float(value)
    raise TypeError(f"numpy.{type(value).__name__} is not JSON serializable")
