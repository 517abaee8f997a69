"""Exceptions that are responses, and how a response is found for those that are none."""

from __future__ import annotations

from roost._native import Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class HTTPException(Exception):
    """Raised anywhere below a route, it is the response: `{"detail": ...}` with this status.

    Args:
        status_code: 200 to 599.
        detail: what JSON can say; by default the status in words.
        headers: further headers of the response.
    """

    def __init__(self, status_code: int, detail: Any = None, headers: Mapping[str, str] | None = None) -> None:
        if detail is None:
            detail = phrase(status_code)
        super().__init__(status_code, detail)
        self.status_code = status_code
        self.detail = detail
        self.headers = dict(headers or {})

    def __roost_response__(self) -> Response:
        """The response: what the bridge answers where no middleware is in between."""
        return Response(self.status_code, {"Content-Type": "application/json", **self.headers}, {"detail": self.detail})

    def __str__(self) -> str:
        return f"{self.status_code}: {self.detail}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}(status_code={self.status_code}, detail={self.detail!r})"


class RequestError(HTTPException):
    """The request does not fit the handler's signature. The catch-all of `App.exception` does not get it."""


class WebSocketException(Exception):
    """Ends a WebSocket with this code and reason."""

    def __init__(self, code: int, reason: str | None = None) -> None:
        super().__init__(code, reason or "")
        self.code = code
        self.reason = reason or ""

    def __str__(self) -> str:
        return f"{self.code}: {self.reason}"


class Unmatched(HTTPException):
    """No route has this path (404), or takes this method (405): answered as the server itself does."""

    def __roost_response__(self) -> Response:
        headers = {"Content-Type": "text/plain; charset=utf-8", **self.headers}
        return Response(self.status_code, headers, f"{self.detail}\n")


def phrase(status_code: int) -> str:
    """The status in words."""
    from http import HTTPStatus

    try:
        return HTTPStatus(status_code).phrase
    except ValueError:
        return "Unknown"


def answer_of(error: BaseException) -> Response | None:
    """The response that an exception carries: its own, or the one it was given on its way through middleware."""
    carried = getattr(error, "__roost_response__", None)
    if carried is None:
        return None
    found = carried() if callable(carried) else carried
    return found if isinstance(found, Response) else None


class ErrorHandlers:
    """The exception handlers of one router: by type, by status, and the one for all (`App.exception`)."""

    def __init__(self) -> None:
        self._by_type: dict[type[BaseException], Callable[..., Any]] = {}
        self._by_status: dict[int, Callable[..., Any]] = {}

    def add(self, key: type[BaseException] | int, handler: Callable[..., Any]) -> None:
        """`handler` answers exceptions of that type, or an HTTPException of that status (500: all without an answer).

        Raises:
            TypeError: the key is neither.
        """
        if isinstance(key, int) and not isinstance(key, bool):
            self._by_status[key] = handler
        elif isinstance(key, type) and issubclass(key, BaseException):
            self._by_type[key] = handler
        else:
            raise TypeError(f"an exception handler is for a type of exception or a status, not {key!r}")

    def __bool__(self) -> bool:
        return bool(self._by_type or self._by_status)

    @property
    def answers_unmatched(self) -> bool:
        """Whether one is for paths that no route has, or for methods that they do not take."""
        return any(self.find(Unmatched(status)) for status in (404, 405))

    def handlers(self) -> list[Callable[..., Any]]:
        """All of them."""
        return [*self._by_type.values(), *self._by_status.values()]

    def find(self, error: BaseException) -> Callable[..., Any] | None:
        """The handler for this exception: of its status, else of the nearest of its types."""
        status = error.status_code if isinstance(error, HTTPException) else None
        if status in self._by_status:
            return self._by_status[status]
        for kind in type(error).__mro__:
            if kind in self._by_type and not (isinstance(error, RequestError | Unmatched) and kind is Exception):
                return self._by_type[kind]
        return self._by_status.get(500) if status is None else None
