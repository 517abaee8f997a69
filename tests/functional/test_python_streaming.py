"""Bodies that Python makes piece by piece: framing, back-pressure, hooks, and what is left when the client goes."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from conftest import StartServer

from server_process import RawConnection, RoostServer

STREAMS = """
import asyncio, contextvars, gc, os, sys, threading, time
from roost import App, Headers, Response, SSEMessage, SSEResponse, StreamingResponse

app = App(__file__)
mark = contextvars.ContextVar("mark", default="none")
diary = []
progress = {}
release = threading.Event()

@app.get("/diary")
def read_diary():
    return {"diary": diary, "progress": progress, "threads": sorted({entry[1] for entry in diary if len(entry) > 1})}

@app.post("/reset")
def reset():
    diary.clear()
    progress.clear()
    return {}

def pieces(count):
    for i in range(count):
        yield f"piece {i}\\n" if i % 2 else f"piece {i}\\n".encode()

async def async_pieces(count):
    for i in range(count):
        await asyncio.sleep(0)
        yield f"piece {i}\\n" if i % 2 else bytearray(f"piece {i}\\n".encode())

@app.get("/plain/:kind/:count")
def plain(request):
    count = int(request.path_params["count"])
    made = pieces(count) if request.path_params["kind"] == "sync" else async_pieces(count)
    return StreamingResponse(made, 206, {"X-Kind": "plain"}, media_type="text/plain")

@app.get("/async/:kind/:count")
async def from_async(request):
    count = int(request.path_params["count"])
    made = pieces(count) if request.path_params["kind"] == "sync" else async_pieces(count)
    return StreamingResponse(made, headers=Headers({"Content-Type": "text/csv"}))

@app.get("/list")
def from_list():
    return StreamingResponse(["a", b"b", "", "c"], media_type="text/plain")

@app.get("/bare")
def bare():
    return pieces(3)

@app.get("/bare_async")
async def bare_async():
    yield "one"
    yield "two"

@app.get("/response")
def response():
    return Response(201, {"Content-Type": "text/x"}, pieces(2))

@app.get("/tuple")
def in_tuple():
    return StreamingResponse(pieces(2), media_type="text/y"), 202

@app.get("/length/:size")
def with_length(request):
    return StreamingResponse(iter(["12345", "67890"]), headers={"Content-Length": request.path_params["size"]})

@app.get("/events/:kind")
async def events(request):
    def plain():
        yield SSEMessage("hello", event="greeting", id="1", retry=1000)
        yield SSEMessage("two\\r\\nlines\\rand three")
    async def asynchronous():
        for message in plain():
            yield message
    return SSEResponse(plain() if request.path_params["kind"] == "sync" else asynchronous())

def endless(name, piece):
    sent = 0
    try:
        while True:
            sent += 1
            progress[name] = sent
            yield piece
    finally:
        diary.append([f"closed {name}", threading.current_thread().name, mark.get()])

async def async_endless(name, piece):
    sent = 0
    try:
        while True:
            sent += 1
            progress[name] = sent
            yield piece
    finally:
        await asyncio.sleep(0)
        diary.append([f"closed {name}", threading.current_thread().name, mark.get()])

@app.get("/endless/:kind/:name")
async def run_endless(request):
    mark.set(request.path_params["name"])
    make = endless if request.path_params["kind"] == "sync" else async_endless
    return StreamingResponse(make(request.path_params["name"], b"x" * 16384), media_type="text/plain")

@app.get("/waiting/:name")
async def waiting(request):
    async def wait():
        try:
            yield "first"
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            diary.append([f"cancelled {request.path_params['name']}"])
            raise
        finally:
            diary.append([f"closed {request.path_params['name']}"])
    return StreamingResponse(wait(), media_type="text/plain")

@app.get("/raises/:kind")
async def raises(request):
    def plain():
        yield "before"
        raise ValueError("in the middle")
    async def asynchronous():
        yield "before"
        raise ValueError("in the middle")
    return StreamingResponse(plain() if request.path_params["kind"] == "sync" else asynchronous())

@app.get("/wrong/:kind")
async def wrong(request):
    def plain():
        try:
            yield "before"
            yield 7
        finally:
            diary.append(["closed wrong"])
    async def asynchronous():
        try:
            yield "before"
            yield 7
        finally:
            diary.append(["closed wrong"])
    return StreamingResponse(plain() if request.path_params["kind"] == "sync" else asynchronous())

@app.get("/slow")
def slow():
    def wait():
        yield "a"
        release.wait()
        yield "b"
    return StreamingResponse(wait(), media_type="text/plain")

@app.post("/release")
def let_go():
    release.set()
    return {}

@app.get("/where/:kind")
def where(request):
    mark.set("handler")
    def plain():
        yield threading.current_thread().name + " " + mark.get()
    async def asynchronous():
        yield threading.current_thread().name + " " + mark.get()
    return StreamingResponse(plain() if request.path_params["kind"] == "sync" else asynchronous())

@app.get("/late/:name")
def late(request):
    def tell():
        yield request.path_params["name"] + " "
        yield request.headers["x-late"] + " " + request.query_params["q"]
    return StreamingResponse(tell())
"""

HOOKS = """
import contextvars
from roost import App, StreamingResponse

app = App(__file__)
mark = contextvars.ContextVar("mark", default="none")

@app.before_request()
def before(request):
    mark.set(mark.get() + " before")

@app.get("/sync")
def plain():
    mark.set(mark.get() + " handler")
    def pieces():
        yield mark.get()
    return StreamingResponse(pieces(), media_type="text/plain")

@app.get("/mixed")
def mixed():
    mark.set(mark.get() + " handler")
    async def pieces():
        yield mark.get()
    return StreamingResponse(pieces(), media_type="text/plain")

@app.after_request()
def after(response):
    mark.set(mark.get() + " after")
    assert isinstance(response, StreamingResponse), response
    response.headers["X-After"] = mark.get()
    response.status_code = 203
"""

YAML = """
server: { listen: "127.0.0.1:0", processes: 1, timeouts: { drain: 5s } }
python: { venv: "${ROOST_VENV}", path: [.], threads: 4 }
routes:
  - { path: /hooks, python: hooks:app }
  - { path: /, python: streams:app }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, {"streams.py": STREAMS, "hooks.py": HOOKS})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as connected:
        connected.post("/reset")
        yield connected


def expected(count: int) -> str:
    return "".join(f"piece {i}\n" for i in range(count))


def diary(client: httpx.Client) -> list[list[str]]:
    entries: list[list[str]] = client.get("/diary").json()["diary"]
    return entries


def small_window(server: RoostServer) -> RawConnection:
    """A client that takes little while it does not read."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.connect(("127.0.0.1", server.port))
    return RawConnection(sock)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("count", [0, 1, 3, 500])
def test_iterators_of_plain_handlers_are_sent(client: httpx.Client, kind: str, count: int) -> None:
    response = client.get(f"/plain/{kind}/{count}")
    assert (response.status_code, response.text) == (206, expected(count))
    assert response.headers["transfer-encoding"] == "chunked"
    assert (response.headers["content-type"], response.headers["x-kind"]) == ("text/plain", "plain")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_iterators_of_async_handlers_are_sent(client: httpx.Client, kind: str) -> None:
    response = client.get(f"/async/{kind}/100")
    assert (response.status_code, response.text) == (200, expected(100))
    assert response.headers["content-type"] == "text/csv"


def test_a_list_is_sent_piece_by_piece(client: httpx.Client) -> None:
    assert client.get("/list").text == "abc"


@pytest.mark.parametrize(
    ("path", "status", "kind", "text"),
    [
        ("/bare", 200, "text/plain; charset=utf-8", expected(3)),
        ("/bare_async", 200, "text/plain; charset=utf-8", "onetwo"),
        ("/response", 201, "text/x", expected(2)),
        ("/tuple", 202, "text/y", expected(2)),
    ],
)
def test_iterators_are_sent_however_they_are_returned(
    client: httpx.Client, path: str, status: int, kind: str, text: str
) -> None:
    response = client.get(path)
    assert (response.status_code, response.headers["content-type"], response.text) == (status, kind, text)


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_events_are_framed(client: httpx.Client, kind: str) -> None:
    with client.stream("GET", f"/events/{kind}") as response:
        text = response.read().decode()
    assert response.headers["content-type"] == "text/event-stream"
    assert response.headers["cache-control"] == "no-cache"
    assert text == ("event: greeting\nid: 1\nretry: 1000\ndata: hello\n\ndata: two\ndata: lines\ndata: and three\n\n")


def test_a_content_length_is_kept(server: RoostServer) -> None:
    with server.connect() as connection:
        for _ in range(2):
            connection.send(b"GET /length/10 HTTP/1.1\r\nHost: a\r\n\r\n")
            response = connection.read_response()
            assert (response.headers["content-length"], response.body) == ("10", b"1234567890")
            assert "transfer-encoding" not in response.headers


@pytest.mark.parametrize("size", [9, 11])
def test_a_body_of_another_length_is_cut(server: RoostServer, size: int) -> None:
    with server.connect() as connection:
        connection.send(f"GET /length/{size} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        got = connection.read_all()
    assert got.count(b"HTTP/1.1") == 1
    assert len(got.partition(b"\r\n\r\n")[2]) < 11
    server.wait_log("longer than its Content-Length" if size == 9 else "shorter than its Content-Length")


def test_http_1_0_ends_by_closing(server: RoostServer) -> None:
    got = server.exchange(b"GET /plain/sync/3 HTTP/1.0\r\n\r\n")
    assert got.endswith(b"\r\n\r\n" + expected(3).encode())


def test_head_closes_the_iterator_unread(client: httpx.Client) -> None:
    for kind in ("sync", "async"):
        response = client.head(f"/endless/{kind}/head")
        assert (response.status_code, response.content) == (200, b"")
    assert client.get("/diary").json()["progress"] == {}


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_iterator_waits_for_the_client(server: RoostServer, client: httpx.Client, kind: str) -> None:
    with small_window(server) as connection:
        connection.send(f"GET /endless/{kind}/slow-{kind} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        counts: list[int] = []

        def stands() -> bool:
            counts.append(client.get("/diary").json()["progress"].get(f"slow-{kind}", 0))
            return len(counts) > 20 and counts[-20] == counts[-1] > 0

        server.wait_for(stands, "the iterator to stand still")
        assert counts[-1] * 16384 < 8 << 20
        before = counts[-1]
        for _ in range(256):
            connection.read_exactly(16384)
        server.wait_for(
            lambda: client.get("/diary").json()["progress"][f"slow-{kind}"] > before, "the iterator to go on"
        )
    server.wait_for(lambda: [f"closed slow-{kind}"] in [entry[:1] for entry in diary(client)], "its finally block")
    entry = next(entry for entry in diary(client) if entry[0] == f"closed slow-{kind}")
    assert entry[2] == f"slow-{kind}", "contextvars are those of the handler"
    if kind == "sync":
        assert "asyncio" not in entry[1]


def test_a_waiting_iterator_is_cancelled_when_the_client_goes(server: RoostServer, client: httpx.Client) -> None:
    with server.connect() as connection:
        connection.send(b"GET /waiting/w HTTP/1.1\r\nHost: a\r\n\r\n")
        connection.read_until(b"first")
        assert diary(client) == []
    server.wait_for(lambda: diary(client) == [["cancelled w"], ["closed w"]], "its clean-up")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_an_error_in_the_middle_cuts_the_response(server: RoostServer, kind: str) -> None:
    with server.connect() as connection:
        connection.send(f"GET /raises/{kind} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        got = connection.read_all()
    assert got.endswith(b"before\r\n"), "no last chunk: the client sees that something is missing"
    server.wait_log(r"ValueError: in the middle")


@pytest.mark.parametrize("kind", ["sync", "async"])
def test_a_piece_of_another_type_is_an_error(server: RoostServer, client: httpx.Client, kind: str) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"/wrong/{kind}")
    server.wait_log("a streamed response is made of str and bytes, not int")
    assert diary(client) == [["closed wrong"]]


def test_a_blocking_iterator_holds_nobody_up(client: httpx.Client) -> None:
    with client.stream("GET", "/slow") as response:
        parts = response.iter_text()
        assert next(parts) == "a"
        with httpx.Client(base_url=client.base_url, timeout=60) as other:
            assert other.get("/list").text == "abc"
            assert other.get("/bare_async").text == "onetwo"
            other.post("/release")
        assert "".join(parts) == "b"


def test_plain_iterators_run_beside_the_loop_with_the_handlers_contextvars(client: httpx.Client) -> None:
    thread, mark = client.get("/where/sync").text.split(" ")
    assert mark == "handler"
    loop_thread, mark = client.get("/where/async").text.split(" ")
    assert mark == "handler"
    assert thread != loop_thread
    assert client.get("/diary").json()["diary"] == []


def test_an_iterator_may_look_at_the_request(client: httpx.Client) -> None:
    assert client.get("/late/n?q=1", headers={"X-Late": "l"}).text == "n l 1"


@pytest.mark.parametrize("path", ["/hooks/sync", "/hooks/mixed"])
def test_after_handlers_edit_status_and_headers(client: httpx.Client, path: str) -> None:
    for _ in range(3):
        response = client.get(path)
        assert response.status_code == 203
        assert response.headers["x-after"] == "none before handler after"
        assert response.text == "none before handler after"


def test_streams_follow_each_other_on_one_connection(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(b"GET /plain/async/5 HTTP/1.1\r\nHost: a\r\n\r\n" * 20)
        for _ in range(20):
            assert connection.read_response().body == expected(5).encode()


def test_event_fields_cannot_be_forged() -> None:
    message: Callable[..., str] = pytest.importorskip("roost").SSEMessage
    cases: list[tuple[dict[str, Any], str | None]] = [
        ({"data": "x"}, "data: x\n\n"),
        ({"data": ""}, "data: \n\n"),
        ({"data": 0}, "data: 0\n\n"),
        ({"data": " x"}, "data:  x\n\n"),
        ({"data": json.dumps({"a": 1})}, 'data: {"a": 1}\n\n'),
        ({"data": "x", "id": ""}, "id: \ndata: x\n\n"),
        ({"data": "x", "retry": 0}, "retry: 0\ndata: x\n\n"),
        ({"data": "x", "event": "a\ndata: forged"}, None),
        ({"data": "x", "id": "1\r\n\r\ndata: forged"}, None),
        ({"data": "x", "id": "1\0"}, None),
    ]
    for given, want in cases:
        if want is None:
            with pytest.raises(ValueError, match="must be one line"):
                message(**given)
        else:
            assert message(**given) == want, given
