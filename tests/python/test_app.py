"""Applications called in process: routes, results, requests, configuration."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest

pytest.importorskip("roost")

from roost import App, Headers, Request, Response
from roost.testing import TestClient


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


@pytest.mark.parametrize("path", ["/a/{id}", "/a/{id:int}/b", "/a/<id>", "/a/<int:id>"])
def test_parameters_of_other_frameworks_are_told_as_they_are_written_here(app: App, path: str) -> None:
    with pytest.raises(ValueError, match="a parameter is written :id, not "):
        app.get(path)(lambda: "")


def test_forgotten_await_is_told(app: App) -> None:
    async def fetch() -> str:
        return "fetched"

    forgotten = fetch()

    @app.get("/")
    async def handler() -> object:
        return forgotten

    with pytest.raises(TypeError, match="wants an `await`"):
        TestClient(app).get("/")
    forgotten.close()


def test_unknown_method_is_refused(app: App) -> None:
    with pytest.raises(ValueError, match="FETCH"):
        app.add_route("FETCH", "/", lambda: "")


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
    added = [entry[:4] for entry in app.__roost_mount__().directories if not entry[0].startswith("/docs/")]
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
