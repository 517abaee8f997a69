"""What is native in Robyn."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any, NamedTuple

from roost import Headers, QueryParams, Request, Response
from roost._native import Url
from roost.authentication import Identity

from robyn.ws import WebSocketConnector


class HttpMethod(Enum):
    """The methods that a route may have."""

    GET = "GET"
    POST = "POST"
    PUT = "PUT"
    DELETE = "DELETE"
    PATCH = "PATCH"
    OPTIONS = "OPTIONS"
    HEAD = "HEAD"
    TRACE = "TRACE"
    CONNECT = "CONNECT"


class MiddlewareType(Enum):
    """Whether middleware runs before or after the handler."""

    BEFORE_REQUEST = "BEFORE_REQUEST"
    AFTER_REQUEST = "AFTER_REQUEST"


class FunctionInfo(NamedTuple):
    """A handler, and what is known of it."""

    handler: Callable[..., Any]
    is_async: bool
    number_of_params: int
    args: dict[str, Any]
    kwargs: dict[str, Any]


def get_version() -> str:
    """The version of Robyn whose behaviour this is."""
    return "0.88.0"


def __getattr__(name: str) -> Any:
    if name in ("Cookie", "Cookies"):
        from roost import cookies

        return getattr(cookies, name)
    if name in ("Server", "SocketHeld", "WebSocketChannel"):
        raise AttributeError(f"robyn.robyn.{name} is Robyn's runtime: Roost has its own, which app.start() runs")
    raise AttributeError(f"module 'robyn.robyn' (Roost's) has no attribute {name!r}")


__all__ = [
    "FunctionInfo",
    "Headers",
    "HttpMethod",
    "Identity",
    "MiddlewareType",
    "QueryParams",
    "Request",
    "Response",
    "Url",
    "WebSocketConnector",
    "get_version",
]
