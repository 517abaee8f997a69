"""Every limit of `server.limits`: what is just within it is served, what is just beyond has its status."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from server_process import RawConnection, RoostServer

CONFIGURATION = """
server:
  listen: 127.0.0.1:0
  processes: 1
  access_log: { format: none }
  limits: { header_bytes: 2KiB, headers: 20, target_bytes: 500, body_bytes: 64KiB, spill: 16KiB }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /, respond: { body: ok } }
  - { path: /echo, methods: [POST], plugin: probe.echo }
  - { path: /small, methods: [POST], plugin: probe.echo, limits: { body_bytes: 10B } }
  - { path: /large, methods: [POST], plugin: probe.echo, limits: { body_bytes: 1MiB } }
  - { path: /count, methods: [POST], plugin: probe.count }
"""


@pytest.fixture(scope="module")
def server(module_server: Callable[..., RoostServer]) -> RoostServer:
    return module_server(CONFIGURATION)


def status_of(server: RoostServer, request: bytes) -> int:
    with server.connect() as connection:
        connection.send(request)
        response = connection.read_response()
        if response.status >= 400:
            assert response.headers["connection"] == "close"
            assert 0 < len(response.body) < 200
            assert connection.closed()
        return response.status


@pytest.mark.parametrize("size, status", [(2048, 200), (2049, 431), (20_000, 431)])
def test_header_bytes(server: RoostServer, size: int, status: int) -> None:
    start, end = b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"\r\n\r\n"
    assert status_of(server, start + b"x" * (size - len(start) - len(end)) + end) == status


@pytest.mark.parametrize("count, status", [(20, 200), (21, 431)])
def test_headers(server: RoostServer, count: int, status: int) -> None:
    assert status_of(server, b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * (count - 1) + b"\r\n") == status


@pytest.mark.parametrize("size, status", [(500, 200), (501, 414)])
def test_target_bytes(server: RoostServer, size: int, status: int) -> None:
    assert status_of(server, b"GET /?" + b"q" * (size - 2) + b" HTTP/1.1\r\nHost: a\r\n\r\n") == status


@pytest.mark.parametrize("path, limit", [("/echo", 65536), ("/small", 10), ("/large", 1 << 20), ("/count", 65536)])
@pytest.mark.parametrize("chunked", [False, True])
def test_body_bytes(server: RoostServer, path: str, limit: int, chunked: bool) -> None:
    for size, status in ((limit, 200), (limit + 1, 413)):
        body = b"x" * size
        head = f"POST {path} HTTP/1.1\r\nHost: a\r\n".encode()
        if chunked:
            request = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, body)
        else:
            request = head + b"Content-Length: %d\r\n\r\n%b" % (size, body)
        assert status_of(server, request) == status, size


def test_too_large_a_body_is_refused_before_it_is_sent(server: RoostServer) -> None:
    assert status_of(server, b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n") == 413


def test_body_above_spill_is_in_a_file(server: RoostServer) -> None:
    assert httpx.post(f"{server.url}/echo", content=b"x" * 16384).headers["x-spilled"] == "no"
    # Larger than what one read may bring whole, which needs no memory of its own.
    size = 500_000
    for content in (b"y" * size, iter([b"y" * size])):
        spilled = httpx.post(f"{server.url}/large", content=content)
        assert spilled.headers["x-spilled"] == "yes"
        assert spilled.text == f"{size} {size * ord('y')}"


def resident(pids: list[int]) -> int:
    """Bytes of memory that these processes hold; what lies in files and is only cached does not count."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) * 1024
    return total


@pytest.mark.unsanitized
@pytest.mark.parametrize("size", [300 << 20, pytest.param(2 << 30, marks=pytest.mark.long)], ids=["300MiB", "2GiB"])
def test_large_upload_needs_little_memory(roost_server: Callable[..., RoostServer], size: int) -> None:
    server = roost_server(CONFIGURATION.replace("body_bytes: 64KiB", "body_bytes: 2GiB"))
    httpx.post(f"{server.url}/echo", content=b"warm" * 10000)
    before = resident(server.leaves())
    most = 0
    piece = b"z" * (1 << 20)
    with server.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % size)
        workers = server.leaves()
        for _ in range(size // len(piece)):
            connection.send(piece)
            most = max(most, resident(workers))
        assert connection.read_response().body.decode() == f"{size} {size * ord('z')}"
    assert most - before < 8 << 20, f"{(most - before) >> 20} MiB for one upload"


def test_connections_beyond_the_limit_wait_in_the_backlog(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(
        "server: { listen: 127.0.0.1:0, processes: 1, access_log: { format: none }, limits: { connections: 4 } }\n"
        "routes: [{ path: /, respond: { body: ok } }]"
    )
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"
    held = [server.connect() for _ in range(4)]
    for connection in held:
        connection.send(request)
        assert connection.read_response().body == b"ok"
    with server.connect() as waiting:
        waiting.send(request)
        # The four go on; the fifth has not been taken, which only the order of events can show: it is answered after
        # one of the four has gone, and not before.
        held[0].send(request)
        assert held[0].read_response().body == b"ok"
        waiting.socket.setblocking(False)
        with pytest.raises(BlockingIOError):
            waiting.socket.recv(1, socket.MSG_PEEK)
        waiting.socket.setblocking(True)
        held.pop().close()
        assert waiting.read_response().body == b"ok"
    for connection in held:
        connection.close()


def test_connections_of_one_address_beyond_the_limit_are_refused(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(
        "server: { listen: 127.0.0.1:0, processes: 1, access_log: { format: none }, limits: { per_address: 3 } }\n"
        "routes: [{ path: /, respond: { body: ok } }]"
    )
    request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"

    def served() -> RawConnection | None:
        connection = server.connect()
        connection.send(request)
        try:
            if connection.read_response().status == 200:
                return connection
        except ConnectionError:
            pass
        connection.close()
        return None

    held = [served() for _ in range(3)]
    assert all(held)
    assert served() is None
    first = held[0]
    assert first is not None
    first.close()
    server.wait_for(served, "a connection to be free again")


def test_bad_request_is_logged_at_most_quietly(server: RoostServer) -> None:
    status_of(server, b"nonsense\r\n\r\n")
    assert "nonsense" not in server.log(), "what a client sends is not copied into the server's log"
