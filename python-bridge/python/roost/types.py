"""Annotations that say which part of a request a parameter stands for, whatever it is called.

from roost.types import JsonBody, PathParams

class Order(JsonBody):
    item: str
    count: int

@app.post("/orders/:shop")
def order(data: Order, params: PathParams): ...
"""

from __future__ import annotations

from typing import NewType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.forms import Files as _Files
    from roost.forms import FormData as _FormData

PathParams = NewType("PathParams", dict[str, str])
Method = NewType("Method", str)
FormData = NewType("FormData", "_FormData")
Files = NewType("Files", "_Files")
IPAddress = NewType("IPAddress", str)


class Body:
    """The body as it came; what a subclass declares documents it."""


class JsonBody:
    """The body read as JSON, or a 400; what a subclass declares documents it."""


class JSONResponse(dict[str, object]):
    """What a handler returns; what a subclass declares documents it."""


__all__ = ["Body", "Files", "FormData", "IPAddress", "JSONResponse", "JsonBody", "Method", "PathParams"]
