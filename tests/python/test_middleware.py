"""Middleware, exceptions, authentication, sessions, headers and constant routes, in process."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import weakref
from collections.abc import AsyncGenerator, Callable
from typing import Any

import pytest

pytest.importorskip("roost")

from roost import (
    App,
    AuthenticationHandler,
    BearerGetter,
    HTTPException,
    Identity,
    Request,
    Response,
    StreamingResponse,
    SubRouter,
)
from roost._native import request_for_test
from roost.authentication import AuthenticationNotConfiguredError
from roost.cookies import Cookie, Cookies, cookie_text, parse_cookies
from roost.exceptions import RequestError
from roost.sessions import SessionManager
from roost.testing import TestClient


@pytest.fixture
def app() -> App:
    return App(__file__)


def handler_of(kind: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a plain or an asynchronous handler that takes the request."""
    if kind == "plain":
        return lambda request: work(request)

    async def later(request: Request) -> Any:
        await asyncio.sleep(0)
        return work(request)

    return later


both = pytest.mark.parametrize("kind", ["plain", "async"])


# Order and reach -------------------------------------------------------------------------------------------------


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


# Exceptions ------------------------------------------------------------------------------------------------------


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


# Paths -----------------------------------------------------------------------------------------------------------


def test_final_slash_means_the_same(app: App) -> None:
    app.get("/")(lambda: "root")
    app.get("/a/")(lambda: "a")
    app.get("/b/:id")(lambda id: id)
    client = TestClient(app)
    assert [client.get(path).text for path in ("/", "/a", "/a/", "/b/7", "/b/7/")] == ["root", "a", "a", "7", "7"]
    assert client.get("/a//").status_code == 404
    assert client.post("/a/").headers["allow"] == "GET, HEAD, OPTIONS"


# Authentication --------------------------------------------------------------------------------------------------


class Users(AuthenticationHandler):
    def authenticate(self, request: Request) -> Identity | None:
        token = self.token_getter.get_token(request)
        return Identity({"user": token}) if token and token != "wrong" else None


class LaterUsers(Users):
    async def authenticate(self, request: Request) -> Identity | None:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().authenticate(request)


@both
@pytest.mark.parametrize("users", [Users, LaterUsers])
def test_auth_required(app: App, kind: str, users: type[AuthenticationHandler]) -> None:
    app.configure_authentication(users(BearerGetter()))
    sub = SubRouter("/sub")
    app.include_router(sub)
    for router in (app, sub):
        router.get("/me", auth_required=True)(handler_of(kind, lambda request: request.identity.claims))
        router.get("/open")(handler_of(kind, lambda request: str(request.identity)))
    client = TestClient(app)
    for prefix in ("", "/sub"):
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic x"},
            {"Authorization": "Bearer"},
        ):
            answer = client.get(f"{prefix}/me", headers=headers)
            assert (answer.status_code, answer.text) == (401, "Unauthorized"), headers
            assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get(f"{prefix}/me", headers={"Authorization": "bearer ada"}).json() == {"user": "ada"}
        assert client.get(f"{prefix}/open").text == "None"


def test_router_with_a_handler_of_its_own(app: App) -> None:
    class Nobody(AuthenticationHandler):
        def authenticate(self, request: Request) -> None:
            return None

    app.configure_authentication(Users(BearerGetter()))
    sub = SubRouter("/sub")
    sub.configure_authentication(Nobody(BearerGetter()))
    app.include_router(sub)
    for router in (app, sub):
        router.get("/x", auth_required=True)(lambda: "x")
    client = TestClient(app)
    headers = {"Authorization": "Bearer ada"}
    assert (client.get("/x", headers=headers).status_code, client.get("/sub/x", headers=headers).status_code) == (
        200,
        401,
    )


def test_auth_required_without_a_handler_is_an_error_at_start(app: App) -> None:
    app.get("/x", auth_required=True)(lambda: "x")
    with pytest.raises(AuthenticationNotConfiguredError, match=r"test_middleware\.py:\d+: GET /x"):
        app.__roost_mount__()


# Headers, cookies, sessions --------------------------------------------------------------------------------------


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


def test_cookies_of_a_request(app: App) -> None:
    app.get("/")(lambda request: request.cookies)
    sent = {"Cookie": 'a=1; b="two"; c=x=y; a=2; broken; =no; d='}
    assert TestClient(app).get("/", headers=sent).json() == {"a": "1", "b": "two", "c": "x=y", "d": ""}
    assert parse_cookies(None) == {}


def test_cookie_is_written_with_every_attribute() -> None:
    text = cookie_text("id", "v1", "/", "example.com", 60, 0, True, True, "none", True)
    assert text == (
        "id=v1; Path=/; Domain=example.com; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly;"
        " SameSite=None; Partitioned"
    )
    response = Response(200, {}, "")
    response.set_cookie("a", "1")
    response.set_cookie("b", "2", path="/x")
    response.set_cookie("a", "3", http_only=True)
    response.set_cookie("b", "4", path="/y")
    assert response.headers.get_all("set-cookie") == ["b=2; Path=/x", "a=3; HttpOnly", "b=4; Path=/y"]
    response.delete_cookie("b", path="/x")
    assert response.headers.get_all("set-cookie")[-1].startswith("b=; Path=/x; Max-Age=0; Expires=")


def test_cookies_stand_alone() -> None:
    cookies = Cookies()
    assert cookies.is_empty()
    cookies.set("a", Cookie("1", path="/", secure=True))
    cookies["b"] = Cookie("2")
    cookies["a"] = Cookie("3", path="/", secure=True)
    assert cookies.keys() == ["b", "a"]
    found = cookies.get("a")
    assert found is not None
    assert found.render("a") == "a=3; Path=/; Secure"
    cookies.remove("b")
    assert "b" not in cookies
    assert len(cookies) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        {"key": "a b", "value": ""},
        {"key": "", "value": ""},
        {"key": "a", "value": "x; Path=/"},
        {"key": "a", "value": "x\r\nSet-Cookie: b=1"},
        {"key": "a", "value": "1", "path": "/;x"},
        {"key": "a", "value": "1", "domain": "a\nb"},
        {"key": "a", "value": "1", "same_site": "some"},
        {"key": "a", "value": "1", "same_site": "None"},
        {"key": "a", "value": "1", "expires": "now; Secure"},
        {"key": "a", "value": "1", "partitioned": True},
    ],
    ids=repr,
)
def test_cookie_that_cannot_be_is_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="cookie"):
        cookie_text(**arguments)


def counting(app: App) -> None:
    @app.get("/count")
    def count(request: Request) -> dict[str, Any]:
        request.session["n"] = request.session.get("n", 0) + 1
        request.session.setdefault("list", []).append(request.session["n"])
        return dict(request.session)

    @app.get("/look")
    def look(request: Request) -> Any:
        return request.session.get("list")

    @app.get("/nested")
    async def nested(request: Request) -> str:
        request.session["list"].append("nested")
        return ""

    @app.get("/clear")
    def clear(request: Request) -> str:
        request.session.clear()
        return ""

    app.get("/blind")(lambda: "")


def test_session_is_kept_in_a_signed_cookie(app: App) -> None:
    app.configure_sessions("secret", secure=False)
    counting(app)
    client = TestClient(app)
    first = client.get("/count")
    assert first.json() == {"n": 1, "list": [1]}
    line = first.headers["set-cookie"]
    assert line.startswith("session=")
    assert line.endswith("; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax")
    assert first.headers["vary"] == "Cookie"
    assert client.get("/count").json() == {"n": 2, "list": [1, 2]}
    look = client.get("/look")
    assert (look.json(), look.headers.get("set-cookie"), look.headers["vary"]) == ([1, 2], None, "Cookie")
    blind = client.get("/blind")
    assert (blind.headers.get("set-cookie"), blind.headers.get("vary")) == (None, None)
    assert "set-cookie" in client.get("/nested").headers
    assert client.get("/look").json() == [1, 2, "nested"]
    assert "Max-Age=0" in client.get("/clear").headers["set-cookie"]
    assert client.get("/look").text == ""


def test_session_of_a_stranger_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = SessionManager("secret", max_age=60)
    good = manager.dumps({"user": "ada"})
    assert manager.loads(good) == {"user": "ada"}
    payload, _, signature = good.partition(".")
    other = SessionManager("other").dumps({"user": "ada"})
    renamed = SessionManager("secret", cookie_name="admin").dumps({"user": "ada"})
    for bad in ("", ".", payload, f"{payload}.", f".{signature}", f"{payload}x.{signature}", other, renamed, "é.é"):
        assert manager.loads(bad) is None, bad
    for i in range(len(good)):
        changed = good[:i] + ("A" if good[i] != "A" else "B") + good[i + 1 :]
        # The last character of a base64 text carries bits that count for nothing.
        assert i in (len(payload) - 1, len(good) - 1) or manager.loads(changed) is None, changed
    import time

    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert manager.loads(good) is None


def test_session_keys_are_rotated() -> None:
    old = SessionManager("old")
    both_keys = SessionManager(["new", "old"])
    assert both_keys.loads(old.dumps({"a": 1})) == {"a": 1}
    assert SessionManager("new").loads(both_keys.dumps({"a": 1})) == {"a": 1}
    assert old.loads(both_keys.dumps({"a": 1})) is None


def test_sessions_refuse_what_cannot_work(app: App) -> None:
    for arguments in ({"secret_key": ""}, {"secret_key": []}, {"secret_key": "x", "same_site": "None"}):
        with pytest.raises(ValueError, match=r"secret|same_site"):
            app.configure_sessions(**arguments)  # type: ignore[arg-type]
    app.configure_sessions("x")
    with pytest.raises(RuntimeError):
        app.configure_sessions("x")

    @app.get("/large")
    def large(request: Request) -> str:
        request.session["x"] = "y" * 4096
        return ""

    with pytest.raises(ValueError, match="4096"):
        TestClient(app).get("/large")


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


# Constant routes, dependencies, hooks ----------------------------------------------------------------------------


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


def test_routes_know_what_is_injected(app: App) -> None:
    sub = SubRouter("/sub", tags=["sub"])
    inner = SubRouter("/inner", tags=["inner", "sub"])
    sub.include_router(inner)
    app.include_router(sub)
    inner.get("/", openapi_tags=["own", "sub"])(lambda: "")
    app.get("/")(lambda: "")
    app.inject(a=1, b=1)
    app.inject_global(g="app", b="global")
    sub.inject(a=2)
    inner.inject(c=3)
    inner.inject_global(g="inner", h="inner")
    root, deep = sorted(app.all_routes(), key=lambda route: route.pattern)
    assert root.dependencies == {"g": "app", "h": "inner", "a": 1, "b": 1}
    assert deep.dependencies == {"g": "app", "h": "inner", "a": 2, "b": 1, "c": 3}
    assert deep.global_dependencies == {"g": "app", "b": "global", "h": "inner"}
    assert (deep.prefix, deep.openapi_tags) == ("/sub/inner", ["sub", "inner", "own"])


def test_dependencies_are_given_to_the_application() -> None:
    app = App(__file__, dependencies={"db": 1})
    assert app.global_dependencies == {"db": 1}


def test_two_routers_with_one_route_are_refused(app: App) -> None:
    sub = SubRouter("/sub")
    app.include_router(sub)
    sub.get("/x")(lambda: "")
    app.get("/sub/x")(lambda: "")
    with pytest.raises(ValueError, match=r"GET /sub/x has two handlers: .*test_middleware.py"):
        app.all_routes()


@pytest.mark.parametrize(
    ("arguments", "keywords", "prefix"),
    [
        (("/users",), {}, "/users"),
        ((), {"prefix": "/users/"}, "/users"),
        ((__file__, "/users"), {}, "/users"),
        ((__file__,), {"prefix": "users"}, "/users"),
        (("__main__",), {}, ""),
        (("a.module",), {}, ""),
        ((__file__,), {}, ""),
        ((), {}, ""),
    ],
)
def test_routers_are_made_as_for_robyn(arguments: tuple[str, ...], keywords: dict[str, str], prefix: str) -> None:
    assert SubRouter(*arguments, **keywords).prefix == prefix


def test_hooks_of_routers_run_too(app: App) -> None:
    seen: list[str] = []
    sub = SubRouter("/sub")
    app.include_router(sub)
    sub.startup_handler(lambda: seen.append("sub start"))
    app.startup_handler(lambda: seen.append("start"))
    sub.shutdown_handler(lambda: seen.append("sub stop"))
    app.get("/")(lambda: "")
    with TestClient(app):
        pass
    assert seen == ["start", "sub start", "sub stop"]


def test_lifespan_goes_around_the_requests(app: App) -> None:
    seen: list[str] = []

    @app.lifespan
    async def life() -> AsyncGenerator[None, None]:
        seen.append("start")
        try:
            yield
        finally:
            await asyncio.sleep(0)
            seen.append("stop")

    app.get("/")(lambda: seen.append("request"))
    with TestClient(app) as client:
        client.get("/")
    assert seen == ["start", "request", "stop"]


def test_connect_is_no_method_of_a_path(app: App) -> None:
    with pytest.raises(ValueError, match="tunnel"):
        app.connect("/x")
    with pytest.raises(ValueError, match="CONNECT"):
        app.add_route("CONNECT", "/x", lambda: "")


def test_only_routers_are_included(app: App) -> None:
    with pytest.raises(TypeError, match="SubRouter"):
        app.include_router(App(__file__))  # type: ignore[arg-type]
    sub = SubRouter("/x")
    app.include_router(sub)
    with pytest.raises(ValueError, match="already"):
        app.include_router(sub)
