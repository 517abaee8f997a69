"""RFC 6455 case by case (websocket_cases.py), its handshake, and large messages, as the Autobahn suite has them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from conftest import StartServer

from raw_websocket import BINARY, KEY, TEXT, RawWebSocket, closing, frame
from server_process import RawResponse, RoostServer
from websocket_cases import CASES, CONTINUED, LIMIT, Case, Frames, ascii_of

YAML = """\
server:
  listen: 127.0.0.1:0
  access_log: {{ format: none }}
  limits: {{ connections: 1000 }}
  websocket: {{ message_bytes: {limit}, send_buffer: 32MiB, {more} }}
plugins:
  ws_test: {{ library: "${{ROOST_TEST_PLUGINS}}/libroost_ws_test.so" }}
routes:
  - {{ path: /echo, plugin: ws_test.echo }}
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML.format(limit=LIMIT, more=""))


@pytest.fixture(scope="module")
def large(module_server: StartServer) -> RoostServer:
    return module_server(YAML.format(limit="17MiB", more=""))


def play(ws: RawWebSocket, sent: Iterable[bytes], answers: Frames, code: int | None) -> None:
    """Sends each piece, then expects these answers and the end."""
    for piece in sent:
        try:
            ws.raw.send(piece)
        except OSError:
            break  # the server has closed already: its answer is looked at below
    if code is None:
        ws.raw.send(closing(1000))
    assert [ws.receive() for _ in answers] == answers
    assert ws.closed_with() == (1000 if code is None else code)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(server: RoostServer, case: Case) -> None:
    with RawWebSocket(server) as ws:
        play(ws, case.sent, case.answers, case.code)


@pytest.mark.parametrize("case", [case for case in CASES if sum(map(len, case.sent)) < 300], ids=str)
def test_case_in_single_bytes(server: RoostServer, case: Case) -> None:
    """However it is cut, it means the same."""
    with RawWebSocket(server) as ws:
        whole = b"".join(case.sent)
        play(ws, (whole[i : i + 1] for i in range(len(whole))), case.answers, case.code)


# 9: limits and performance -------------------------------------------------------------------------------------------

MIB = 1 << 20


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("size", [64 * 1024, 256 * 1024, MIB, 4 * MIB, 8 * MIB, 16 * MIB])
def test_large_messages(large: RoostServer, opcode: int, size: int) -> None:
    payload = ascii_of(size)
    with RawWebSocket(large) as ws:
        ws.raw.send(frame(opcode, payload, mask=b"\0\0\0\0"))
        assert ws.receive() == (opcode, payload)


@pytest.mark.parametrize("opcode", [TEXT, BINARY])
@pytest.mark.parametrize("piece", [64, 256, 1024, 4096, 16384, 65536, 262144, MIB, 4 * MIB])
def test_fragmented_4_mib(large: RoostServer, opcode: int, piece: int) -> None:
    total = 4 * MIB if piece >= 1024 else MIB // 4
    body = ascii_of(piece)
    count = total // piece
    with RawWebSocket(large) as ws:
        first = frame(opcode, body, fin=count == 1, mask=b"\0\0\0\0")
        middle = frame(CONTINUED, body, fin=False, mask=b"\0\0\0\0")
        last = frame(CONTINUED, body, mask=b"\0\0\0\0")
        ws.raw.send(first + middle * (count - 2) + (last if count > 1 else b""))
        assert ws.receive() == (opcode, ascii_of(total))


@pytest.mark.parametrize("chop", [64, 128, 256, 512, 1024, 2048])
def test_a_message_in_chops(large: RoostServer, chop: int) -> None:
    whole = frame(BINARY, ascii_of(MIB // 4), mask=b"\0\0\0\0")
    with RawWebSocket(large) as ws:
        for i in range(0, len(whole), chop):
            ws.raw.send(whole[i : i + chop])
        assert ws.receive() == (BINARY, ascii_of(MIB // 4))


@pytest.mark.parametrize("size", [0, 16, 64, 256, 1024, 4096])
def test_a_thousand_round_trips(server: RoostServer, size: int) -> None:
    with RawWebSocket(server) as ws:
        for _ in range(1000):
            ws.raw.send(frame(TEXT, ascii_of(size), mask=b"\0\0\0\0"))
            assert ws.receive() == (TEXT, ascii_of(size))


def test_64_kib_in_fragments_of_1300(server: RoostServer) -> None:
    """10.1.1."""
    payload = ascii_of(65536)
    pieces = [payload[i : i + 1300] for i in range(0, 65536, 1300)]
    frames = [frame(TEXT if i == 0 else CONTINUED, p, fin=i == len(pieces) - 1) for i, p in enumerate(pieces)]
    with RawWebSocket(server) as ws:
        play(ws, frames, [(TEXT, payload)], None)


# The handshake -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}", 101),
        (
            "connection: keep-alive, UPGRADE\r\nupgrade: WebSocket\r\n"
            "sec-websocket-version: 13\r\nsec-websocket-key: {key}",
            101,
        ),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13", 400),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: {key}", 426),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 12\r\nSec-WebSocket-Key: {key}", 426),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 013\r\nSec-WebSocket-Key: {key}", 426),
        ("Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA", 400),
        (
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Key: {key}",
            400,
        ),
        ("Connection: close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}", 426),
        ("Connection: Upgrade\r\nUpgrade: h2c\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}", 426),
        (
            "Connection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\nContent-Length: 3\r\n\r\nabc",
            400,
        ),
    ],
)
def test_handshakes(server: RoostServer, lines: str, status: int) -> None:
    with server.connect() as raw:
        body = "" if "\r\n\r\n" in lines else "\r\n\r\n"
        raw.send(f"GET /echo HTTP/1.1\r\nHost: x\r\n{lines.format(key=KEY)}{body}".encode())
        assert RawResponse(raw.read_until(b"\r\n\r\n")[:-4]).status == status


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS"])
def test_only_get_opens(server: RoostServer, method: str) -> None:
    with server.connect() as raw:
        raw.send(
            f"{method} /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()
        )
        assert RawResponse(raw.read_until(b"\r\n\r\n")[:-4]).status not in (101, 200) or method == "OPTIONS"


def test_http_1_0_does_not_open(server: RoostServer) -> None:
    with server.connect() as raw:
        raw.send(
            f"GET /echo HTTP/1.0\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {KEY}\r\n\r\n".encode()
        )
        assert RawResponse(raw.read_until(b"\r\n\r\n")[:-4]).status == 426
