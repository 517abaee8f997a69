"""Exceptions and what answers them, in process."""

from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("roost")

from roost import App, HTTPException, Request, Response, SubRouter
from roost._native import request_for_test
from roost.exceptions import RequestError
from roost.testing import TestClient

from handler_kinds import both, handler_of


def raising(error: Exception) -> Callable[..., Any]:
    def work(request: Request) -> None:
        raise error

    return work


@both
@pytest.mark.parametrize("where", ["handler", "before", "after"])
def test_http_exception_is_the_response(app: App, kind: str, where: str) -> None:
    error = HTTPException(409, {"reason": "taken"}, {"X-A": "1"})
    if where == "before":
        app.before_request()(handler_of(kind, raising(error)))
    if where == "after":

        @app.after_request()
        async def fail(response: Response) -> None:
            raise error

    app.get("/")(handler_of(kind, raising(error) if where == "handler" else lambda request: "x"))
    answer = TestClient(app).get("/")
    assert (answer.status_code, answer.json(), answer.headers["x-a"]) == (409, {"detail": {"reason": "taken"}}, "1")


def test_http_exception_says_its_status_in_words() -> None:
    error = HTTPException(404)
    assert (str(error), repr(error)) == ("404: Not Found", "HTTPException(status_code=404, detail='Not Found')")
    assert HTTPException(599).detail == "Unknown"


@both
def test_nearest_exception_handler_answers(app: App, kind: str) -> None:
    @app.exception
    def everything(error: Exception) -> tuple[str, int]:
        return f"all {type(error).__name__}", 500

    @app.exception_handler(LookupError)
    def lookups(request: Request, error: LookupError) -> tuple[str, int]:
        return f"{request.path} {type(error).__name__}", 404

    @app.exception_handler(418)
    async def teapots(error: HTTPException) -> tuple[str, int]:
        return f"teapot {error.detail}", 418

    sub = SubRouter("/sub")
    app.include_router(sub)

    @sub.exception_handler(KeyError)
    def keys(error: KeyError) -> tuple[str, int]:
        return "sub", 400

    app.after_request()(lambda response: response.headers.set("x-after", "yes"))
    cases: dict[str, tuple[Exception, str, int]] = {
        "/key": (KeyError(), "/key KeyError", 404),
        "/sub/key": (KeyError(), "sub", 400),
        "/sub/index": (IndexError(), "/sub/index IndexError", 404),
        "/value": (ValueError(), "all ValueError", 500),
        "/teapot": (HTTPException(418, "short"), "teapot short", 418),
        "/http": (HTTPException(403), "all HTTPException", 500),
        "/misfit": (RequestError(400, "n"), '{"detail":"n"}', 400),
    }
    for path, (error, _, _) in cases.items():
        app.get(path)(handler_of(kind, raising(error))) if not path.startswith("/sub") else sub.get(path[4:])(
            handler_of(kind, raising(error))
        )
    client = TestClient(app)
    for path, (_, text, status) in cases.items():
        answer = client.get(path)
        assert (answer.text, answer.status_code, answer.headers["x-after"]) == (text, status, "yes"), path


@both
def test_after_handlers_see_the_500_of_an_exception_that_nobody_answers(app: App, kind: str) -> None:
    seen: list[int] = []
    error = ValueError("as it should be")
    app.after_request()(lambda response: seen.append(response.status_code))
    app.get("/")(handler_of(kind, raising(error)))
    with pytest.raises(ValueError, match="as it should be") as caught:
        TestClient(app).get("/")
    assert (caught.value, seen) == (error, [500])


def test_asynchronous_exception_handler_leaves_plain_routes_plain(app: App) -> None:
    @app.exception_handler(LookupError)
    async def missing(error: LookupError) -> tuple[str, int]:
        await asyncio.sleep(0)
        return "missing", 404

    seen: list[int] = []

    @app.after_request()
    def fail_once(request: Request, response: Response) -> None:
        if request.path == "/after" and not seen:
            seen.append(response.status_code)
            raise LookupError

    app.after_request()(lambda response: response.headers.set("x-after", "yes"))
    app.get("/")(lambda: "fine")
    app.get("/after")(lambda: "fine")
    app.get("/raise")(raising(LookupError()))
    app.get("/value")(raising(ValueError()))
    assert not any(route.asynchronous for route in app.__roost_mount__().routes)
    client = TestClient(app, raise_exceptions=False)
    for path, status, text in (
        ("/", 200, "fine"),
        ("/raise", 404, "missing"),
        ("/after", 404, "missing"),
        ("/value", 500, "Internal Server Error\n"),
    ):
        answer = client.get(path)
        assert (answer.status_code, answer.text, answer.headers["x-after"]) == (status, text, "yes"), path
    assert seen == [200]


@both
@pytest.mark.parametrize("also", ["after", "handler that raises", "before"])
def test_exception_is_freed_when_it_has_been_answered(app: App, kind: str, also: str) -> None:
    class Raised(Exception):
        pass

    kept: list[weakref.ref[Raised]] = []

    def fail(*_: Any) -> None:
        error = Raised()
        kept.append(weakref.ref(error))
        try:
            raise error
        finally:
            del error

    app.get("/")(handler_of(kind, fail))
    if also == "after":
        app.after_request()(lambda response: None)
    elif also == "before":
        app.before_request()(lambda request: None)
    else:
        app.exception(fail)
    route = app.__roost_mount__().routes[0]
    request = request_for_test("GET", "/")

    def call() -> None:
        try:
            result = route.call(request)
            while True:  # asyncio.run() keeps exceptions for a while
                result.send(None)
        except Raised:
            pass
        else:
            pytest.fail("it did not reach the bridge")

    call()
    gc.collect()
    kept.clear()
    gc.disable()
    try:
        call()
        assert [reference() for reference in kept] == [None] * (2 if also.startswith("handler") else 1)
    finally:
        gc.enable()


def test_own_404_and_405(app: App) -> None:
    @app.exception_handler(404)
    def missing(request: Request, error: HTTPException) -> tuple[dict[str, str], int]:
        return {"missing": request.path}, 404

    @app.exception_handler(405)
    def refused(error: HTTPException) -> Response:
        return Response(405, error.headers, "not so")

    users = SubRouter("/users")
    app.include_router(users)

    @users.exception_handler(404)
    async def no_user(error: HTTPException) -> tuple[str, int]:
        return "no such user", 404

    app.get("/x")(lambda: "x")
    app.get("/raise")(raising(HTTPException(404, "gone")))
    client = TestClient(app)
    assert client.get("/none/at/all").json() == {"missing": "/none/at/all"}
    assert client.get("/raise").json() == {"missing": "/raise"}
    assert client.get("/users/7").text == "no such user"
    answer = client.post("/x")
    assert (answer.status_code, answer.text, answer.headers["allow"]) == (405, "not so", "GET, HEAD, OPTIONS")
    assert client.get("/x").text == "x"


def test_exception_handler_is_for_types_and_statuses(app: App) -> None:
    with pytest.raises(TypeError):
        app.exception_handler("404")(lambda error: "")  # type: ignore[arg-type]


def test_exception_handler_answers(app: App) -> None:
    @app.exception
    def failed(error: Exception) -> tuple[dict[str, str], int]:
        return {"error": str(error)}, 418

    @app.get("/now")
    def now() -> None:
        raise LookupError("gone")

    @app.get("/later")
    async def later() -> None:
        raise LookupError("gone")

    client = TestClient(app)
    for path in ("/now", "/later"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()) == (418, {"error": "gone"})


def test_handlers_exception_reaches_the_test_or_becomes_500(app: App) -> None:
    @app.get("/")
    def handler() -> None:
        raise LookupError("gone")

    with pytest.raises(LookupError):
        TestClient(app).get("/")
    assert TestClient(app, raise_exceptions=False).get("/").status_code == 500
