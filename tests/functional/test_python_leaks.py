"""What requests leave behind in a worker: no object, no reference, no memory, however they end."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

import httpx
import pytest
from conftest import StartServer

from server_process import RawConnection, RoostServer

pytestmark = [
    pytest.mark.unsanitized,  # freed memory is kept by ASan
    pytest.mark.timeout(1800),  # 100,000 requests take their time on a busy machine
]

APP = '''
import asyncio, gc, os, sys
from roost import App, BackgroundTask, FileResponse, Response, SSEMessage, SSEResponse, StreamingResponse
from roost.exceptions import HTTPException

app = App(__file__)
within = cancelled = closed = background = 0
kept_function = None

class Marker:
    """Referred to by every kind of handler's result: its references are counted."""

marker = Marker()

@app.get("/census")
def census():
    for _ in range(3):
        gc.collect()
    with open("/proc/self/statm") as statm:
        resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "objects": len(gc.get_objects()), "blocks": sys.getallocatedblocks(), "marker": sys.getrefcount(marker),
        "resident": resident, "within": within, "cancelled": cancelled, "closed": closed, "background": background,
        "descriptors": len(os.listdir("/proc/self/fd")),
    }

@app.get("/dict")
def plain_dict(request):
    request.state.marker = marker
    return {"id": request.query_params.get("id"), "agent": request.headers.get("x-agent"), "list": [1, 2.5, None]}

@app.get("/async_dict")
async def async_dict(request):
    request.state.marker = marker
    return {"id": request.query_params.get("id")}

@app.get("/async_wait")
async def async_wait(request):
    request.state.marker = marker
    await asyncio.sleep(0)
    return "waited"

@app.get("/response")
def response(request):
    made = Response(201, {"X-A": "1"}, "text")
    made.set_cookie("a", "1", path="/")
    return made

@app.get("/raises")
def raises(request):
    held = marker
    raise ValueError("wanted")

@app.get("/async_raises")
async def async_raises(request):
    held = marker
    await asyncio.sleep(0)
    raise ValueError("wanted")

@app.get("/http_exception")
def http_exception():
    raise HTTPException(404, "none")

@app.get("/unsendable")
def unsendable():
    return object()

def pieces():
    held = marker
    for i in range(5):
        yield f"piece {i}"

async def async_pieces():
    held = marker
    for i in range(5):
        await asyncio.sleep(0)
        yield f"piece {i}"

@app.get("/stream")
def stream(request):
    return StreamingResponse(pieces())

@app.get("/async_stream")
async def async_stream(request):
    return StreamingResponse(async_pieces())

@app.get("/events")
async def events(request):
    return SSEResponse(SSEMessage(piece, id=i) for i, piece in enumerate(pieces()))

@app.get("/mixed_stream")
def mixed_stream(request):
    return StreamingResponse(async_pieces())

@app.get("/file")
def file():
    return FileResponse("small.txt")

@app.get("/no_file")
async def no_file():
    return FileResponse("missing.txt")

def count():
    global background
    background += 1

async def async_count():
    await asyncio.sleep(0)
    count()

@app.get("/background")
def with_background():
    return Response(200, {}, "x", background=BackgroundTask(count))

@app.get("/async_background")
async def with_async_background():
    return Response(200, {}, "x", background=BackgroundTask(async_count))

@app.post("/json")
def read_json(request):
    return request.json()

@app.post("/read", stream=True)
def read_stream(request):
    held = marker
    return {"size": sum(len(piece) for piece in request.stream())}

@app.post("/async_read", stream=True)
async def async_read_stream(request):
    return {"size": sum([len(piece) async for piece in request.stream()])}

@app.post("/async_whole", stream=True)
async def async_whole(request):
    await request.read()
    return request.json()

@app.post("/unread", stream=True)
async def unread(request):
    request.stream()
    return {}

@app.get("/tasks")
async def tasks(request):
    asyncio.create_task(async_count())
    return {}

@app.get("/hang")
async def hang(request):
    global within, cancelled
    held = marker
    within += 1
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        cancelled += 1
        raise
    finally:
        within -= 1

@app.get("/hang_stream")
async def hang_stream(request):
    async def wait():
        global within, closed
        held = marker
        within += 1
        try:
            yield "begun"
            await asyncio.Event().wait()
        finally:
            within -= 1
            closed += 1
    return StreamingResponse(wait())

@app.get("/endless")
def endless(request):
    def run():
        global within, closed
        held = marker
        within += 1
        try:
            while True:
                yield b"x" * 65536
        finally:
            within -= 1
            closed += 1
    return StreamingResponse(run())

@app.post("/hang_read", stream=True)
async def hang_read(request):
    global within, closed
    held = marker
    within += 1
    try:
        async for piece in request.stream():
            pass
    finally:
        within -= 1
        closed += 1
'''

YAML = """
server:
  listen: "127.0.0.1:0"
  processes: 1
  log_level: error
  access_log: { format: none }
  timeouts: { drain: 5s }
python: { venv: "${ROOST_VENV}", path: [.], threads: 4 }
routes: [{ path: /, python: leaks:app }]
"""

GETS = [
    "dict?id=1",
    "async_dict?id=1",
    "async_wait",
    "response",
    "raises",
    "async_raises",
    "http_exception",
    "unsendable",
    "stream",
    "async_stream",
    "events",
    "mixed_stream",
    "file",
    "no_file",
    "background",
    "async_background",
    "tasks",
]
POSTS = ["json", "read", "async_read", "async_whole"]
BATCH = 50


@pytest.fixture
def server(roost_server: StartServer) -> RoostServer:
    return roost_server(YAML, {"leaks.py": APP, "small.txt": "small file\n"})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as connected:
        yield connected


def flat(server: RoostServer, client: httpx.Client, run: Callable[[int], None], count: int) -> None:
    """Runs it `count` times, and again: what there is afterwards is what there was in between."""

    def census() -> dict[str, int]:
        found: dict[str, int] = client.get("/census").json()
        return found

    for _ in range(3 if count < 1000 else 1):  # what is kept for the next request grows at first
        run(count)
    before: dict[str, int] = {}
    after: dict[str, int] = {}

    def settled() -> bool:
        # What ends after its response: twice the same.
        before.update(after)
        after.update(census())
        return bool(before) and all(before[name] == after[name] for name in ("objects", "marker", "within"))

    server.wait_for(settled, "the worker to be at rest")
    for _ in range(3):  # more at once than ever before grows what is kept, once; a leak grows every time
        first = dict(after)
        run(count)
        before.clear()
        after.clear()
        server.wait_for(settled, "the worker to be at rest")
        grown = {name: after[name] - first[name] for name in after}
        # A cache may grow by a handful, whatever the count; a leak grows with it.
        kept = grown["blocks"] < max(250, count // 10) and grown["objects"] < 20 and grown["resident"] < 4 << 20
        if kept and grown["marker"] == 0 and grown["descriptors"] < 5:
            break
    else:
        pytest.fail(f"grows every time, at last by {grown}")
    assert after["within"] == 0


def repeat(server: RoostServer, request: bytes, count: int) -> None:
    """Sends it so often over one connection, in batches, and reads the answers."""
    with server.connect() as connection:
        for start in range(0, count, BATCH):
            batch = min(BATCH, count - start)
            connection.send(request * batch)
            for _ in range(batch):
                connection.read_response()


def disconnect(server: RoostServer, client: httpx.Client, request: bytes, count: int, at_once: int) -> None:
    """Sends it over connections of their own, and closes them when their handlers are within."""
    for start in range(0, count, at_once):
        batch = min(at_once, count - start)
        connections = []
        for _ in range(batch):
            sock = socket.socket()
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            sock.connect(("127.0.0.1", server.port))
            connections.append(RawConnection(sock))
            connections[-1].send(request)
        server.wait_for(lambda batch=batch: client.get("/census").json()["within"] == batch, "all to be in")
        for connection in connections:
            connection.close()
        server.wait_for(lambda: client.get("/census").json()["within"] == 0, "all to have left")


SIZES = pytest.mark.parametrize("count", [500, pytest.param(100_000, marks=[pytest.mark.long, pytest.mark.timeout(0)])])


@SIZES
@pytest.mark.parametrize("path", GETS)
def test_requests_leave_nothing(server: RoostServer, client: httpx.Client, path: str, count: int) -> None:
    request = f"GET /{path} HTTP/1.1\r\nHost: a\r\nX-Agent: b\r\n\r\n".encode()
    flat(server, client, lambda n: repeat(server, request, n), count)


@SIZES
@pytest.mark.parametrize("path", POSTS)
def test_bodies_leave_nothing(server: RoostServer, client: httpx.Client, path: str, count: int) -> None:
    body = b'{"a": [1, 2, 3], "b": "text"}'
    request = f"POST /{path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    flat(server, client, lambda n: repeat(server, request, n), count)


@pytest.mark.parametrize(
    ("path", "at_once"), [("GET /hang", 50), ("GET /hang_stream", 50), ("GET /endless", 3), ("POST /hang_read", 50)]
)
@pytest.mark.parametrize("count", [300, pytest.param(100_000, marks=[pytest.mark.long, pytest.mark.timeout(0)])])
def test_clients_that_go_leave_nothing(
    server: RoostServer, client: httpx.Client, path: str, at_once: int, count: int
) -> None:
    framing = "Content-Length: 8\r\n\r\nhalf" if path.startswith("POST") else "\r\n"
    request = f"{path} HTTP/1.1\r\nHost: a\r\n{framing}".encode()
    flat(server, client, lambda n: disconnect(server, client, request, n, at_once), count)


def test_a_thousand_cancelled_handlers_leave_nothing(server: RoostServer, client: httpx.Client) -> None:
    request = b"GET /hang HTTP/1.1\r\nHost: a\r\n\r\n"
    flat(server, client, lambda n: disconnect(server, client, request, n, 1000), 1000)
    cancelled = client.get("/census").json()["cancelled"]
    assert cancelled >= 2000
    assert cancelled % 1000 == 0
