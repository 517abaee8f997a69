"""Every time-out of `server.timeouts`, made small: what takes longer is answered or cut, what is in time is not."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import httpx
import pytest

from server_process import RoostServer

CONFIGURATION = """
server:
  listen: 127.0.0.1:0
  processes: 1
  access_log: { format: none }
  timeouts: { header: HEADER, body: BODY, keep_alive: IDLE, write: WRITE, handler: HANDLER, drain: DRAIN }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /, respond: { body: ok } }
  - { path: /echo, methods: [POST], plugin: probe.echo }
  - { path: /count, methods: [POST], plugin: probe.count }
  - { path: /never, plugin: probe.never }
  - { path: /patient, plugin: probe.never, timeout: 1h }
  - { path: /hasty, plugin: probe.never, timeout: 100ms }
  - { path: /late, plugin: probe.late }
  - { path: /open, plugin: probe.open }
  - { path: /block, plugin: probe.block }
  - { path: /big, plugin: probe.big }
  - { path: /stream, plugin: probe.stream }
  - { path: /counts, plugin: probe.counts }
"""


@pytest.fixture
def start(roost_server: Callable[..., RoostServer]) -> Callable[..., RoostServer]:
    """`start(header="200ms")`: a server with this time-out, the others so long that they never come."""

    def with_timeouts(**given: str) -> RoostServer:
        text = CONFIGURATION
        for name in ("header", "body", "idle", "write", "handler", "drain"):
            text = text.replace(name.upper(), given.get(name, "1h"))
        return roost_server(text)

    return with_timeouts


def waiting(server: RoostServer) -> int:
    return int(httpx.get(f"{server.url}/counts").text.split()[1])


def test_header_that_takes_too_long_is_408(start: Callable[..., RoostServer]) -> None:
    server = start(header="300ms")
    for sent in (b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: a\r\nX: "):
        with server.connect() as connection:
            begin = time.monotonic()
            connection.send(sent)
            response = connection.read_response()
            assert response.status == 408
            assert response.headers["connection"] == "close"
            assert connection.closed()
            assert time.monotonic() - begin >= 0.25


def test_header_timeout_is_not_prolonged_by_dripping(start: Callable[..., RoostServer]) -> None:
    server = start(header="300ms")
    with server.connect() as connection:
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\nX: ")
        connection.socket.settimeout(0.05)
        answer = b""
        while not answer:  # a byte each twentieth of a second until the server has had enough
            try:
                answer = connection.socket.recv(100)
            except TimeoutError:
                connection.send(b"x")
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_header_timeout_counts_from_the_next_request(start: Callable[..., RoostServer]) -> None:
    server = start(header="300ms")
    with server.connect() as connection:
        for _ in range(3):
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.read_response().status == 200
        connection.send(b"GET / HT")
        assert connection.read_response().status == 408


def test_body_that_stalls_is_408(start: Callable[..., RoostServer]) -> None:
    server = start(body="300ms")
    for path in ("/echo", "/count"):
        for framing in (b"Content-Length: 10\r\n\r\nhel", b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel"):
            with server.connect() as connection:
                connection.send(f"POST {path} HTTP/1.1\r\nHost: a\r\n".encode() + framing)
                assert connection.read_response().status == 408, path
                assert connection.closed()


def test_body_that_moves_is_not_cut(start: Callable[..., RoostServer]) -> None:
    server = start(body="600ms")
    with server.connect() as connection:
        connection.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n")
        connection.socket.settimeout(0.1)
        for _ in range(9):  # together longer than the time-out, each piece well within it
            connection.send(b"x")
            with pytest.raises(TimeoutError):
                connection.socket.recv(1)
        connection.socket.settimeout(None)
        connection.send(b"x")
        assert connection.read_response().body == b"x" * 10


def test_idle_connection_is_closed_without_a_word(start: Callable[..., RoostServer]) -> None:
    server = start(idle="300ms")
    with server.connect() as fresh, server.connect() as used:
        used.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert used.read_response().status == 200
        assert used.closed()
        assert fresh.closed()


def test_handler_that_takes_too_long_is_504(start: Callable[..., RoostServer]) -> None:
    server = start(handler="300ms")
    before = time.monotonic()
    response = httpx.get(f"{server.url}/never")
    assert response.status_code == 504
    assert time.monotonic() - before >= 0.25
    server.wait_for(lambda: waiting(server) == 0, "the handler to be told")


def test_handler_on_the_pool_that_takes_too_long_is_504(start: Callable[..., RoostServer]) -> None:
    server = start(handler="300ms")
    assert httpx.get(f"{server.url}/block").status_code == 504
    httpx.get(f"{server.url}/open")
    server.wait_for(lambda: waiting(server) == 0, "the late answer to be thrown away")
    assert httpx.get(f"{server.url}/").text == "ok"


def test_route_has_a_timeout_of_its_own(start: Callable[..., RoostServer]) -> None:
    server = start(handler="300ms")
    with server.connect() as patient:
        patient.send(b"GET /patient HTTP/1.1\r\nHost: a\r\n\r\n")
        assert httpx.get(f"{server.url}/hasty").status_code == 504
        assert httpx.get(f"{server.url}/never").status_code == 504
        assert waiting(server) == 1, "the patient one still waits"


def test_client_that_does_not_read_is_cut(start: Callable[..., RoostServer]) -> None:
    server = start(write="500ms")
    for path in ("/big?size=50000000", "/stream?chunks=5000&size=10000"):
        with server.connect() as connection:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            server.wait_for(connection.server_has_closed, "the server to close")


def test_running_request_is_finished_within_drain(start: Callable[..., RoostServer]) -> None:
    server = start()
    with server.connect() as connection, server.connect() as opener, server.connect() as idle:
        for client in (opener, idle):
            client.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert client.read_response().status == 200
        connection.send(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for(lambda: waiting(server) == 1, "the request to be in its handler")
        # Both requests were begun before the stop: the second one's bytes are half there.
        opener.send(b"GET /open HTTP/1.1\r\n")
        httpx.get(f"{server.url}/")  # the worker has one thread: now it has seen them
        server.process.terminate()
        assert idle.read_all() == b""  # closed: the worker has heard of the drain
        assert refused(server)
        opener.send(b"Host: a\r\n\r\n")
        assert opener.read_response().headers["connection"] == "close"
        response = connection.read_response()
        assert (response.body, response.headers["connection"]) == (b"late", "close")
    assert server.wait() == 0


def refused(server: RoostServer) -> bool:
    try:
        socket.create_connection(("127.0.0.1", server.port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_request_that_outlasts_drain_is_cut(start: Callable[..., RoostServer]) -> None:
    server = start(drain="300ms")
    with server.connect() as connection:
        connection.send(b"GET /never HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for(lambda: waiting(server) == 1, "the request to be in its handler")
        server.process.terminate()
        assert server.wait() == 0
        connection.read_all()
