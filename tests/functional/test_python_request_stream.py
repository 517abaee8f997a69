"""Bodies that Python reads as they come: order, flow control, limits, and bodies that do not come whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import httpx
import pytest
from conftest import StartServer

from server_process import RoostServer

APP = """
import asyncio, hashlib, threading
from roost import App, StreamingResponse

app = App(__file__)
diary = []
go_on = None
gate = threading.Event()

@app.post("/async/hash", stream=True)
async def async_hash(request):
    digest, pieces = hashlib.sha256(), 0
    async for piece in request.stream():
        assert type(piece) is bytes and piece
        digest.update(piece)
        pieces += 1
    return {"hash": digest.hexdigest(), "several": pieces > 1}

@app.post("/sync/hash", stream=True)
def sync_hash(request):
    digest, pieces = hashlib.sha256(), 0
    for piece in request.stream():
        digest.update(piece)
        pieces += 1
    return {"hash": digest.hexdigest(), "several": pieces > 1}

@app.post("/sync/json", stream=True)
def sync_json(request):
    return {"json": request.json(), "body": request.body}

@app.post("/async/json", stream=True)
async def async_json(request):
    whole = await request.read()
    return {"json": request.json(), "body": request.body, "read": whole.decode(),
            "again": b"".join([piece async for piece in request.stream()]).decode()}

@app.post("/async/body", stream=True)
async def async_body(request):
    return request.body

@app.post("/whole/async")
async def whole_async(request):
    return b"".join([piece async for piece in request.stream()]) + await request.read()

@app.post("/whole/sync")
def whole_sync(request):
    return b"".join(request.stream())

@app.post("/unread", stream=True)
async def unread(request):
    return "not looked at"

@app.post("/async/echo", stream=True)
async def async_echo(request):
    return StreamingResponse(request.stream(), media_type="application/octet-stream")

@app.post("/sync/echo", stream=True)
def sync_echo(request):
    def pieces():
        for piece in request.stream():
            yield piece.upper()
    return StreamingResponse(pieces(), media_type="application/octet-stream")

@app.post("/async/note", stream=True)
async def async_note(request):
    try:
        async for piece in request.stream():
            diary.append(len(piece))
        diary.append("clean end")
    except BaseException as error:
        diary.append(type(error).__name__)
        raise

@app.post("/sync/note", stream=True)
def sync_note(request):
    try:
        for piece in request.stream():
            diary.append(len(piece))
        diary.append("clean end")
    except BaseException as error:
        diary.append(type(error).__name__)
        raise

@app.post("/async/gated", stream=True)
async def gated(request):
    while not gate.is_set():
        await asyncio.sleep(0.001)
    return sum([len(piece) async for piece in request.stream()])

@app.post("/kept", stream=True)
async def kept(request):
    app.state.kept = request.stream()
    app.state.piece = len(await anext(app.state.kept))
    return "kept"

@app.get("/kept")
async def read_kept():
    try:
        return b"".join([piece async for piece in app.state.kept])
    except ConnectionError as error:
        return str(error)

@app.post("/open")
def open_gate():
    gate.set()
    return {}

@app.get("/diary")
def read_diary():
    return diary

@app.post("/reset")
def reset():
    diary.clear()
    gate.clear()
    return {}
"""

YAML = """
server:
  listen: "127.0.0.1:0"
  processes: 1
  limits: { body_bytes: 64MiB }
  timeouts: { drain: 5s }
python: { venv: "${ROOST_VENV}", path: [.], threads: 4 }
routes:
  - { path: /small, python: bodies:app, limits: { body_bytes: 1KiB } }
  - { path: /, python: bodies:app }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, {"bodies.py": APP})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as connected:
        connected.post("/reset")
        yield connected


BOTH = pytest.mark.parametrize("kind", ["sync", "async"])


@BOTH
@pytest.mark.parametrize("size", [0, 1, 100, 10_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_is_read_as_it_comes(client: httpx.Client, kind: str, size: int, chunked: bool) -> None:
    body = hashlib.sha256(str(size).encode()).digest() * (size // 32 + 1)
    body = body[:size]

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 100_000):
            yield body[start : start + 100_000]

    response = client.post(f"/{kind}/hash", content=pieces() if chunked else body)
    assert response.json() == {"hash": hashlib.sha256(body).hexdigest(), "several": size > 1_000_000}


def test_the_whole_body_is_still_to_be_had(client: httpx.Client) -> None:
    body = '{"a": "' + "1" * 300_000 + '"}'
    read = client.post("/sync/json", content=body).json()
    assert read == {"body": body, "json": {"a": "1" * 300_000}}
    read = client.post("/async/json", content=body).json()
    assert read["body"] == read["read"] == read["again"] == body
    assert read["json"] == {"a": "1" * 300_000}


@pytest.mark.parametrize("path", ["/whole/async", "/whole/sync"])
def test_other_routes_have_the_stream_too(client: httpx.Client, path: str) -> None:
    expected = b"all of it" * (2 if path == "/whole/async" else 1)
    assert client.post(path, content=b"all of it").content == expected


def test_the_loop_is_not_blocked_for_a_body_on_its_way(server: RoostServer, client: httpx.Client) -> None:
    with server.connect() as connection:
        connection.send(b"POST /async/body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf")
        assert connection.read_response().status == 500
    server.wait_log(r"await request\.read\(\)")


def test_a_body_that_nobody_reads_ends_the_connection(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(b"POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n" + b"x" * 1000)
        response = connection.read_response()
        assert (response.status, response.body) == (200, b"not looked at")
        assert response.headers["connection"] == "close"


@BOTH
def test_request_and_response_stream_at_once(server: RoostServer, kind: str) -> None:
    with server.connect() as connection:
        connection.send(f"POST /{kind}/echo HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\n".encode() + b"ABCD")
        assert connection.read_until(b"4\r\nABCD\r\n")
        connection.send(b"EFGH")
        assert connection.read_until(b"0\r\n\r\n").startswith(b"4\r\nEFGH\r\n")


@BOTH
@pytest.mark.parametrize("chunked", [False, True])
def test_a_cut_body_is_no_clean_end(server: RoostServer, client: httpx.Client, kind: str, chunked: bool) -> None:
    framing = b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n" if chunked else b"Content-Length: 8\r\n\r\nhalf"
    with server.connect() as connection:
        connection.send(f"POST /{kind}/note HTTP/1.1\r\nHost: a\r\n".encode() + framing)
        server.wait_for(lambda: client.get("/diary").json() == [4], "the first half")
    server.wait_for(lambda: len(client.get("/diary").json()) > 1, "the end")
    assert client.get("/diary").json()[1] in ("CancelledError", "ConnectionResetError", "HTTPException")


@BOTH
def test_a_malformed_body_is_answered_with_400(server: RoostServer, client: httpx.Client, kind: str) -> None:
    with server.connect() as connection:
        connection.send(
            f"POST /{kind}/note HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
            + b"4\r\nhalf\r\nzz\r\n"
        )
        assert connection.read_response().status == 400
    assert client.get("/diary").json()[-1] == "HTTPException"


@BOTH
def test_a_body_over_the_limit_is_answered_with_413(server: RoostServer, client: httpx.Client, kind: str) -> None:
    head = f"POST /small/{kind}/note HTTP/1.1\r\nHost: a\r\n".encode()
    with server.connect() as connection:
        connection.send(head + b"Content-Length: 1025\r\n\r\n")
        assert connection.read_response().status == 413
    assert client.get("/diary").json() == []
    with server.connect() as connection:
        connection.send(head + b"Transfer-Encoding: chunked\r\n\r\n400\r\n" + b"x" * 1024 + b"\r\n1\r\nx\r\n")
        assert connection.read_response().status == 413
    assert client.get("/diary").json()[-1] == "HTTPException"


def test_a_client_is_held_up_while_nobody_reads(server: RoostServer, client: httpx.Client) -> None:
    size = 32 << 20
    with server.connect() as connection:
        connection.send(f"POST /async/gated HTTP/1.1\r\nHost: a\r\nContent-Length: {size}\r\n\r\n".encode())
        connection.socket.setblocking(False)
        sent, piece = 0, b"x" * 65536
        stalled = 0
        while stalled < 200:
            try:
                sent += connection.socket.send(piece)
                stalled = 0
            except BlockingIOError:
                stalled += 1
                client.get("/diary")  # gives the server time, as often as it likes
        assert sent < size // 2
        client.post("/open")
        connection.socket.setblocking(True)
        while sent < size:
            sent += connection.socket.send(piece[: size - sent])
        assert connection.read_response().body == str(size).encode()


def test_a_stream_that_outlives_its_request_says_so(server: RoostServer, client: httpx.Client) -> None:
    with server.connect() as connection:
        connection.send(b"POST /kept HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf")
        assert connection.read_response().body == b"kept"
    assert client.get("/kept").text == "the request is over"


def test_100_is_sent_when_the_handler_reads(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(b"POST /async/hash HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        assert connection.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(b"body")
        assert connection.read_response().status == 200
