"""Middleware in process: its order and reach, what its handlers may do, global headers."""

from __future__ import annotations

import contextvars
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("roost")

from roost import App, Request, Response, StreamingResponse, SubRouter
from roost.testing import TestClient

from handler_kinds import both, handler_of


@both
def test_handlers_run_as_registered_around_those_of_routers(app: App, kind: str) -> None:
    seen: list[str] = []

    def note(word: str) -> Callable[[Any], None]:
        return lambda request: seen.append(word)

    users = SubRouter("/users")
    inner = SubRouter("/deep")
    users.include_router(inner)
    app.include_router(users)
    app.before_request()(note("app 1"))
    app.before_request("/users/*")(note("app 2"))
    app.before_request()(note("app 3"))
    app.before_request("/other")(note("never"))
    users.before_request()(note("users 1"))
    users.before_request("/deep/x")(note("users 2"))
    users.before_request("/users/deep/x")(note("users 3"))
    inner.before_request()(note("inner"))
    inner.after_request()(note("after inner"))
    users.after_request()(note("after users"))
    app.after_request("/users/*")(note("after app 1"))
    app.after_request()(note("after app 2"))
    inner.get("/x")(handler_of(kind, lambda request: seen.append("handler") or "x"))
    app.get("/y")(handler_of(kind, lambda request: "y"))
    client = TestClient(app)
    assert client.get("/users/deep/x").text == "x"
    assert seen == [
        *("app 1", "app 2", "app 3", "users 1", "users 2", "users 3", "inner", "handler"),
        *("after inner", "after users", "after app 1", "after app 2"),
    ]
    seen.clear()
    client.get("/y")
    assert seen == ["app 1", "app 3", "after app 2"]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE"])
def test_middleware_of_a_path_goes_with_every_method(app: App, method: str) -> None:
    app.before_request("/x")(lambda request: request.headers.set("x-seen", "yes"))
    app.add_route(method, "/x", lambda headers: Response(200, {"X-Seen": headers.get("x-seen")}, ""))
    assert TestClient(app).request(method, "/x").headers["x-seen"] == "yes"


def test_middleware_meets_requests_that_no_route_answers(app: App) -> None:
    users = SubRouter("/users")
    users.get("/")(lambda: "users")
    users.after_request()(lambda response: response.headers.set("x-users", "yes"))
    app.include_router(users)
    app.after_request()(lambda response: response.headers.set("x-app", "yes"))
    client = TestClient(app)
    missing = client.get("/users/7")
    assert (missing.status_code, missing.text) == (404, "Not Found\n")
    assert (missing.headers["x-users"], missing.headers["x-app"]) == ("yes", "yes")
    refused = client.delete("/users")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
    assert refused.headers["x-users"] == "yes"
    options = client.options("/users")
    assert (options.status_code, options.headers["allow"], options.headers["x-app"]) == (
        204,
        "GET, HEAD, OPTIONS",
        "yes",
    )
    other = client.get("/other")
    assert (other.status_code, other.headers.get("x-users"), other.headers["x-app"]) == (404, None, "yes")


@pytest.mark.parametrize(
    ("result", "status", "body"),
    [
        (Response(403, {}, "no"), 403, b"no"),
        ({"a": 1}, 200, b'{"a":1}'),
        (("no", {"X-A": "1"}, 401), 401, b"no"),
        ("text", 200, b"text"),
    ],
)
@both
def test_result_of_a_before_handler_is_the_response(
    app: App, kind: str, result: object, status: int, body: bytes
) -> None:
    app.before_request()(handler_of(kind, lambda request: result))
    app.before_request()(lambda request: pytest.fail("called"))
    app.get("/")(handler_of(kind, lambda request: pytest.fail("called")))
    app.after_request()(lambda response: response.headers.set("x-after", "yes"))
    answer = TestClient(app).get("/")
    assert (answer.status_code, answer.content, answer.headers["x-after"]) == (status, body, "yes")


def test_one_context_for_the_whole_request(app: App) -> None:
    name: contextvars.ContextVar[str] = contextvars.ContextVar("name")

    @app.before_request()
    async def before(request: Request) -> None:
        name.set("before")

    @app.get("/")
    def handler() -> str:
        seen = name.get()
        name.set("handler")
        return seen

    @app.after_request()
    async def after(response: Response) -> None:
        response.headers["x-name"] = name.get()

    answer = TestClient(app).get("/")
    assert (answer.text, answer.headers["x-name"]) == ("before", "handler")


def test_route_without_middleware_is_called_directly(app: App) -> None:
    def handler() -> str:
        return ""

    app.get("/")(handler)
    routes = {route.pattern: route for route in app.__roost_mount__().routes}
    assert routes["/"].call is handler
    assert not any(route.fallback for route in routes.values())


def test_final_slash_means_the_same(app: App) -> None:
    app.get("/")(lambda: "root")
    app.get("/a/")(lambda: "a")
    app.get("/b/:id")(lambda id: id)
    client = TestClient(app)
    assert [client.get(path).text for path in ("/", "/a", "/a/", "/b/7", "/b/7/")] == ["root", "a", "a", "7", "7"]
    assert client.get("/a//").status_code == 404
    assert client.post("/a/").headers["allow"] == "GET, HEAD, OPTIONS"


def test_global_headers(app: App) -> None:
    app.set_response_header("X-Set", "global")
    app.add_response_header("X-Add", "1")
    app.add_response_header("X-Add", "2")
    app.exclude_response_headers_for(["/raw/*", "/exact"])
    app.set_request_header("X-From", "server")
    app.get("/")(lambda headers: headers["x-from"])
    app.get("/own")(lambda: Response(200, {"X-Set": "own", "X-Add": "0"}, ""))
    app.get("/exact")(lambda: "")
    app.get("/:any/x")(lambda: "")
    client = TestClient(app)
    plain = client.get("/", headers={"X-From": "client"})
    assert (plain.text, plain.headers["x-set"]) == ("server", "global")
    assert plain.headers.get_list("x-add") == ["1", "2"]
    own = client.get("/own")
    assert (own.headers.get_list("x-set"), own.headers.get_list("x-add")) == (["own"], ["0", "1", "2"])
    assert client.get("/missing").headers["x-set"] == "global"
    for path, want in {"/exact": None, "/raw/x": None, "/other/x": "global"}.items():
        assert client.get(path).headers.get("x-set") == want, path


def test_headers_of_a_router_go_with_its_paths(app: App) -> None:
    app.set_response_header("X-Whose", "app's")
    app.set_response_header("X-App", "app's")
    sub, inner = SubRouter("/sub"), SubRouter("/inner")
    sub.include_router(inner)
    app.include_router(sub)
    sub.set_response_header("X-Whose", "sub's")
    sub.add_response_header("X-Add", "sub")
    sub.set_request_header("X-From", "sub")
    sub.exclude_response_headers_for(["/bare", "/inner/bare"])
    inner.set_response_header("X-Whose", "inner's")
    inner.add_response_header("X-Add", "inner")
    inner.add_request_header("X-From", "inner")
    for router in (app, sub, inner):
        router.get("/")(lambda headers: ",".join(headers.get_all("x-from")))
        router.get("/bare")(lambda: "")
    client = TestClient(app)
    seen = {}
    for path in ("/", "/sub", "/sub/inner", "/bare", "/sub/bare", "/sub/inner/bare", "/sub/none", "/none"):
        answer = client.get(path)
        headers = [answer.headers.get(name) for name in ("x-whose", "x-app", "x-add")]
        seen[path] = (answer.text if answer.status_code == 200 else "", *headers)
    assert seen == {
        "/": ("", "app's", "app's", None),
        "/sub": ("sub", "sub's", "app's", "sub"),
        "/sub/inner": ("sub,inner", "inner's", "app's", "inner, sub"),
        "/bare": ("", "app's", "app's", None),
        "/sub/bare": ("", "app's", "app's", None),
        "/sub/inner/bare": ("", "inner's", "app's", "inner"),
        "/sub/none": ("", "sub's", "app's", "sub"),
        "/none": ("", "app's", "app's", None),
    }


def test_middleware_is_registered_without_parentheses_too(app: App) -> None:
    @app.before_request
    def before(request: Request) -> None:
        request.headers["X-Before"] = "yes"

    @app.after_request
    def after(response: Response) -> None:
        response.headers["X-After"] = "yes"

    app.get("/")(lambda headers: headers["x-before"])
    answer = TestClient(app).get("/")
    assert (answer.text, answer.headers["x-after"]) == ("yes", "yes")
    assert before.__name__ == "before"


def test_decorators_that_need_an_argument_say_so(app: App) -> None:
    with pytest.raises(TypeError, match=r'a route needs a path: @app.get\("/path"\)'):
        app.get(lambda: "")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="a type of exceptions or a status"):
        app.exception_handler(lambda error: "")  # type: ignore[arg-type]


@both
def test_streamed_responses_meet_after_handlers_headers_and_sessions(app: App, kind: str) -> None:
    app.set_response_header("X-Global", "yes")
    app.configure_sessions("secret")

    @app.after_request()
    def after(response: Response) -> None:
        response.headers["X-After"] = "yes"
        response.status_code = 202

    def stream(request: Request) -> StreamingResponse:
        request.session["a"] = 1
        return StreamingResponse(iter(["one", " two"]))

    app.get("/")(handler_of(kind, stream))
    answer = TestClient(app).get("/")
    assert (answer.status_code, answer.text) == (202, "one two")
    assert (answer.headers["x-after"], answer.headers["x-global"]) == ("yes", "yes")
    assert "session" in answer.cookies


@pytest.mark.parametrize("kind", ["plain", "async handler", "async middleware"])
def test_middleware_runs_in_order_around_the_handler(app: App, kind: str) -> None:
    seen: list[str] = []

    if kind == "async middleware":

        @app.before_request()
        async def first_later(request: Request) -> None:
            seen.append("first")

    else:

        @app.before_request()
        def first(request: Request) -> None:
            seen.append("first")

    @app.before_request()
    def second(request: Request) -> Request:
        request.headers["x-by"] = "second"
        return request

    if kind == "async handler":

        @app.get("/")
        async def later(request: Request) -> str:
            seen.append("handler")
            return request.headers["x-by"]

    else:

        @app.get("/")
        def now(request: Request) -> str:
            seen.append("handler")
            return request.headers["x-by"]

    @app.after_request()
    def third(response: Response) -> None:
        response.headers["X-Third"] = "yes"

    @app.after_request()
    def fourth(request: Request, response: Response) -> Response:
        return Response(202, response.headers, f"{response.body}!")

    answer = TestClient(app).get("/")
    assert (answer.status_code, answer.text, answer.headers["x-third"]) == (202, "second!", "yes")
    assert seen == ["first", "handler"]


@pytest.mark.parametrize("asynchronous", [False, True])
def test_response_of_a_before_handler_ends_the_chain(app: App, asynchronous: bool) -> None:
    called: list[str] = []

    @app.before_request("/api/*")
    def authenticate(request: Request) -> Response | None:
        return None if request.headers.get("authorization") else Response(401, {}, "who?")

    @app.before_request()
    def next_one(request: Request) -> None:
        called.append("before")

    @app.after_request()
    def last(response: Response) -> None:
        called.append("after")

    async def later() -> str:
        return "ok"

    app.add_route("GET", "/api/x", later if asynchronous else lambda: "ok")
    app.add_route("GET", "/open", lambda: "open")
    client = TestClient(app)
    assert (client.get("/api/x").status_code, called) == (401, ["after"])
    assert client.get("/api/x", headers={"Authorization": "me"}).text == "ok"
    assert client.get("/open").text == "open"


@pytest.mark.parametrize(
    ("pattern", "route", "path", "want"),
    [
        (None, "/x", "/x", True),
        ("/api/*", "/api", "/api", True),
        ("/api/*", "/api/:a/b", "/api/x/b", True),
        ("/api/*", "/apis", "/apis", False),
        ("/api/*", "/:a/b", "/api/b", True),
        ("/api/*", "/:a/b", "/other/b", False),
        ("/api/*", "/*", "/api/b/c", True),
        ("/api/*", "/*rest", "/other", False),
        ("/a/:x", "/a/b", "/a/b", True),
        ("/a/:x", "/a/b/c", "/a/b/c", False),
        ("/a/b", "/a/:x", "/a/b", True),
        ("/a/b", "/a/:x", "/a/c", False),
        ("/a/b", "/a/*", "/a/b", True),
        ("/a", "/a/*", "/a", True),
        ("/a", "/a/*", "/a/b", False),
        ("/", "/", "/", True),
        ("/", "/a", "/a", False),
    ],
)
def test_middleware_goes_with_the_paths_of_its_pattern(
    app: App, pattern: str | None, route: str, path: str, want: bool
) -> None:
    @app.before_request(pattern)
    def mark(request: Request) -> Response:
        return Response(200, {}, "marked")

    app.add_route("GET", route, lambda: "plain")
    assert TestClient(app).get(path).text == ("marked" if want else "plain")


def test_plain_handler_behind_async_middleware_blocks_no_loop(app: App) -> None:
    release = threading.Event()

    @app.before_request()
    async def before(request: Request) -> None: ...

    @app.get("/hold")
    def hold() -> str:
        release.wait()
        return "held"

    @app.get("/free")
    async def free() -> str:
        release.set()
        return "free"

    with TestClient(app) as client:
        answers: list[str] = []
        thread = threading.Thread(target=lambda: answers.append(client.get("/hold").text))
        thread.start()
        assert client.get("/free").text == "free"
        thread.join()
        assert answers == ["held"]
