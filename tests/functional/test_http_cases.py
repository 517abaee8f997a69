"""Every case of tests/http/cases against the real binary: sent whole, byte by byte, and cut in two at every byte.

A case is a file: what rule it is about, what is expected, an empty line, and the bytes of the request. Line ends of
the file mean nothing; bytes are written `\\r`, `\\n`, `\\t`, `\\xHH`, `\\\\`, and `\\{N:text}` for N times the text.

    expect: 200 400 close     the responses, in order, and how the connection ends: close, open, any (either)
    expect: HEAD:200 open     a response to HEAD, without a body;  4xx|501: one of these;  none: no response
    body: hello               the body of the last response, written as the request is
    then: eof                 the client sends nothing more

Without `then`, another request follows at once: it is answered where the connection stays open, and never elsewhere.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import pytest

from server_process import PATIENCE, REPOSITORY, RawConnection, RoostServer

CASES = sorted((REPOSITORY / "tests" / "http" / "cases").glob("*.case"))

# Small limits, so that a case at a limit is small too and can be cut at every byte.
CONFIGURATION = """
server:
  listen: 127.0.0.1:0
  processes: 1
  threads: 1
  access_log: { format: none }
  log_level: error
  limits: { header_bytes: 1KiB, headers: 16, target_bytes: 200, body_bytes: 256 }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /, respond: { body: root } }
  - { path: /ok, respond: { body: ok } }
  - { path: /dir/ok, respond: { body: ok } }
  - { path: /p/:name, respond: { body: ok } }
  - { path: /probe, respond: { body: "the probe" } }
  - { path: /echo, methods: [POST], plugin: probe.echo }
"""
PROBE = b"GET /probe HTTP/1.1\r\nHost: probe\r\nConnection: close\r\n\r\n"
PROBED = "the probe"
TOGETHER = 200
"""Connections that are open at once."""


def unescape(text: str) -> bytes:
    text = re.sub(r"\\\{(\d+):([^}]*)\}", lambda found: found[2] * int(found[1]), text)
    named = {"r": b"\r", "n": b"\n", "t": b"\t", "\\": b"\\"}
    parts = re.split(r"\\(x[0-9a-f]{2}|.)", text)
    out = b""
    for index, part in enumerate(parts):
        if index % 2 == 0:
            out += part.encode("ascii")
        else:
            out += bytes.fromhex(part[1:]) if part[0] == "x" else named[part]
    return out


@dataclass(frozen=True)
class Case:
    """One file of tests/http/cases."""

    rule: str
    what: str
    statuses: tuple[str, ...]
    ending: str
    request: bytes
    body: bytes | None
    eof: bool

    @staticmethod
    def read(path: Path) -> Case:
        head, _, request = path.read_text("ascii").partition("\n\n")
        fields = dict(line.split(": ", 1) if ": " in line else (line.rstrip(":"), "") for line in head.split("\n"))
        assert fields.keys() <= {"rule", "what", "expect", "body", "then"}, f"{path.name}: unknown key"
        *statuses, ending = fields["expect"].split()
        assert ending in ("open", "close", "any"), f"{path.name}: expect ends with open, close or any"
        return Case(
            fields["rule"],
            fields["what"],
            tuple(statuses),
            ending,
            unescape(request.replace("\n", "")),
            unescape(fields["body"]) if "body" in fields else None,
            fields.get("then") == "eof",
        )

    def judge(self, answer: bytes) -> str:
        """What is wrong with all that the server sent until it closed; empty when nothing is."""
        stream = _Recorded(answer)
        for number, expected in enumerate(self.statuses):
            method, _, wanted = expected.rpartition(":")
            if stream.at_end():
                return "" if "none" in wanted.split("|") else f"response {number + 1} is missing"
            if wanted == "none":
                break
            try:
                response = stream.read_response(method or "GET")
            except (ConnectionError, ValueError) as error:
                return f"response {number + 1} is malformed: {error}"
            if not any(re.fullmatch(one.replace("x", "."), str(response.status)) for one in wanted.split("|")):
                return f"response {number + 1} has status {response.status}"
            if (
                response.status not in (204, 304)
                and not {"content-length", "transfer-encoding"} & response.headers.keys()
            ):
                return f"response {number + 1} has no length"
            last = number + 1 == len(self.statuses)
            if last and self.ending == "close" and response.headers.get("connection") != "close":
                return "the last response does not say Connection: close"
            if last and self.body is not None and response.body != self.body:
                return f"the body is {response.body!r}"
        rest = stream.rest()
        if self.eof or self.ending == "close":
            return f"something follows: {rest!r}" if rest else ""
        if not rest:
            return "" if self.ending == "any" else "the connection was closed"
        probe = _Recorded(rest).read_response()
        return (
            "" if (probe.status, probe.body.decode()) == (200, PROBED) else f"what follows is answered {probe.status}"
        )


class _Recorded(RawConnection):
    """Reads responses from bytes that were received before."""

    def __init__(self, data: bytes) -> None:
        self._buffer = data

    def _more(self) -> bool:
        return False

    def at_end(self) -> bool:
        return not self._buffer

    def rest(self) -> bytes:
        return self._buffer


@pytest.fixture(scope="module")
def server(module_server: Callable[..., RoostServer]) -> RoostServer:
    return module_server(CONFIGURATION)


def connect(server: RoostServer) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def send(sock: socket.socket, data: bytes) -> None:
    try:
        sock.sendall(data)
    except (BrokenPipeError, ConnectionResetError):
        pass  # refused already; what it answered is still there to be read


def receive_all(sock: socket.socket) -> bytes:
    data = b""
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def finish(sock: socket.socket, case: Case, rest: bytes) -> None:
    send(sock, rest if case.eof else rest + PROBE)
    if case.eof:
        try:
            sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def settle(server: RoostServer) -> None:
    """Returns when the server has read what was sent before: it has one thread, which answers this in its turn."""
    with connect(server) as sock:
        send(sock, PROBE)
        assert PROBED.encode() in receive_all(sock)


def cuts(size: int) -> list[int]:
    """Every byte; of a long request, the first and last ones and some of those between."""
    if size <= 400:
        return list(range(1, size))
    return sorted({*range(1, 100), *range(100, size - 100, size // 40), *range(size - 100, size)})


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(server: RoostServer, path: Path) -> None:
    case = Case.read(path)

    with connect(server) as sock:
        finish(sock, case, case.request)
        problem = case.judge(answer := receive_all(sock))
    assert not problem, f"{case.rule}: {case.what}: {problem}\nsent {case.request!r}\ngot {answer!r}"

    places = iter(cuts(len(case.request)))
    while together := list(islice(places, TOGETHER)):
        for place, answer in sent_in_two(server, case, together):
            problem = case.judge(answer)
            assert not problem, f"cut at byte {place}: {problem}\nsent {case.request!r}\ngot {answer!r}"

    with connect(server) as sock:
        for index in range(len(case.request)):
            send(sock, case.request[index : index + 1])
        finish(sock, case, b"")
        problem = case.judge(answer := receive_all(sock))
    assert not problem, f"byte by byte: {problem}\nsent {case.request!r}\ngot {answer!r}"


def sent_in_two(server: RoostServer, case: Case, places: list[int]) -> Iterator[tuple[int, bytes]]:
    sockets = [connect(server) for _ in places]
    try:
        for sock, place in zip(sockets, places, strict=True):
            send(sock, case.request[:place])
        settle(server)
        for sock, place in zip(sockets, places, strict=True):
            finish(sock, case, case.request[place:])
        for sock, place in zip(sockets, places, strict=True):
            yield place, receive_all(sock)
    finally:
        for sock in sockets:
            sock.close()


def test_the_table_is_large() -> None:
    assert len(CASES) >= 450


def test_the_server_is_alive_after_all_of_it(server: RoostServer) -> None:
    settle(server)
    assert "error" not in server.log().lower().replace("http error", "")
