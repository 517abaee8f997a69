"""What is raised when a request does not fit the handler's signature; each is its own response."""

from __future__ import annotations

from roost import _native
from roost._native import Response
from roost.exceptions import RequestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class ParameterError(RequestError):
    """A value of the path or the query is missing (`value` is None), or is not what the handler asks for: 400."""

    def __init__(self, name: str, value: str | None, expected: str, why: str = "") -> None:
        if value is None:
            detail = f"Missing required parameter: '{name}'"
        else:
            detail = f"Invalid value '{value}' for parameter '{name}': expected {expected}"
        super().__init__(400, f"{detail} ({why})" if why else detail)
        self.name = name
        self.value = value

    def __roost_response__(self) -> Response:
        """The message as text."""
        return Response(self.status_code, {"Content-Type": "text/plain; charset=utf-8"}, self.detail)


class JsonError(RequestError):
    """The body is no JSON: 400."""

    def __init__(self, why: object) -> None:
        super().__init__(400, f"Invalid JSON body: {why}")

    def __roost_response__(self) -> Response:
        """The message as `{"error": ...}`."""
        return Response(self.status_code, {"Content-Type": "application/json"}, {"error": self.detail})


class BodyError(RequestError):
    """The body is not what the handler asks for: 422 with a list of errors in pydantic's form.

    Args:
        errors: the list, or the JSON of it.
    """

    def __init__(self, errors: list[dict[str, Any]] | str) -> None:
        super().__init__(422, errors)

    def errors(self) -> list[dict[str, Any]]:
        """What is wrong, each with `type`, `loc`, `msg`, `input`."""
        if isinstance(self.detail, str):
            return _native.json_decode(self.detail.encode())  # type: ignore[no-any-return]
        return self.detail  # type: ignore[no-any-return]

    def __roost_response__(self) -> Response:
        """`{"detail": [...], "error": "Validation Error"}`."""
        listed = self.detail.encode() if isinstance(self.detail, str) else _native.json_encode(self.detail)
        body = b'{"detail":%b,"error":"Validation Error"}' % listed
        return Response(self.status_code, {"Content-Type": "application/json"}, body)
