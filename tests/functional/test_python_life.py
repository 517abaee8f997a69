"""The life of a worker that serves Python: many first requests at once, reloads, stops, clients that go."""

from __future__ import annotations

import json
import random
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from conftest import StartServer

from server_process import RawConnection, RoostServer

APP = """
from __future__ import annotations
import asyncio, contextvars, dataclasses, os, time
from pydantic import BaseModel
from roost import *
from roost.templating import JinjaTemplate

app = App(__file__)
app.configure_sessions("a key that nobody knows, of course")
templates = JinjaTemplate(os.path.dirname(os.path.abspath(__file__)))
mark = contextvars.ContextVar("mark", default="none")

@app.get("/plain")
def plain(): return {"plain": 1}
@app.get("/slow")
def slow():
    time.sleep(0.01)
    return {"slow": 1}
@app.get("/async")
async def asynchronous(): return {"async": 1}
@app.get("/later")
async def later():
    await asyncio.sleep(0.005)
    return {"later": 1}
@app.get("/const", const=True)
def const(): return "const"
@app.get("/stream")
def stream(): return StreamingResponse((f"{i}," for i in range(20)), media_type="text/plain")
@app.get("/stream_async")
async def stream_async():
    async def pieces():
        for i in range(20):
            await asyncio.sleep(0)
            yield f"{i},"
    return StreamingResponse(pieces(), media_type="text/plain")
@app.get("/events")
def events(): return SSEResponse(SSEMessage(i) for i in range(3))
@app.post("/upload", stream=True)
async def upload(request): return {"size": sum([len(piece) async for piece in request.stream()])}
@app.post("/upload_plain", stream=True)
def upload_plain(request): return {"size": sum(len(piece) for piece in request.stream())}
@app.post("/form")
def form(request): return {"a": request.form_data["a"]}
@app.post("/json")
def read_json(request): return request.json()
@app.get("/large")
async def large(): return [{"id": i, "third": i / 3} for i in range(3000)]
class Item(BaseModel):
    name: str
    count: int = 1
@app.post("/model", response_model=Item)
def model(item: Item): return item
@dataclasses.dataclass
class Point:
    x: int
@app.post("/dataclass")
async def point(body: Point): return body
@app.get("/typed/:n")
def typed(n: int): return {"n": n}
@app.get("/template")
def template(): return templates.render_template("page.html", name="x")
@app.get("/session")
def session(request):
    request.session["n"] = 1
    return "session"
async def opened():
    await asyncio.sleep(0)
    yield "opened"
@app.get("/depends")
async def depends(value=Depends(opened)): return value
@app.get("/background")
def background(): return Response(200, {}, "done", background=BackgroundTask(time.sleep, 0))
@app.get("/file")
def file(): return serve_file(os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.html"))
@app.get("/missing")
def missing(): raise HTTPException(404, "no")
@app.get("/hooks")
def hooks(): return mark.get()
@app.before_request("/hooks")
async def before(request):
    await asyncio.sleep(0)
    mark.set("set")
@app.after_request("/hooks")
def after(request, response):
    response.headers["X-After"] = mark.get()
@app.get("/thread")
async def thread(): return await asyncio.to_thread(lambda: "thread")
@app.mcp.tool()
def add(a: int, b: int) -> int: return a + b
@app.websocket("/socket")
async def socket(websocket):
    async for text in websocket:
        await websocket.send_text(text)
app.serve_directory("/files", ".")
"""
HOOKS = """
async def waits(request):
    return None
def handler(request):
    return "yaml"
"""
YAML = """
server: {{ listen: 127.0.0.1:0, processes: {processes}, timeouts: {{ drain: 1h }}, access_log: {{ format: none }} }}
python: {{ venv: "${{ROOST_VENV}}", path: [.], threads: 8 }}
middleware:
  - {{ python: "hooks:waits", paths: [/yaml] }}
routes:
  - {{ path: /, python: "app:app" }}
  - {{ path: /yaml, python: "hooks:handler" }}
"""
FILES = {"app.py": APP, "hooks.py": HOOKS, "page.html": "hello {{ name }}\n"}
LIST = json.dumps([{"id": i, "name": f"name {i}"} for i in range(3000)]).encode()
JSON = {"content-type": "application/json"}
CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add", "arguments": {"a": 1, "b": 2}}}

# Path, body and headers of the request, and what the response must be.
Case = tuple[str, bytes | None, dict[str, str], Callable[[httpx.Response], bool]]
CASES: list[Case] = [
    ("/plain", None, {}, lambda r: r.json() == {"plain": 1}),
    ("/slow", None, {}, lambda r: r.json() == {"slow": 1}),
    ("/async", None, {}, lambda r: r.json() == {"async": 1}),
    ("/later", None, {}, lambda r: r.json() == {"later": 1}),
    ("/const", None, {}, lambda r: r.text == "const"),
    ("/stream", None, {}, lambda r: r.text == "".join(f"{i}," for i in range(20))),
    ("/stream_async", None, {}, lambda r: r.text == "".join(f"{i}," for i in range(20))),
    ("/events", None, {}, lambda r: r.text == "data: 0\n\ndata: 1\n\ndata: 2\n\n"),
    ("/upload", b"x" * 300_000, {}, lambda r: r.json() == {"size": 300_000}),
    ("/upload_plain", b"x" * 300_000, {}, lambda r: r.json() == {"size": 300_000}),
    ("/form", b"a=1", {"content-type": "application/x-www-form-urlencoded"}, lambda r: r.json() == {"a": "1"}),
    ("/json", LIST, JSON, lambda r: r.content == json.dumps(json.loads(LIST), separators=(",", ":")).encode()),
    ("/large", None, {}, lambda r: r.json()[2999] == {"id": 2999, "third": 2999 / 3}),
    ("/model", b'{"name": "x"}', JSON, lambda r: r.json() == {"name": "x", "count": 1}),
    ("/model", b'{"count": 1}', JSON, lambda r: r.status_code == 422),
    ("/dataclass", b'{"x": 1}', JSON, lambda r: r.json() == {"x": 1}),
    ("/typed/1", None, {}, lambda r: r.json() == {"n": 1}),
    ("/typed/x", None, {}, lambda r: r.status_code == 400),
    ("/template", None, {}, lambda r: r.text == "hello x"),
    ("/session", None, {}, lambda r: r.text == "session" and "session" in r.cookies),
    ("/depends", None, {}, lambda r: r.text == "opened"),
    ("/background", None, {}, lambda r: r.text == "done"),
    ("/file", None, {}, lambda r: r.text == "hello {{ name }}\n"),
    ("/files/page.html", None, {}, lambda r: r.text == "hello {{ name }}\n"),
    ("/missing", None, {}, lambda r: r.status_code == 404),
    ("/nowhere", None, {}, lambda r: r.status_code == 404),
    ("/hooks", None, {}, lambda r: r.text == "set" and r.headers["x-after"] == "set"),
    ("/thread", None, {}, lambda r: r.text == "thread"),
    ("/mcp", json.dumps(CALL).encode(), JSON, lambda r: r.json()["result"]["content"][0]["text"] == "3"),
    ("/openapi.json", None, {}, lambda r: "/typed/{n}" in r.json()["paths"]),
    ("/docs", None, {}, lambda r: r.status_code == 200),
    ("/yaml", None, {}, lambda r: r.text == "yaml"),
]


def ask(server: RoostServer, case: Case) -> str:
    """Empty when the response is as it should be."""
    path, body, headers, is_right = case
    response = httpx.request(
        "GET" if body is None else "POST", server.url + path, content=body, headers=headers, timeout=60
    )
    return "" if is_right(response) else f"{path}: {response.status_code} {response.text[:500]}"


def start(roost_server: StartServer, processes: int = 1) -> RoostServer:
    return roost_server(YAML.format(processes=processes), FILES)


def assert_ends_by_itself(server: RoostServer) -> None:
    """`drain` is an hour: who waits for it although nothing is under way does not end."""
    assert server.stop() == 0
    assert "at the end of timeouts.drain" not in server.log()
    assert "Fatal" not in server.log()


@pytest.mark.parametrize("processes", [1, 4])
def test_the_first_requests_may_be_of_all_kinds_at_once(roost_server: StartServer, processes: int) -> None:
    server = start(roost_server, processes)
    cases = CASES * 2
    random.shuffle(cases)
    at_once = threading.Barrier(len(cases))

    def first(case: Case) -> str:
        at_once.wait()
        return ask(server, case)

    with ThreadPoolExecutor(len(cases)) as pool:
        assert [wrong for wrong in pool.map(first, cases) if wrong] == []
    assert_ends_by_itself(server)


@pytest.mark.long
@pytest.mark.parametrize("case", CASES, ids=[case[0] for case in CASES])
def test_the_first_requests_may_be_of_one_kind(roost_server: StartServer, case: Case) -> None:
    server = start(roost_server)
    at_once = threading.Barrier(32)

    def first(_: int) -> str:
        at_once.wait()
        return ask(server, case)

    with ThreadPoolExecutor(32) as pool:
        assert [wrong for wrong in pool.map(first, range(32)) if wrong] == []
    assert_ends_by_itself(server)


@pytest.mark.parametrize("processes", [1, 2])
def test_reloads_lose_no_answer_of_any_kind(roost_server: StartServer, processes: int) -> None:
    server = start(roost_server, processes)
    over = threading.Event()

    def client(number: int) -> list[str]:
        wrong = []
        at = number
        while not over.is_set():
            wrong.append(ask(server, CASES[at % len(CASES)]))
            at += 1
        return [line for line in wrong if line]

    with ThreadPoolExecutor(16) as pool:
        clients = [pool.submit(client, number) for number in range(0, 32, 2)]
        try:
            for times in (2, 3, 4):
                server.signal(signal.SIGHUP)
                server.wait_ready(times)
        finally:
            over.set()
        assert [client.result() for client in clients] == [[]] * 16
    assert_ends_by_itself(server)


def test_clients_that_go_hold_up_no_stop(roost_server: StartServer) -> None:
    server = start(roost_server)
    for case in CASES * 2:
        path, body, headers, _ = case
        content = body or b""
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = (
            f"{'POST' if body else 'GET'} {path} HTTP/1.1\r\nHost: a\r\n{fields}Content-Length: {len(content)}\r\n\r\n"
        )
        sent = head.encode() + content
        with server.connect() as connection:
            connection.send(sent[: random.randrange(1, len(sent) + 1)])
    assert [wrong for case in CASES if (wrong := ask(server, case))] == []
    assert_ends_by_itself(server)
    # Who leaves in the middle of a body is no fault of the handler that read it.
    assert "went away" not in server.log()


EVENTS = """
import asyncio, os, threading, time
from roost import App, SSEMessage, SSEResponse, StreamingResponse

app = App(__file__)
release = threading.Event()
beside = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go on")

@app.get("/async")
async def asynchronous():
    async def messages():
        yield SSEMessage("first")
        await asyncio.Event().wait()
    return SSEResponse(messages())

@app.get("/last")
async def last():
    async def messages():
        try:
            yield SSEMessage("first")
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            yield SSEMessage("last")
    return SSEResponse(messages())

@app.get("/plain")
def plain():
    def messages():
        while True:
            yield SSEMessage("first")
            time.sleep(0.01)
    return SSEResponse(messages())

@app.get("/full")
async def full():
    async def messages():
        while True:
            yield SSEMessage("first" * 10_000)
    return SSEResponse(messages())

@app.get("/full_plain")
def full_plain():
    def messages():
        while True:
            yield SSEMessage("first" * 10_000)
    return SSEResponse(messages())

@app.get("/bare")
async def bare():
    async def messages():
        yield "data: first\\n\\n"
        await asyncio.Event().wait()
    from roost import Response
    return Response(200, {"Content-Type": "text/event-stream"}, messages())

@app.get("/ending")
async def ending():
    async def messages():
        yield SSEMessage("first")
        while not os.path.exists(beside):
            await asyncio.sleep(0.01)
        yield SSEMessage("last")
    return SSEResponse(messages())

@app.get("/finite")
async def finite():
    async def messages():
        yield SSEMessage("first")
        while not release.is_set():
            await asyncio.sleep(0.01)
        yield SSEMessage("last")
    return SSEResponse(messages(), ends_on_drain=False)

@app.get("/download")
def download():
    def pieces():
        yield "first"
        release.wait()
        yield "last"
    return StreamingResponse(pieces(), media_type="text/plain")

@app.websocket("/release")
async def let_go(websocket):
    await websocket.send_text("here")
    try:
        async for _ in websocket:
            pass
    finally:
        release.set()
"""
EVENTS_YAML = """
server: { listen: 127.0.0.1:0, timeouts: { drain: 1h }, access_log: { format: none } }
python: { venv: "${ROOST_VENV}", path: [.] }
routes: [{ path: /, python: "events:app" }]
"""


def begin(server: RoostServer, path: str) -> RawConnection:
    """A stream of which the first piece has come."""
    connection = server.connect()
    connection.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    connection.read_until(b"first")
    return connection


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGHUP])
def test_streams_of_events_end_when_a_worker_drains(roost_server: StartServer, sign: signal.Signals) -> None:
    server = roost_server(EVENTS_YAML, {"events.py": EVENTS}, args=["--dev"])
    old = server.leaves()
    streams = {path: begin(server, path) for path in ("/async", "/last", "/plain", "/bare", "/full", "/full_plain")}
    server.signal(sign)
    for path, connection in streams.items():
        rest = connection.read_all()
        # Cut where they did not end by themselves: nobody takes them for whole.
        assert rest.endswith(b"\r\n0\r\n\r\n") == (path == "/last"), (path, rest[-200:])
        assert (b"data: last" in rest) == (path == "/last"), path
    if sign == signal.SIGHUP:
        server.wait_for(lambda: not set(old) & set(server.leaves()), "the old worker's end")
    assert_ends_by_itself(server)
    assert "raised" not in server.log()


def test_streams_of_events_may_end_by_themselves_first(roost_server: StartServer) -> None:
    server = roost_server(EVENTS_YAML, {"events.py": EVENTS})
    ending = begin(server, "/ending")
    server.signal(signal.SIGHUP)
    server.wait_ready(2)
    # Only now does it go on: in the old worker, which drains.
    (server.directory / "go on").touch()
    assert ending.read_all().endswith(b"data: last\n\n\r\n0\r\n\r\n")
    assert_ends_by_itself(server)


def test_other_streams_are_waited_for(roost_server: StartServer) -> None:
    websockets = pytest.importorskip("websockets.sync.client")
    server = roost_server(EVENTS_YAML, {"events.py": EVENTS})
    streams = [begin(server, "/finite"), begin(server, "/download")]
    with websockets.connect(server.ws_url + "/release") as socket:
        assert socket.recv() == "here"
        # WebSockets are closed when the worker drains, and that alone lets the two go on.
        server.signal(signal.SIGTERM)
        for connection in streams:
            assert b"last" in connection.read_all()
    assert server.wait() == 0
    assert "at the end of timeouts.drain" not in server.log()


STRAY = """
import asyncio, threading
from roost import App

app = App(__file__)
events = {name: threading.Event() for name in ("held", "patient", "last", "gone", "release")}
held, patient = [], []

async def waits(request):
    await asyncio.sleep(0)

@app.get("/held")
def hold():
    held.append(1)
    if len(held) == 6:
        events["held"].set()
    events["release"].wait()

@app.get("/last")
async def last():
    events["last"].set()
    try:
        await asyncio.Event().wait()
    finally:
        events["gone"].set()

@app.get("/patient/:number")
async def wait(number: int):
    patient.append(number)
    if len(patient) == 16:
        events["patient"].set()
    while not events["release"].is_set():
        await asyncio.sleep(0.01)
    return "waited"

@app.get("/state")
def state():
    return {name: event.is_set() for name, event in events.items()}

@app.get("/release")
def let_go():
    events["release"].set()
"""


def test_a_client_that_goes_cancels_no_request_of_others(roost_server: StartServer) -> None:
    """The middleware's part of its request is over, and what served it serves others."""
    server = roost_server(
        """
server: { listen: 127.0.0.1:0 }
python: { venv: "${ROOST_VENV}", path: [.] }
middleware: [{ python: "stray:waits", paths: [/held] }]
routes: [{ path: /, python: "stray:app" }]
""",
        {"stray.py": STRAY},
    )

    def reached(name: str) -> bool:
        return bool(httpx.get(server.url + "/state", timeout=60).json()[name])

    leaving = [server.connect() for _ in range(6)]
    with server.connect() as last, ThreadPoolExecutor(16) as pool:
        last.send(b"GET /last HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for(lambda: reached("last"))
        for connection in leaving:
            connection.send(b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for(lambda: reached("held"))
        waiting = [pool.submit(httpx.get, f"{server.url}/patient/{n}", timeout=60) for n in range(16)]
        server.wait_for(lambda: reached("patient"))
        for connection in (*leaving, last):
            connection.close()
        # Ends are heard of in the order that they came.
        server.wait_for(lambda: reached("gone"))
        httpx.get(server.url + "/release", timeout=60)
        assert [answer.result().text for answer in waiting] == ["waited"] * 16
