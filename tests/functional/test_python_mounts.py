"""Applications mounted from YAML: below a path, beside native routes, in several workers, and the demo's notes."""

from __future__ import annotations

import asyncio
import contextlib
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from conftest import StartServer

from server_process import REPOSITORY, RoostServer

sys.path.insert(0, str(REPOSITORY / "tests" / "python"))

from test_notes_store import postgres  # noqa: F401  the fixture

SITE = """
import os, threading
from roost import ALLOW_CORS, App, Headers, Response, WebSocket

app = App(__file__)
other = App(__file__)
talk = WebSocket(app, "/talk/:room")
gate = threading.Barrier(3)

@app.startup_handler
def start():
    app.state.pid = os.getpid()
    os.write(1, b"started in %d\\n" % os.getpid())

@app.shutdown_handler
async def stop():
    os.write(1, b"stopped in %d\\n" % os.getpid())

@app.before_request("/api/*")
async def authenticate(request):
    if "authorization" not in request.headers:
        return Response(401, {}, "who?")
    request.headers["x-user"] = "me"

@app.after_request("/api/*")
def mark(response):
    response.headers["X-After"] = "yes"

@app.get("/")
def index():
    return Response(200, {"X-Pid": str(app.state.pid)}, "index")

@app.get("/api/who")
def who(request):
    return request.headers["x-user"]

@app.get("/:any/who")
async def any_who(request):
    return request.path_params["any"]

@app.get("/cookies")
def cookies():
    return Response(200, Headers([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]), "")

@app.get("/url")
def url(request):
    return [request.method, request.url.path, dict(request.path_params)]

@app.get("/meet")
def meet():
    gate.wait()
    return "met"

@app.get("/loop")
async def loop():
    return "free"

@talk.on("connect")
async def joined(ws):
    return f"{os.getpid()} {ws.path_params['room']}"

@talk.on("message")
def heard(ws, message):
    talk.broadcast(f"{len(talk.active_connections)} {message}")

app.serve_directory("/files", ".", None)

ALLOW_CORS(other, ["https://a.example"])

@other.get("/x")
def x():
    return "other"
"""

YAML = """
server: {{ listen: 127.0.0.1:0, processes: {processes}, access_log: {{ format: none }} }}
python: {{ venv: "${{ROOST_VENV}}", path: [.] }}
routes:
  - {{ path: /native, respond: {{ body: native }} }}
  - {{ path: /below/here, python: site_module:app }}
  - {{ path: /other, python: site_module:other }}
  - {{ path: /one/:name, methods: [GET, POST], python: site_module:single }}
"""

SINGLE = """
async def single(name, method):
    return {"name": name, "method": method}
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML.format(processes=2), files={"site_module.py": SITE + SINGLE})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_routes_are_below_the_mount(client: httpx.Client) -> None:
    assert client.get("/below/here").text == "index"
    assert client.get("/below/here/url").json() == ["GET", "/below/here/url", {}]
    assert client.get("/below").status_code == 404
    assert client.get("/below/here/missing").status_code == 404
    assert client.post("/below/here/url").headers["allow"] == "GET, HEAD, OPTIONS"
    assert client.get("/native").text == "native"


def test_function_is_mounted_with_the_parameters_of_its_path(client: httpx.Client) -> None:
    assert client.get("/one/a%20b").json() == {"name": "a b", "method": "GET"}
    assert client.post("/one/x").json() == {"name": "x", "method": "POST"}
    assert client.put("/one/x").status_code == 405


def test_middleware_knows_the_path_below_the_mount(client: httpx.Client) -> None:
    refused = client.get("/below/here/api/who")
    assert (refused.status_code, refused.text) == (401, "who?")
    allowed = client.get("/below/here/api/who", headers={"Authorization": "x"})
    assert (allowed.text, allowed.headers["x-after"]) == ("me", "yes")
    # The same pattern beside a route that only sometimes is below it.
    assert client.get("/below/here/zzz/who").text == "zzz"


def test_headers_of_one_name_stay_apart(client: httpx.Client) -> None:
    assert client.get("/below/here/cookies").headers.get_list("set-cookie") == ["a=1", "b=2"]


def test_cors_of_an_application(client: httpx.Client) -> None:
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "GET"}
    preflight = client.options("/other/x", headers=ask)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (204, "https://a.example")
    answer = client.get("/other/x", headers={"Origin": "https://a.example"})
    assert (answer.text, answer.headers["access-control-allow-origin"]) == ("other", "https://a.example")
    assert client.get("/other/x", headers={"Origin": "https://b.example"}).status_code == 403
    assert client.get("/other/y").status_code == 404


def test_directory_is_served_below_the_mount(client: httpx.Client) -> None:
    assert "serve_directory" in client.get("/below/here/files/site_module.py").text


def test_plain_handlers_meet_while_all_else_answers(roost_server: StartServer) -> None:
    server = roost_server(YAML.format(processes=1), files={"site_module.py": SITE + SINGLE})

    async def meet() -> None:
        async with httpx.AsyncClient(base_url=f"{server.url}", timeout=60) as client:
            waiting = [asyncio.create_task(client.get("/below/here/meet")) for _ in range(2)]
            # Two handlers wait for a third one: event loop, native routes and files answer meanwhile.
            for path in ("/below/here/loop", "/native", "/below/here/files/site_module.py") * 3:
                assert (await client.get(path)).status_code == 200
            assert not any(task.done() for task in waiting)
            assert (await client.get("/below/here/meet")).text == "met"
            assert [(await task).text for task in waiting] == ["met", "met"]

    asyncio.run(meet())


def test_websocket_rooms_reach_across_workers(server: RoostServer) -> None:
    async def talk() -> None:
        async with contextlib.AsyncExitStack() as stack:
            sockets: list[Any] = []
            workers = set()
            while len(workers) < 2:
                socket = await stack.enter_async_context(websockets.connect(f"{server.ws_url}/below/here/talk/a%2Fb"))
                worker, room = str(await socket.recv()).split()
                assert room == "a/b"
                workers.add(worker)
                sockets.append(socket)
            for number, socket in enumerate(sockets):
                await socket.send(str(number))
                for receiver in sockets:
                    assert await receiver.recv() == f"{len(sockets)} {number}"

    asyncio.run(talk())


def test_hooks_run_in_each_worker_and_after_a_reload_again(roost_server: StartServer) -> None:
    server = roost_server(YAML.format(processes=2), files={"site_module.py": SITE + SINGLE})
    first = set(re.findall(r"started in (\d+)", server.output()))
    assert first == {str(pid) for pid in server.leaves()} & first
    assert len(first) == 2
    server.process.send_signal(1)
    server.wait_ready(2)
    server.wait_for(lambda: set(re.findall(r"stopped in (\d+)", server.output())) >= first, "the first two to stop")
    assert server.stop() == 0
    assert len(set(re.findall(r"stopped in (\d+)", server.output()))) == 4


def test_start_while_being_mounted_is_an_error(roost_cli: Callable[..., Any]) -> None:
    text = YAML.format(processes=1)
    files = {"roost.yaml": text, "site_module.py": SITE + SINGLE + "\napp.start(port=0)\n"}
    done = roost_cli("check", "--strict", "roost.yaml", files=files)
    assert done.returncode == 1
    line = text.splitlines().index("  - { path: /below/here, python: site_module:app }") + 1
    assert f"roost.yaml:{line}:" in done.stderr
    assert '__name__ == "__main__"' in done.stderr


# The demo's application -------------------------------------------------------------------------------------------

NOTES = """
server: { listen: 127.0.0.1:0, processes: 2, access_log: { format: none } }
python: { venv: "${ROOST_VENV}", path: ["${ROOST_REPOSITORY}/plugins/notes"] }
routes:
  - { path: /, python: notes:app }
"""


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def test_notes_are_shared_by_all_workers(
    roost_server: StartServer, request: pytest.FixtureRequest, tmp_path: Path, database: str
) -> None:
    url = request.getfixturevalue("postgres") if database == "postgres" else ""
    env = {"NOTES_DB": str(tmp_path / "notes.sqlite3"), "DATABASE_URL": url}
    server = roost_server(NOTES, env=env)

    async def work() -> None:
        async with contextlib.AsyncExitStack() as stack:
            listeners = [await stack.enter_async_context(websockets.connect(f"{server.ws_url}/ws")) for _ in range(8)]
            # Connections of their own, held open: they spread over both workers.
            clients = [
                await stack.enter_async_context(httpx.AsyncClient(base_url=server.url, timeout=60)) for _ in range(8)
            ]
            created = await asyncio.gather(
                *(client.post("/api/notes", json={"title": f"note {i}"}) for i, client in enumerate(clients))
            )
            assert [answer.status_code for answer in created] == [201] * 8
            ids = {answer.json()["id"] for answer in created}
            for client in clients:
                page = (await client.get("/api/notes")).json()
                assert page["total"] == 8
                assert {note["id"] for note in page["items"]} == ids
            for listener in listeners:
                told = [await listener.recv() for _ in range(8)]
                assert all('"created"' in str(text) for text in told)
            gone = ids.pop()
            assert (await clients[0].delete(f"/api/notes/{gone}")).status_code == 204
            assert [(await client.get(f"/api/notes/{gone}")).status_code for client in clients] == [404] * 8
            for listener in listeners:
                assert '"deleted"' in str(await listener.recv())

    asyncio.run(work())
    assert server.stop() == 0
    assert "Traceback" not in server.log()


FIELDS = """
from roost import App, SubRouter

app = App(__file__)
part = SubRouter(__file__, prefix="/part")
app.include_router(part)
part.serve_directory("/files", ".")
part.set_response_header("X-Set", "part's")
part.add_response_header("X-Added", "three")
part.exclude_response_headers_for(["/files/plain.txt"])

@part.mcp.tool()
def add(a: int, b: int) -> int:
    return a + b

app.add_response_header("X-Added", "one")
app.add_response_header("X-Added", "two")
app.set_response_header("X-Set", "set")
app.set_response_header("Cache-Control", "no-store")
app.set_response_header("Content-Type", "text/plain")
app.exclude_response_headers_for(["/files/plain.txt", "/bare/*"])
app.serve_directory("/files", ".")
app.serve_directory("/bare", ".")

@app.get("/page.html")
def page():
    return "page"
"""


def test_global_headers_reach_the_files_that_the_server_sends(roost_server: StartServer) -> None:
    yaml = """
server: { listen: 127.0.0.1:0 }
python: { venv: "${ROOST_VENV}", path: [.] }
routes: [{ path: /x, python: "fields:app" }]
"""
    server = roost_server(yaml, {"fields.py": FIELDS, "page.html": "<p>page", "plain.txt": "plain"})
    with httpx.Client(base_url=server.url) as client:
        for path, status in (("/x/page.html", 200), ("/x/files/page.html", 200), ("/x/files/nothing", 404)):
            response = client.get(path)
            assert response.status_code == status
            assert response.headers.get_list("x-added") == ["one", "two"], path
            assert response.headers["x-set"] == "set"
            assert response.headers["cache-control"] == "no-store"
        part = client.get("/x/part/files/page.html").headers
        assert (part["x-set"], part.get_list("x-added")) == ("part's", ["three", "one", "two"])
        assert "x-set" not in client.get("/x/part/files/plain.txt").headers
        call = {"name": "add", "arguments": {"a": 1, "b": 2}}
        said = client.post("/x/part/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": call})
        assert said.json()["result"]["content"][0]["text"] == "3"
        page = client.get("/x/files/page.html")
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        again = client.get("/x/files/page.html", headers={"If-None-Match": page.headers["etag"]})
        assert (again.status_code, again.headers["x-set"]) == (304, "set")
        for path in ("/x/files/plain.txt", "/x/bare/page.html"):
            response = client.get(path)
            assert response.status_code == 200
            assert "x-added" not in response.headers, path
            assert "x-set" not in response.headers, path
