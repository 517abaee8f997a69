"""The test clients are httpx's: what a test may send, and what it gets, in process."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import httpx
import pytest
from roost import App, Request, Response
from roost.testing import AsyncTestClient, TestClient


@pytest.fixture
def app() -> App:
    app = App(__file__)

    @app.post("/echo")
    def echo(request: Request) -> dict[str, Any]:
        body = request.body
        return {
            "method": request.method,
            "query": request.query_params.to_dict(),
            "type": request.headers.get("content-type"),
            "cookie": request.headers.get("cookie"),
            "agent": request.headers.get("user-agent"),
            "body": body if isinstance(body, str) else body.decode("latin-1"),
        }

    @app.get("/login")
    def login() -> Response:
        return Response(303, {"Location": "/me", "Set-Cookie": "who=ada; Path=/"}, "")

    @app.get("/me")
    async def me(request: Request) -> str:
        return str(request.headers.get("cookie"))

    @app.get("/raise")
    def failing() -> str:
        raise LookupError("as it should be")

    return app


SENT: list[tuple[dict[str, Any], str, Any]] = [
    ({"json": {"a": [1]}}, "body", '{"a":[1]}'),
    ({"json": 1}, "type", "application/json"),
    ({"content": b"\x00\xff"}, "body", "\x00\xff"),
    ({"data": "text"}, "body", "text"),
    ({"data": {"a": ["1", "2"], "b": "x y"}}, "body", "a=1&a=2&b=x+y"),
    ({"data": {"a": "1"}}, "type", "application/x-www-form-urlencoded"),
    ({"params": {"q": ["1", "2"]}}, "query", {"q": ["1", "2"]}),
    ({"headers": {"Content-Type": "x/y"}}, "type", "x/y"),
    ({}, "agent", "roost-testclient"),
]


@pytest.mark.parametrize("more,key,want", SENT)
def test_request_is_sent_as_httpx_sends_it(app: App, more: dict[str, Any], key: str, want: Any) -> None:
    assert TestClient(app).post("/echo", **more).json()[key] == want


def test_files_are_sent_as_multipart(app: App) -> None:
    answer = TestClient(app).post("/echo", files={"f": ("a.txt", b"content", "text/plain")}, data={"field": "1"}).json()
    assert answer["type"].startswith("multipart/form-data; boundary=")
    assert 'filename="a.txt"' in answer["body"]
    assert "content" in answer["body"]
    assert 'name="field"' in answer["body"]


def test_cookies_persist_and_redirects_are_followed_when_asked(app: App) -> None:
    with TestClient(app) as client:
        assert client.get("/login").status_code == 303
        assert client.get("/me").text == "who=ada"
    with TestClient(app, follow_redirects=True) as client:
        answer = client.get("/login")
        assert (answer.text, [step.status_code for step in answer.history]) == ("who=ada", [303])
        assert client.cookies["who"] == "ada"
    assert TestClient(app).get("/login", follow_redirects=True).text == "who=ada"


def test_response_is_httpxs_with_ok(app: App) -> None:
    answer = TestClient(app).post("/echo")
    assert isinstance(answer, httpx.Response)
    assert answer.ok
    assert answer.is_success
    missing = TestClient(app).get("/missing")
    assert not missing.ok
    with pytest.raises(httpx.HTTPStatusError):
        missing.raise_for_status()


def test_base_url_and_default_headers(app: App) -> None:
    client = TestClient(app, base_url="http://shop.example", headers={"User-Agent": "mine"})
    assert client.post("/echo").json()["agent"] == "mine"
    assert str(client.post("/echo").url) == "http://shop.example/echo"


def test_asynchronous_twin(app: App) -> None:
    seen: list[str] = []

    @app.startup_handler
    async def start() -> None:
        seen.append(f"start {id(asyncio.get_running_loop())}")

    @app.shutdown_handler
    def stop() -> None:
        seen.append("stop")

    async def test() -> None:
        async with AsyncTestClient(app, follow_redirects=True) as client:
            assert seen == [f"start {id(asyncio.get_running_loop())}"]
            assert (await client.get("/login")).text == "who=ada"
            assert (await client.post("/echo", json=[1])).json()["body"] == "[1]"
            with pytest.raises(LookupError):
                await client.get("/raise")
            answers = await asyncio.gather(*(client.get("/me") for _ in range(20)))
            assert {answer.text for answer in answers} == {"who=ada"}
        assert seen[1:] == ["stop"]
        lazy = AsyncTestClient(app, raise_exceptions=False)
        assert (await lazy.get("/raise")).status_code == 500
        await lazy.aclose()

    asyncio.run(test())


def test_directory_is_served_by_a_plain_twin(app: App, tmp_path: Path) -> None:
    site = tmp_path / "site"
    (site / "sub").mkdir(parents=True)
    (site / "index.html").write_text("<p>home")
    (site / "a b.txt").write_text("text")
    (site / ".secret").write_text("hidden")
    (site / ".well-known").mkdir()
    (site / ".well-known" / "security.txt").write_text("security")
    (tmp_path / "outside.txt").write_text("outside")
    app.serve_directory("/files", str(site), "index.html")
    app.serve_directory("/listed", str(site), show_files_listing=True)
    client = TestClient(app)
    assert client.get("/files").headers["location"] == "/files/"
    home = client.get("/files/")
    assert (home.text, home.headers["content-type"]) == ("<p>home", "text/html; charset=utf-8")
    assert client.get("/files/a%20b.txt").text == "text"
    assert client.head("/files/a%20b.txt").headers["content-length"] == "4"
    for path in ("/files/.secret", "/files/%2e%2e/outside.txt", "/files/missing", "/files/sub/", "/files/index.html/"):
        assert client.get(path).status_code == 404, path
    assert client.get("/files/.well-known/security.txt").text == "security"
    assert client.post("/files/").status_code == 405
    assert "a%20b.txt" in client.get("/listed/").text
    app.add_response_header("X-Added", "added")
    app.set_response_header("Content-Type", "text/csv")
    app.exclude_response_headers_for(["/listed/*"])
    client = TestClient(app)
    assert client.get("/files/a%20b.txt").headers["x-added"] == "added"
    assert client.get("/files/a%20b.txt").headers["content-type"] == "text/plain; charset=utf-8"
    assert "x-added" not in client.get("/listed/a%20b.txt").headers


PROJECT = {
    "app.py": """
        from roost import App, Request
        app = App(__file__)

        @app.get("/hello/:name")
        def hello(request: Request):
            return {"hello": request.path_params["name"]}

        @app.get("/raise")
        def failing():
            raise LookupError("as it should be")
        """,
    "test_it.py": """
        def test_in_process(roost_client):
            assert roost_client.get("/hello/you").json() == {"hello": "you"}

        def test_over_a_socket(roost_server):
            assert roost_server.client.get("/hello/you").json() == {"hello": "you"}
            assert roost_server.port > 0
            assert roost_server.client.get("/raise").status_code == 500
            while "LookupError: as it should be" not in roost_server.log:
                pass
        """,
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name, text in PROJECT.items():
        (tmp_path / name).write_text(textwrap.dedent(text))
    return tmp_path


def run_pytest(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", ".", *args]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)


def test_fixtures_come_as_a_plugin(project: Path) -> None:
    ended = run_pytest(project)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "2 passed" in ended.stdout


def test_fixtures_take_the_application_of_the_settings(project: Path) -> None:
    (project / "shop").mkdir()
    (project / "app.py").rename(project / "shop" / "main.py")
    (project / "shop" / "__init__.py").write_text("")
    ended = run_pytest(project, "-o", "roost_app=shop.main:app", "-o", "pythonpath=.")
    assert "2 passed" in ended.stdout, ended.stdout + ended.stderr
    ended = run_pytest(project)
    assert ended.returncode != 0
    assert 'name the application in the settings of pytest, e.g. roost_app = "shop.main:app"' in ended.stdout


def test_without_httpx_the_error_says_what_to_install() -> None:
    code = "import sys; sys.modules['httpx'] = None; import roost; import roost.testing"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install httpx" in ended.stderr


def test_streams_files_and_background_tasks(app: App, tmp_path: Path) -> None:
    from roost import BackgroundTask, FileResponse, SSEMessage, SSEResponse, StreamingResponse, serve_file

    seen: list[Any] = []
    (tmp_path / "a.txt").write_text("content")

    @app.get("/pieces")
    def pieces() -> StreamingResponse:
        def made() -> Any:
            try:
                yield "one "
                seen.append("between")
                yield b"two"
            finally:
                seen.append("closed")

        return StreamingResponse(made(), media_type="text/plain")

    @app.get("/events")
    async def events() -> StreamingResponse:
        async def made() -> Any:
            for i in range(2):
                await asyncio.sleep(0)
                yield SSEMessage(i)

        return SSEResponse(made())

    @app.get("/file")
    def file() -> FileResponse:
        return serve_file(tmp_path / "a.txt")

    @app.get("/no-file")
    def no_file() -> FileResponse:
        return serve_file(tmp_path / "missing")

    @app.get("/task/:kind")
    def task(request: Request) -> Response:
        async def later() -> None:
            seen.append("async task")

        response = Response(202, {}, "accepted")
        response.background = BackgroundTask(
            later if request.path_params["kind"] == "async" else lambda: seen.append("task")
        )
        return response

    with TestClient(app) as client:
        with client.stream("GET", "/pieces") as answer:
            parts = answer.iter_raw()
            assert next(parts) == b"one "
            assert seen == []
            assert next(parts) == b"two"
        assert seen == ["between", "closed"]
        assert client.get("/events").text == "data: 0\n\ndata: 1\n\n"
        answer = client.get("/file")
        assert (answer.text, answer.headers["content-length"]) == ("content", "7")
        assert answer.headers["content-type"] == "text/plain; charset=utf-8"
        assert client.get("/no-file").status_code == 404
        assert client.get("/task/plain").text == client.get("/task/async").text == "accepted"
        assert seen[2:] == ["task", "async task"]

    async def test() -> None:
        async with AsyncTestClient(app) as client:
            seen.clear()
            assert (await client.get("/pieces")).text == "one two"
            assert seen == ["between", "closed"]
            async with client.stream("GET", "/events") as events:
                assert [line async for line in events.aiter_lines()] == ["data: 0", "", "data: 1", ""]
            assert (await client.get("/file")).text == "content"
            await client.get("/task/plain")
            await client.get("/task/async")
            assert seen[2:] == ["task", "async task"]

    asyncio.run(test())


def test_streamed_request(app: App) -> None:
    @app.post("/upload", stream=True)
    async def upload(request: Request) -> dict[str, int]:
        return {"bytes": sum([len(piece) async for piece in request.stream()])}

    assert TestClient(app).post("/upload", content=b"x" * 1000).json() == {"bytes": 1000}

    async def test() -> None:
        async with AsyncTestClient(app) as client:
            assert (await client.post("/upload", content=b"x" * 10)).json() == {"bytes": 10}

    asyncio.run(test())
