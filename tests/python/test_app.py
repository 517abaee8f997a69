"""Applications called in process: routes, results, middleware, hooks, and the test client's own rules."""

from __future__ import annotations

import asyncio
import functools
import threading
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("roost")

from roost import ALLOW_CORS, App, Headers, Request, Response, SubRouter, WebSocket
from roost.testing import TestClient


@pytest.fixture
def app() -> App:
    return App(__file__)


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete", "head", "options"])
def test_each_decorator_registers_its_method(app: App, method: str) -> None:
    @getattr(app, method)("/x")
    def handler(request: Request) -> Response:
        return Response(200, {"X-Method": request.method}, "")

    assert getattr(TestClient(app), method)("/x").headers["x-method"] == method.upper()


@pytest.mark.parametrize(
    ("result", "status", "content_type", "body"),
    [
        ({"a": 1}, 200, "application/json", b'{"a":1}'),
        ([1, "é"], 200, "application/json", '[1,"é"]'.encode()),
        ("text", 200, "text/plain; charset=utf-8", b"text"),
        (b"\x00\xff", 200, "application/octet-stream", b"\x00\xff"),
        (Response(201, {"Content-Type": "text/html"}, "<p>"), 201, "text/html", b"<p>"),
        (({"a": 1}, {"X-A": "1"}, 404), 404, "application/json", b'{"a":1}'),
        (("x", 202), 202, "text/plain; charset=utf-8", b"x"),
        ((403, "x"), 403, "text/plain; charset=utf-8", b"x"),
    ],
    ids=repr,
)
@pytest.mark.parametrize("asynchronous", [False, True])
def test_result_becomes_a_response(
    app: App, asynchronous: bool, result: object, status: int, content_type: str, body: bytes
) -> None:
    if asynchronous:

        @app.get("/")
        async def later() -> object:
            await asyncio.sleep(0)
            return result

    else:

        @app.get("/")
        def now() -> object:
            return result

    answer = TestClient(app).get("/")
    assert (answer.status_code, answer.content) == (status, body)
    assert answer.headers.get("content-type", content_type) == content_type


def test_request_has_what_was_sent(app: App) -> None:
    @app.post("/users/:user_id/*rest")
    def handler(request: Request) -> dict[str, Any]:
        return {
            "params": dict(request.path_params),
            "query": [request.query_params.get("a"), request.query_params.get_all("b")],
            "header": request.headers.get("X-TOKEN"),
            "json": request.json(),
            "ip": request.ip_addr,
            "path": request.url.path,
        }

    answer = TestClient(app, client="10.0.0.9").post(
        "/users/a%2Fb/c/d", json={"x": [1]}, params={"a": "1 2", "b": ["3", "4"]}, headers={"x-Token": "t"}
    )
    got = answer.json()
    assert got["params"] == {"user_id": "a/b", "rest": "c/d"}
    assert got["query"] == ["1 2", ["3", "4"]]
    assert (got["header"], got["json"], got["ip"]) == ("t", {"x": [1]}, "10.0.0.9")


def test_form_is_sent_as_a_form(app: App) -> None:
    @app.post("/")
    def handler(request: Request) -> list[Any]:
        return [request.headers.get("content-type"), request.body]

    assert TestClient(app).post("/", data={"a": "1 2"}).json() == ["application/x-www-form-urlencoded", "a=1+2"]


def test_literal_beats_name_beats_remainder(app: App) -> None:
    for pattern in ("/*", "/a/*", "/a/:x", "/a/b", "/:x/b", "/a/:x/c"):
        app.add_route("GET", pattern, functools.partial(lambda p: p, pattern))
    client = TestClient(app)
    table = {"/a/b": "/a/b", "/a/c": "/a/:x", "/a/b/c": "/a/:x/c", "/a/b/d": "/a/*", "/z/b": "/:x/b", "/": "/*"}
    for path, want in {**table, "/a": "/a/*", "/z": "/*", "/a/./b": "/a/b", "/z/../a/b": "/a/b"}.items():
        assert client.get(path).text == want, path


def test_pattern_that_accepts_the_method_wins(app: App) -> None:
    app.add_route("GET", "/a/b", lambda: "literal")
    app.add_route("POST", "/a/:x", lambda: "named")
    client = TestClient(app)
    assert client.post("/a/b").text == "named"
    refused = client.put("/a/b")
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert client.options("/a/b").status_code == 204
    assert client.get("/b").status_code == 404
    assert client.get("/%ff").status_code == 400


def test_head_follows_get_without_a_body(app: App) -> None:
    app.add_route("GET", "/", lambda: "four")
    answer = TestClient(app).head("/")
    assert (answer.status_code, answer.content, answer.headers["content-length"]) == (200, b"", "4")


@pytest.mark.parametrize("path", ["/a/*/b", "/:", "/:a/:a"])
def test_malformed_path_is_refused(app: App, path: str) -> None:
    with pytest.raises(ValueError):
        app.get(path)(lambda: "")


def test_unknown_method_is_refused(app: App) -> None:
    with pytest.raises(ValueError, match="FETCH"):
        app.add_route("FETCH", "/", lambda: "")


# What handlers take --------------------------------------------------------------------------------------------


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
    with pytest.raises(TypeError, match=rf"test_app\.py:{line}: .*wants_too_much.*'database'"):
        app.__roost_mount__()


def test_second_handler_of_a_route_is_refused(app: App) -> None:
    app.get("/x")(lambda: "")
    app.post("/x")(lambda: "")
    with pytest.raises(ValueError, match="GET /x"):
        app.add_route("PUT GET", "/x", lambda: "")


def test_routers_nest_below_their_prefixes(app: App) -> None:
    outer, inner = SubRouter(__file__, prefix="/outer"), SubRouter("/inner/")
    app.include_router(outer)
    outer.include_router(inner)
    for router in (outer, inner):
        router.get("/")(lambda path_params: "root")
        router.get("/:name")(lambda name: name)
    assert [route.pattern for route in app.all_routes()] == [
        "/outer",
        "/outer/:name",
        "/outer/inner",
        "/outer/inner/:name",
    ]
    client = TestClient(app)
    assert [client.get(path).text for path in ("/outer", "/outer/x", "/outer/inner", "/outer/inner/y")] == [
        "root",
        "x",
        "root",
        "y",
    ]
    with pytest.raises(ValueError, match="itself"):
        inner.include_router(outer)


# Middleware ------------------------------------------------------------------------------------------------------


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


# CORS --------------------------------------------------------------------------------------------------------------


def _cors_client(origins: Any) -> TestClient:
    app = App(__file__)

    @app.before_request()
    def authenticate(request: Request) -> Response | None:
        return None if request.headers.get("authorization") else Response(401, {}, "who?")

    app.add_route("GET POST", "/x", lambda: "x")
    ALLOW_CORS(app, origins)
    client = TestClient(app)
    client.headers["Authorization"] = "me"
    return client


def test_cors_names_an_allowed_origin() -> None:
    client = _cors_client(["https://a.example", "https://b.example"])
    answer = client.get("/x", headers={"Origin": "https://b.example"})
    assert answer.headers["access-control-allow-origin"] == "https://b.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in client.get("/x").headers


def test_cors_refuses_other_origins_but_its_own() -> None:
    client = _cors_client("https://a.example")
    refused = client.post("/x", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    assert client.post("/x", headers={"Origin": "http://testserver"}).status_code == 200


def test_cors_star_allows_all_without_credentials() -> None:
    answer = _cors_client("*").get("/x", headers={"Origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_cors_answers_preflight_before_other_middleware_and_marks_refusals() -> None:
    client = _cors_client(["https://a.example"])
    client.headers.clear()
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/x", headers=ask)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    refused = client.get("/x", headers={"Origin": "https://a.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://a.example")
    missing = client.get("/missing", headers={**ask, "Authorization": "me"})
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, "https://a.example")
    wrong = client.patch("/x", headers={"Origin": "https://a.example", "Authorization": "me"})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert wrong.headers["access-control-allow-origin"] == "https://a.example"


def test_cors_any_header_is_named_back_as_credentials_may_come() -> None:
    app = App(__file__)
    app.add_route("GET", "/x", lambda: "x")
    ALLOW_CORS(app, ["https://a.example"], headers=["*"])
    ask = {
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-own, x-other",
    }
    answer = TestClient(app).options("/x", headers=ask)
    assert answer.headers["access-control-allow-headers"] == "x-own, x-other"
    assert answer.headers["vary"] == "Origin, Access-Control-Request-Headers"


def test_cors_marks_the_500_of_a_handler_that_raised() -> None:
    app = App(__file__)
    ALLOW_CORS(app, ["https://a.example"])

    @app.get("/x")
    def failing() -> None:
        raise LookupError

    answer = TestClient(app, raise_exceptions=False).get("/x", headers={"Origin": "https://a.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (500, "https://a.example")


# Hooks -------------------------------------------------------------------------------------------------------------


def test_hooks_run_once_on_the_loop_of_the_handlers(app: App) -> None:
    seen: list[str] = []

    @app.startup_handler
    async def start() -> None:
        app.state.loop = asyncio.get_running_loop()
        seen.append("start")

    @app.startup_handler
    def start_too() -> None:
        seen.append("start too")

    @app.shutdown_handler
    async def stop() -> None:
        assert asyncio.get_running_loop() is app.state.loop
        seen.append("stop")

    @app.get("/")
    async def handler() -> dict[str, bool]:
        return {"same": asyncio.get_running_loop() is app.state.loop}

    with TestClient(app) as client:
        assert seen == ["start", "start too"]
        assert client.get("/").json() == client.get("/").json() == {"same": True}
    assert seen == ["start", "start too", "stop"]

    lazily = TestClient(app)
    assert len(seen) == 3
    assert lazily.get("/").json() == {"same": True}
    lazily.close()
    assert seen[3:] == ["start", "start too", "stop"]


def test_startup_handler_that_raises_reaches_the_test(app: App) -> None:
    @app.startup_handler
    async def start() -> None:
        raise LookupError("no database")

    with pytest.raises(LookupError):
        TestClient(app).get("/")


def test_hook_with_parameters_is_refused(app: App) -> None:
    with pytest.raises(TypeError):
        app.startup_handler(lambda request: None)


# WebSockets, configuration, mounting ------------------------------------------------------------------------------


def test_websocket_handlers_may_take_less(app: App) -> None:
    socket = WebSocket(app, "/ws")
    socket.on("message")(lambda: "nothing")

    @socket.on("connect")
    async def connected() -> str:
        return "hello"

    mounted = app.__roost_mount__().websockets[0][1]
    assert mounted.on_message is not None
    assert mounted.on_message("ws", "text") == "nothing"
    assert mounted.on_connect is not None
    assert asyncio.run(mounted.on_connect("ws")) == "hello"
    assert mounted.on_close is None


def test_websocket_refuses_unknown_and_second_handlers(app: App) -> None:
    socket = WebSocket(app, "/ws")
    with pytest.raises(ValueError, match="open"):
        socket.on("open")
    socket.on("close")(lambda ws: None)
    with pytest.raises(ValueError, match="close"):
        socket.on("close")
    with pytest.raises(TypeError):
        socket.on("connect")(lambda ws, message: None)


def test_websocket_outside_of_a_server_has_no_connections(app: App) -> None:
    socket = WebSocket(app, "/ws")
    socket.broadcast("text")
    socket.send_to("id", "text")
    assert socket.active_connections == []


def test_two_applications_of_a_file_have_their_own_connections() -> None:
    one, two = WebSocket(App(__file__), "/ws"), WebSocket(App(__file__), "/ws")
    assert one.group != two.group


def test_config_of_a_mounted_application_is_the_default(app: App) -> None:
    assert (app.config.processes, app.config.workers, app.config.dev) == (1, 1, False)


def test_command_line_is_read() -> None:
    from roost.config import Config

    config = Config()
    config.parse(["--processes", "4", "--workers", "2", "--log-level", "warning", "--own-option", "--port", "0"])
    assert (config.processes, config.workers, config.log_level, config.port) == (4, 2, "WARNING", 0)
    assert config.server_log_level == "warning"
    for wrong in (["--processes", "0"], ["--port", "65536"], ["--log-level", "loud"], ["--workers", "x"]):
        with pytest.raises(SystemExit) as caught:
            Config().parse(wrong)
        assert caught.value.code == 2


def test_directories_are_relative_to_the_application() -> None:
    app = App("/srv/app/main.py")
    app.serve_directory("/static", "files", "index.html")
    app.serve_directory("/other", "/var/www")
    added = [entry for entry in app.__roost_mount__().directories if not entry[0].startswith("/docs/")]
    assert added == [
        ("/static", "/srv/app/files", "index.html", False),
        ("/other", "/var/www", "", False),
    ]


def test_headers_keep_many_values_and_ignore_case() -> None:
    headers = Headers({"Set-Cookie": "a=1"})
    headers.append("set-cookie", "b=2")
    assert headers.get_all("SET-COOKIE") == ["a=1", "b=2"]
    assert (headers["SET-cookie"], headers.get("x"), "X" in headers) == ("b=2", None, False)
    assert headers.to_dict() == {"set-cookie": "a=1, b=2"}
    assert headers.get_headers() == {"set-cookie": ["a=1", "b=2"]}
    assert headers.multi_items() == headers.items() == [("Set-Cookie", "a=1"), ("set-cookie", "b=2")]
    headers["set-COOKIE"] = "c=3"
    assert headers.get_all("set-cookie") == ["c=3"]


def test_importing_the_package_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    heavy = {"asyncio", "typing", "inspect", "json", "argparse", "re"}
    code = f"import sys; import roost; print(*{heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


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
