"""What the native JSON writer asks about objects that are none of JSON's types. Imported at the first such object."""

from __future__ import annotations

import datetime
import enum
import uuid

# orjson, where it is installed, gets what is below from plain() too: one text for each value, whichever writer it met.
# OPT_PASSTHROUGH_SUBCLASS | OPT_PASSTHROUGH_DATETIME | OPT_PASSTHROUGH_DATACLASS
ORJSON_OPTION = 256 | 512 | 2048


def plain(value: object) -> object:
    """A dataclass as a dict of its fields, an enum's member as its value, dates and times in ISO 8601, a UUID as text.

    Raises:
        TypeError: JSON has nothing for it.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return str(value)
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is not None:
        import dataclasses

        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}  # type: ignore[arg-type]
    raise TypeError(f"{type(value).__name__} is not JSON serializable")
