"""A client that shuts its sending side (`nc -N`): what it asked for in full, in half, or not at all."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from server_process import RawConnection, RoostServer

pytestmark = pytest.mark.tsan

CONFIGURATION = """
server:
  listen: 127.0.0.1:0
  processes: 1
  access_log: { format: none }
  half_close: HALF_CLOSE
  timeouts: { drain: 1s }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /text, respond: { body: some text } }
  - { path: /echo, methods: [POST], plugin: probe.echo }
  - { path: /count, methods: [POST], plugin: probe.count }
  - { path: /never, plugin: probe.never }
  - { path: /late, plugin: probe.late }
  - { path: /block, plugin: probe.block }
  - { path: /open, plugin: probe.open }
  - { path: /big, plugin: probe.big }
  - { path: /stream, plugin: probe.stream }
  - { path: /counts, plugin: probe.counts }
"""


@pytest.fixture(scope="module")
def cancelling(module_server: Callable[..., RoostServer]) -> RoostServer:
    return module_server(CONFIGURATION.replace("HALF_CLOSE", "cancel"))


@pytest.fixture(scope="module")
def answering(module_server: Callable[..., RoostServer]) -> RoostServer:
    return module_server(CONFIGURATION.replace("HALF_CLOSE", "answer"))


@pytest.fixture(params=["cancel", "answer"])
def server(request: pytest.FixtureRequest, cancelling: RoostServer, answering: RoostServer) -> RoostServer:
    return cancelling if request.param == "cancel" else answering


def counts(server: RoostServer) -> dict[str, int]:
    words = httpx.get(f"{server.url}/counts").text.split()
    return {name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def get(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode()


def half_closed(server: RoostServer, sent: bytes) -> RawConnection:
    connection = server.connect()
    connection.send(sent)
    connection.shutdown_write()
    return connection


@pytest.mark.parametrize("path, body", [("/text", b"some text"), ("/big?size=3000000", b"b" * 3_000_000)])
def test_finished_response_is_written(server: RoostServer, path: str, body: bytes) -> None:
    with half_closed(server, get(path)) as connection:
        assert connection.read_response().body == body
        assert connection.closed()


def test_everything_in_a_pipeline_is_answered(server: RoostServer) -> None:
    with half_closed(server, get("/text") * 50) as connection:
        for _ in range(50):
            assert connection.read_response().body == b"some text"
        assert connection.closed()


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /te",
        b"GET /text HTTP/1.1\r\nHost: a\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    ],
)
def test_what_came_in_half_is_not_answered(server: RoostServer, sent: bytes) -> None:
    with half_closed(server, get("/text") + sent) as connection:
        assert connection.read_response().body == b"some text"
        assert connection.read_all() == b""


@pytest.mark.parametrize(
    "framing", [b"Content-Length: 10\r\n\r\nhalf", b"Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"]
)
def test_half_a_body_is_an_error_to_a_streaming_reader(server: RoostServer, framing: bytes) -> None:
    before = counts(server)["body_errors"]
    with half_closed(server, b"POST /count HTTP/1.1\r\nHost: a\r\n" + framing) as connection:
        server.wait_for(lambda: counts(server)["body_errors"] == before + 1, "the reader to be told")
        assert b" 200 " not in connection.read_all()


def test_asynchronous_work_is_cancelled(cancelling: RoostServer) -> None:
    before = counts(cancelling)["cancelled"]
    with half_closed(cancelling, get("/text") + get("/never")) as connection:
        assert connection.read_response().body == b"some text"
        cancelling.wait_for(lambda: counts(cancelling)["cancelled"] == before + 1, "the handler to be told")
        connection.read_all()


def test_asynchronous_work_goes_on_where_that_is_wanted(answering: RoostServer) -> None:
    before = counts(answering)
    with half_closed(answering, get("/late")) as late, half_closed(answering, get("/never")):
        answering.wait_for(
            lambda: counts(answering)["waiting"] == before["waiting"] + 2, "both to be in their handlers"
        )
        assert counts(answering)["cancelled"] == before["cancelled"]
        httpx.get(f"{answering.url}/open")
        assert late.read_response().body == b"late"


def test_stream_is_cut_and_does_not_look_whole(cancelling: RoostServer) -> None:
    with half_closed(cancelling, get("/stream?chunks=5000&size=10000")) as connection:
        answer = connection.read_all()
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert len(answer) < 50_000_000
        assert not answer.endswith(b"0\r\nX-Sum: done\r\n\r\n")


def test_stream_goes_on_where_that_is_wanted(answering: RoostServer) -> None:
    with half_closed(answering, get("/stream?chunks=1000&size=10000")) as connection:
        answer = connection.read_all()
        assert len(answer) > 10_000_000
        assert answer.endswith(b"0\r\nX-Sum: done\r\n\r\n")


def test_blocking_handler_is_not_broken_off(server: RoostServer) -> None:
    before = counts(server)["waiting"]
    with half_closed(server, get("/block")) as connection:
        server.wait_for(lambda: counts(server)["waiting"] == before + 1, "the handler to block")
        httpx.get(f"{server.url}/open")
        assert connection.read_response().body == b"blocked"
