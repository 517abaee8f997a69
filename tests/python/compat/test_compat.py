"""One application, written for Robyn 0.88, on python-bridge/compat and (marker robyn) on Robyn itself.

What Robyn answers is recorded in robyn-0.88.json; `python tests/python/compat/test_compat.py URL` prints that file's
content for a server at URL.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets.sync.client

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]
sys.path[:0] = [str(HERE), str(REPOSITORY / "tests" / "functional")]

from behaviours import BEHAVIOURS, observe  # noqa: E402
from differences import DIFFERENCES, EVERYWHERE, comparable  # noqa: E402

from server_process import VENV, RoostServer, environment  # noqa: E402

COMPAT = REPOSITORY / "python-bridge" / "compat"
PYTHON = VENV / "bin" / "python"
ROBYN = Path(os.environ.get("ROOST_ROBYN_VENV", REPOSITORY / ".cache" / "robyn-venv")) / "bin" / "python"
RECORDED: dict[str, dict[str, Any]] = json.loads((HERE / "robyn-0.88.json").read_text())


def compat_server(folder: Path, *args: str, env: dict[str, str] | None = None) -> RoostServer:
    """The program of these arguments, on the names of Robyn that Roost gives."""
    return RoostServer(folder / "app.py", {"PYTHONPATH": str(COMPAT), **(env or {})}, command=[str(PYTHON), *args])


@pytest.fixture(scope="module")
def compat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    server = compat_server(tmp_path_factory.mktemp("compat"), str(HERE / "robyn_app.py"), "0")
    yield server.url
    server.stop()


@pytest.fixture(scope="module")
def robyn(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if not ROBYN.exists():
        pytest.skip(f"Robyn is not installed beside Roost: {ROBYN}; tools/test --all does it")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("robyn") / "log"
    with log.open("wb") as out:
        process = subprocess.Popen([str(ROBYN), str(HERE / "robyn_app.py"), str(port)], stdout=out, stderr=out)
    try:
        while True:
            assert process.poll() is None, log.read_text()
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                continue
        yield f"http://127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


@pytest.mark.robyn
@pytest.mark.parametrize("name", BEHAVIOURS)
def test_robyn_answers_as_recorded(robyn: str, name: str) -> None:
    with httpx.Client(base_url=robyn) as client:
        assert observe(client, BEHAVIOURS[name]) == RECORDED[name]


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_compat_answers_as_robyn(compat: str, name: str) -> None:
    reason, want = DIFFERENCES.get(name, ("", RECORDED[name]))
    with httpx.Client(base_url=compat) as client:
        assert comparable(observe(client, BEHAVIOURS[name])) == comparable(want), reason


def test_differences_are_differences() -> None:
    assert EVERYWHERE
    assert DIFFERENCES.keys() <= RECORDED.keys() == BEHAVIOURS.keys()
    for name, (reason, want) in DIFFERENCES.items():
        assert reason
        assert comparable(want) != comparable(RECORDED[name]), name


@pytest.fixture(params=["compat", pytest.param("robyn", marks=pytest.mark.robyn)])
def either(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


def drain(ws: websockets.sync.client.ClientConnection) -> None:
    """Receives until the end; Robyn sends what on_close returns before."""
    while True:
        ws.recv()


def test_websocket(either: str) -> None:
    with websockets.sync.client.connect(either.replace("http", "ws") + "/ws?q=1") as ws:
        assert ws.recv() == "hello"
        ws.send("one")
        assert ws.recv() == "echo one 1"
        ws.send("json")
        assert json.loads(ws.recv()) == {"got": "json"}
        ws.send("bytes")
        assert ws.recv() == b"\x00\x01"
        ws.send("close")
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            drain(ws)


OLDER = """
from robyn import Robyn, WebSocket, WebSocketConnector

app = Robyn(__file__)
chat = WebSocket(app, "/chat")
chat.inject_global(GREETING="hello")

@chat.on("connect")
def connect(ws: WebSocketConnector, global_dependencies):
    return f"{global_dependencies['GREETING']} {ws.query_params.get('name')}"

@chat.on("message")
async def message(ws, msg):
    if msg == "all":
        await ws.async_broadcast(f"all: {ws.id}")
    elif msg == "me":
        ws.sync_send_to(ws.id, "only you")
    elif msg == "close":
        ws.close()
    elif msg == "last words":
        ws.close()
        return msg
    else:
        return msg.upper()
    return ""

@chat.on("close")
def close(ws):
    print("closed", ws.id, flush=True)
    return "bye"

@app.get("/config")
def config():
    return [app.config.processes, app.config.workers, app.config.log_level]

if __name__ == "__main__":
    app.start(port=0)
"""


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """How `python ARGS...` ended in `folder`."""
    return subprocess.run(
        [str(PYTHON), *args],
        cwd=folder,
        env=environment({"PYTHONPATH": str(COMPAT)}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.fixture
def older(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(OLDER)
    return tmp_path


def test_older_websocket_style(older: Path) -> None:
    server = compat_server(older, "app.py", "--processes", "2")
    try:
        with (
            websockets.sync.client.connect(server.ws_url + "/chat?name=one") as one,
            websockets.sync.client.connect(server.ws_url + "/chat?name=two") as two,
        ):
            assert (one.recv(), two.recv()) == ("hello one", "hello two")
            one.send("echo")
            assert one.recv() == "ECHO"
            one.send("me")
            assert one.recv() == "only you"
            two.send("all")
            assert one.recv() == two.recv()
            two.send("close")
            with pytest.raises(websockets.exceptions.ConnectionClosed):
                two.recv()
            one.send("last words")
            assert one.recv() == "last words"
            with pytest.raises(websockets.exceptions.ConnectionClosed):
                one.recv()
        server.wait_output(r"closed \S+")
    finally:
        assert server.stop() == 0


def test_command_line_and_variables_of_robyn(older: Path) -> None:
    (older / "robyn.env").write_text("ROBYN_PORT=1\nROBYN_WORKERS=2\n")
    for command in (["app.py"], ["-m", "robyn", "app.py"]):
        server = compat_server(older, *command, "--processes", "2", "--log-level", "WARN", env={"ROBYN_PORT": "0"})
        try:
            assert httpx.get(server.url + "/config").json() == [2, 2, "WARN"]
        finally:
            assert server.stop() == 0


@pytest.mark.parametrize("option", ["--compile-rust-path", "--create-rust-file"])
def test_what_makes_no_sense_here_is_answered(older: Path, option: str) -> None:
    ended = run(older, "app.py", option, "x")
    assert ended.returncode == 2
    assert f"{option} is Robyn's: here native code is a C++ plugin" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_agents_are_refused_with_a_sentence(older: Path) -> None:
    ended = run(older, "-c", "from robyn.ai import agent")
    assert "ImportError: robyn.ai is not there: Roost serves applications" in ended.stderr


NAMES = {
    "robyn": """Robyn Request Response status_codes jsonify serve_file serve_html html StreamingResponse SSEResponse
        SSEMessage ALLOW_CORS SubRouter AuthenticationHandler Headers WebSocketConnector WebSocketAdapter
        WebSocketDisconnect JsonBody MCPApp TestClient RequestMethod RequestBody RequestURL Session SessionManager
        WebSocket Config config logger Colors DependencyMap Events HttpMethod MiddlewareType OpenAPI __version__
        BaseRobyn Router""",
    "robyn.robyn": """get_version Headers HttpMethod Identity MiddlewareType QueryParams Request Response Url Cookie
        Cookies FunctionInfo WebSocketConnector""",
    "robyn.argument_parser": "Config",
    "robyn.authentication": """AuthenticationNotConfiguredError AuthenticationHandler BearerGetter TokenGetter
        Identity Request Response Headers""",
    "robyn.cli": "run",
    "robyn.dependency_injection": "DependencyMap",
    "robyn.env_populator": "load_vars parser",
    "robyn.events": "Events",
    "robyn.exceptions": "HTTPException WebSocketException",
    "robyn.jsonify": "jsonify",
    "robyn.logger": "Colors Logger logger",
    "robyn.mcp": "MCPApp MCPError MCPHandler",
    "robyn.openapi": "OpenAPI OpenAPIInfo Contact License Server ExternalDocumentation Components Body JsonBody",
    "robyn.responses": """FileResponse html serve_html serve_file StreamingResponse SSEResponse SSEMessage
        Response Headers""",
    "robyn.router": """Route Router BaseRouter MiddlewareType Request Response Headers QueryParams Url Identity
        HttpMethod jsonify""",
    "robyn.session": "Session SessionManager",
    "robyn.status_codes": "HTTP_200_OK HTTP_418_IM_A_TEAPOT HTTP_422_UNPROCESSABLE_ENTITY HTTP_306_RESERVED",
    "robyn.templating": "JinjaTemplate TemplateInterface render Response",
    "robyn.testing": "TestClient TestResponse Request Response Headers",
    "robyn.types": """Body Directory Files FormData IPAddress JSONResponse JsonBody Method PathParams RequestBody
        RequestMethod RequestURL""",
    "robyn.ws": "WebSocketAdapter WebSocketConnector WebSocketDisconnect",
}


@pytest.mark.parametrize("module", NAMES)
def test_every_name_is_there(older: Path, module: str) -> None:
    code = f"import importlib; m = importlib.import_module({module!r})\nfor n in {NAMES[module].split()}: getattr(m, n)"
    ended = run(older, "-c", code)
    assert ended.returncode == 0, ended.stderr


def test_client_of_robyn(older: Path) -> None:
    (older / "test_it.py").write_text(
        "from robyn import Robyn, TestClient\n"
        "app = Robyn(__file__)\n"
        "@app.post('/x')\n"
        "def x(request):\n"
        "    return {'json': request.json(), 'q': request.query_params.get('q', None)}\n"
        "app.add_route('POST', '/f', lambda request: {name: len(file) for name, file in request.files.items()})\n"
        "client = TestClient(app)\n"
        "answer = client.post('/x', json_data=[1], query_params={'q': '2'})\n"
        "assert answer.ok and answer.json() == {'json': [1], 'q': '2'}, answer.text\n"
        "assert client.post('/x', body='{}', headers={'Content-Type': 'application/json'}).json()['json'] == {}\n"
        "assert client.post('/f', files={'a.txt': b'abc'}).json() == {'a.txt': 3}\n"
    )
    ended = run(older, "test_it.py")
    assert ended.returncode == 0, ended.stderr


if __name__ == "__main__":
    with httpx.Client(base_url=sys.argv[1]) as client:
        print(
            json.dumps(
                {n: observe(client, b) for n, b in BEHAVIOURS.items()}, indent=1, ensure_ascii=False, sort_keys=True
            )
        )


NAMES_AT_WORK = """
import json
from robyn import Headers, HttpMethod, Request, Robyn, SubRouter
from robyn.events import Events
from robyn.robyn import QueryParams, Url
from robyn.types import Body, JSONResponse

class Inner(Body):
    first: str

class Item(Body):
    name: Inner

class Made(JSONResponse):
    success: bool

app = Robyn(__file__)

def start(): pass
async def stop(): pass
app.startup_handler(start)
app.shutdown_handler(stop)
app.set_request_header("one", "1")
app.add_response_header("two", "2")

@app.post("/item")
def item(body: Item) -> Made:
    return Made(success=True)

handlers = app.event_handlers
assert (handlers[Events.STARTUP].handler, handlers[Events.STARTUP].is_async) == (start, False)
assert (handlers[Events.SHUTDOWN].handler, handlers[Events.SHUTDOWN].is_async) == (stop, True)
assert app.request_headers.get_headers() == {"one": ["1"]}
assert app.response_headers.get_headers() == {"two": ["2"]}
assert Headers({"a": "1"})["b"] is None
url = Url("https", "example.com", "/path")
request = Request(
    query_params=QueryParams(), headers=Headers({"a": "1"}), path_params={"id": "7"}, body='{"x": 1}', method="POST",
    url=url, form_data={}, files={}, ip_addr=None, identity=None,
)
assert (request.method, request.url.path, request.path_params["id"], request.json()) == ("POST", "/path", "7", {"x": 1})
assert request.headers["a"] == "1" and request.headers["b"] is None
assert app.openapi.openapi_spec["info"]["title"] == "Robyn API"
from roost._documentation import specification
spec = specification(app)
assert spec["servers"] == [] and "externalDocs" in spec
part = SubRouter(prefix="/part")
@part.get("/:id", const=True)
async def one(request, id): pass
app.include_router(part)
item_route, part_route = app.router.routes
assert (item_route.route, item_route.route_type, item_route.function.handler) == ("/item", HttpMethod.POST, item)
assert (part_route.route, part_route.route_type, part_route.is_const) == ("/part/:id", HttpMethod.GET, True)
assert (part_route.function.is_async, list(part_route.function.args)) == (True, ["request", "id"])
assert [route.route for route in app.router.get_routes()] == ["/item", "/part/:id"]
operation = spec["paths"]["/item"]["post"]
schema = operation["requestBody"]["content"]["application/json"]["schema"]
assert schema["properties"]["name"]["properties"]["first"] == {"type": "string"}
answer = operation["responses"]["200"]["content"]["application/json"]["schema"]
assert answer["properties"]["success"] == {"type": "boolean"}
print("done")
"""


def test_names_do_what_robyns_do(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(NAMES_AT_WORK)
    done = run(tmp_path, "app.py")
    assert done.stdout.endswith("done\n"), done.stderr
