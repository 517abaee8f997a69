"""Routes whose handler is called once, in process."""

from __future__ import annotations

import pytest

pytest.importorskip("roost")

from roost import App, Request, Response
from roost.testing import TestClient

from handler_kinds import both, handler_of


@both
def test_constant_handler_is_called_once_and_its_middleware_each_time(app: App, kind: str) -> None:
    calls: list[str] = []
    seen: list[str] = []

    def work(request: Request) -> Response:
        calls.append("called")
        return Response(201, {"X-Const": "yes"}, "constant")

    app.state.ready = False

    @app.startup_handler
    def start() -> None:
        app.state.ready = True

    app.before_request()(lambda request: seen.append(request.path))
    app.after_request()(lambda response: response.headers.append("x-after", str(len(seen))))
    app.get("/c", const=True)(handler_of(kind, work))
    with TestClient(app) as client:
        assert calls == ["called"]
        for i in range(1, 4):
            answer = client.get("/c")
            assert (answer.status_code, answer.text, answer.headers["x-const"]) == (201, "constant", "yes")
            assert answer.headers.get_list("x-after") == [str(i)]
    assert (calls, seen) == (["called"], ["/c"] * 3)


def test_constant_route_without_middleware_is_marked(app: App) -> None:
    app.get("/c", const=True)(lambda: "c")
    app.add_route("GET", "/d", lambda: "d", True)
    app.exception(lambda error: "")
    marked = {route.pattern: route.const for route in app.__roost_mount__().routes}
    assert (marked["/c"], marked["/d"]) == (True, True)


def test_const_handler_is_called_once_at_start(app: App) -> None:
    calls = []

    @app.get("/const", const=True)
    def const(request: Request) -> dict[str, str]:
        calls.append(1)
        return {"path": request.path}

    @app.get("/later", const=True)
    async def later() -> tuple[str, int]:
        calls.append(2)
        return "later", 201

    @app.after_request("/const")
    def mark(response: Response) -> None:
        response.headers.append("X-Marks", "1")

    with TestClient(app) as client:
        for _ in range(3):
            answer = client.get("/const")
            assert (answer.json(), answer.headers.get_list("x-marks")) == ({"path": "/const"}, ["1"])
            answer = client.get("/later")
            assert (answer.text, answer.status_code) == ("later", 201)
    assert sorted(calls) == [1, 2]
