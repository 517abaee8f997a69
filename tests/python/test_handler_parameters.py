"""What handlers take: the parameters that a signature may name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("roost")

from roost import App, Request
from roost.testing import TestClient


class Callables:
    def method(self, request: Request) -> str:
        return request.method

    async def later(self) -> str:
        return "GET"

    def __call__(self, request: Request) -> str:
        return request.method


def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return wrapper


async def plain_later(request: Request) -> str:
    return request.method


async def later_by_keyword(request: Request, *, greeting: str) -> str:
    assert greeting == "hello"
    return request.method


def by_name(path_params: dict[str, str], query_params: Any, method: str) -> str:
    assert path_params == {"name": "n"}
    assert query_params.get("q") == "1"
    return method


def of_path(name: str, request: Request) -> str:
    assert name == "n"
    return request.method


@pytest.mark.parametrize(
    "handler",
    [
        lambda: "GET",
        lambda r: r.method,
        lambda _: _.method,
        lambda *args: args[0].method,
        lambda limit=3: "GET" if limit == 3 else "wrong",
        lambda request=None: request.method,
        Callables().method,
        Callables().later,
        Callables(),
        functools.partial(lambda greeting, request: request.method, "hello"),
        decorated(lambda: "GET"),
        decorated(lambda request: request.method),
        decorated(plain_later),
        decorated(decorated(plain_later)),
        functools.partial(plain_later),
        functools.partial(later_by_keyword, greeting="hello"),
        functools.partial(decorated(plain_later)),
        by_name,
        of_path,
    ],
)
def test_handler_gets_what_its_signature_asks_for(app: App, handler: Callable[..., Any]) -> None:
    app.add_route("GET", "/:name", handler)
    assert TestClient(app).get("/n?q=1").text == "GET"


def wants_too_much(request: Request, database: object) -> None: ...


@pytest.mark.parametrize("handler", [functools.partial(wants_too_much, ""), 7])
def test_handler_that_wants_what_is_not_known_is_refused(app: App, handler: Any) -> None:
    def mount() -> None:
        app.add_route("GET", "/", handler)
        app.__roost_mount__()

    with pytest.raises(TypeError):
        mount()


def test_bad_signature_names_handler_file_and_line(app: App) -> None:
    app.add_route("GET", "/", wants_too_much)
    line = wants_too_much.__code__.co_firstlineno
    with pytest.raises(TypeError, match=rf"test_handler_parameters\.py:{line}: .*wants_too_much.*'database'"):
        app.__roost_mount__()


def test_second_handler_of_a_route_is_refused(app: App) -> None:
    app.get("/x")(lambda: "")
    app.post("/x")(lambda: "")
    with pytest.raises(ValueError, match="GET /x"):
        app.add_route("PUT GET", "/x", lambda: "")
