"""WebSockets over the real server: RFC 6455 with raw frames, the `websockets` client, and groups across workers."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self

import httpx
import pytest
from conftest import StartServer
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from server_process import PATIENCE, RawConnection, RawResponse, RoostServer

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


def yaml(processes: int = 1, websocket: str = "", more: str = "") -> str:
    """A server with the test plugin's handlers."""
    return f"""\
server:
  listen: 127.0.0.1:0
  processes: {processes}
  threads: 2
  access_log: {{ format: none }}
  websocket: {{ {websocket} }}
  timeouts: {{ drain: 10s }}
{more}plugins:
  ws_test: {{ library: "${{ROOST_TEST_PLUGINS}}/libroost_ws_test.so" }}
routes:
  - {{ path: /echo, plugin: ws_test.echo }}
  - {{ path: /room/:room, plugin: ws_test.room }}
  - {{ path: /events, plugin: ws_test.events }}
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    """One worker, so that /events are those of every connection."""
    return module_server(yaml())


def frame(
    opcode: int, payload: bytes = b"", fin: bool = True, reserved: int = 0, mask: bytes | None = b"\1\2\3\4"
) -> bytes:
    """A client's frame."""
    head = bytes([(0x80 if fin else 0) | reserved | opcode])
    marked = 0x80 if mask else 0
    if len(payload) < 126:
        head += bytes([marked | len(payload)])
    elif len(payload) < 65536:
        head += bytes([marked | 126]) + struct.pack("!H", len(payload))
    else:
        head += bytes([marked | 127]) + struct.pack("!Q", len(payload))
    if not mask:
        return head + payload
    return head + mask + bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))


def closing(code: int, reason: str = "") -> bytes:
    """A client's close frame."""
    return frame(CLOSE, struct.pack("!H", code) + reason.encode())


class RawWebSocket:
    """A WebSocket whose frames are written by hand."""

    def __init__(
        self, server: RoostServer, path: str = "/echo", headers: str = "", version: str = "13", key: str = KEY
    ) -> None:
        self.raw: RawConnection = server.connect()
        self.raw.send(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: {version}\r\n{headers}\r\n".encode()
        )
        head = self.raw.read_until(b"\r\n\r\n")
        self.response = RawResponse(head[:-4])

    def __enter__(self) -> Self:
        assert self.response.status == 101, self.response.head
        return self

    def __exit__(self, *_: object) -> None:
        self.raw.close()

    def send(self, *frames: bytes) -> None:
        self.raw.send(b"".join(frames))

    def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame, which is whole and not masked."""
        first, second = self.raw.read_exactly(2)
        assert first & 0xF0 == 0x80
        assert second < 128
        size = second
        if size == 126:
            (size,) = struct.unpack("!H", self.raw.read_exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.raw.read_exactly(8))
        return first & 15, self.raw.read_exactly(size)

    def closed_with(self) -> int:
        """The code of the close frame that comes next, after which the server closes; 0 when it has none."""
        opcode, payload = self.receive()
        assert opcode == CLOSE, (opcode, payload[:100])
        assert self.raw.closed()
        return int(struct.unpack("!H", payload[:2])[0]) if payload else 0


def code_of(closed: pytest.ExceptionInfo[ConnectionClosed]) -> int | None:
    """The code that the server's close frame had."""
    return closed.value.rcvd.code if closed.value.rcvd else None


def room(server: RoostServer, name: str = "a") -> ClientConnection:
    """A member of a room; its first message, with its id and its worker's pid, is still to come."""
    return connect(f"{server.ws_url}/room/{name}", open_timeout=PATIENCE, max_size=None)


def who(member: ClientConnection) -> tuple[str, int]:
    """Id and pid of the member's connection, as its first message says."""
    found = re.fullmatch(r"id (\S+) pid (\d+)", str(member.recv(PATIENCE)))
    assert found
    return found[1], int(found[2])


def ask(member: ClientConnection, command: str) -> str:
    member.send(command)
    return str(member.recv(PATIENCE))


def ids(member: ClientConnection) -> set[str]:
    word, *found = ask(member, "list").split()
    assert word == "ids"
    assert len(found) == len(set(found))
    return set(found)


# Handshake -----------------------------------------------------------------------------------------------------------


def test_handshake(server: RoostServer) -> None:
    with RawWebSocket(server) as ws:
        assert ws.response.headers["upgrade"].lower() == "websocket"
        assert ws.response.headers["connection"].lower() == "upgrade"
        assert ws.response.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert "sec-websocket-extensions" not in ws.response.headers
        assert "content-length" not in ws.response.headers


def test_handler_sees_parameters_query_and_headers(server: RoostServer) -> None:
    with connect(f"{server.ws_url}/room/blue%20one?x=1&y", additional_headers={"X-Test": "yes"}) as member:
        who(member)
        assert ask(member, "about") == "room blue one query x=1&y header yes ip 127.0.0.1"
        assert member.response is not None
        assert member.response.headers["X-Room"] == "blue one"


def test_protocol_is_negotiated(server: RoostServer) -> None:
    with connect(f"{server.ws_url}/room/a?protocol=v2", subprotocols=[Subprotocol("v1"), Subprotocol("v2")]) as member:
        assert member.subprotocol == "v2"


def test_frames_sent_with_the_handshake(server: RoostServer) -> None:
    with server.connect() as raw:
        raw.send(
            f"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            + frame(TEXT, b"early")
        )
        assert RawResponse(raw.read_until(b"\r\n\r\n")).status == 101
        assert raw.read_exactly(7) == b"\x81\x05early"


@pytest.mark.parametrize(
    ("path", "headers", "version", "key", "status"),
    [
        ("/echo", "", "8", KEY, 426),
        ("/echo", "", "13", "short", 400),
        ("/room/a?refuse", "", "13", KEY, 403),
        ("/room/a?throw", "", "13", KEY, 500),
        ("/room/a?protocol=never-offered", "", "13", KEY, 500),
        ("/nowhere", "", "13", KEY, 404),
    ],
)
def test_refused_handshake(server: RoostServer, path: str, headers: str, version: str, key: str, status: int) -> None:
    ws = RawWebSocket(server, path, headers, version, key)
    assert ws.response.status == status
    if status == 426:
        assert ws.response.headers["sec-websocket-version"] == "13"
    ws.raw.close()


def test_no_handshake_is_426(server: RoostServer) -> None:
    answer = httpx.get(server.url + "/echo")
    assert answer.status_code == 426
    assert answer.headers["sec-websocket-version"] == "13"
    assert answer.headers["upgrade"].lower() == "websocket"


def test_upgrade_to_an_ordinary_route_is_answered_by_it(server: RoostServer) -> None:
    ws = RawWebSocket(server, "/events")
    assert ws.response.status == 200
    ws.raw.close()


def test_origins(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket='origins: ["https://app.example.com"]'))
    with RawWebSocket(server, headers="Origin: https://app.example.com\r\n"), RawWebSocket(server):
        pass
    for origin in ("https://evil.example.com", "http://app.example.com", "null", "https://app.example.com.evil"):
        ws = RawWebSocket(server, headers=f"Origin: {origin}\r\n")
        assert ws.response.status == 403
        ws.raw.close()
    with pytest.raises(InvalidStatus):
        connect(server.ws_url + "/echo", origin=Origin("https://evil.example.com"))


# Frames --------------------------------------------------------------------------------------------------------------


def test_echo(server: RoostServer) -> None:
    with connect(server.ws_url + "/echo") as client:
        for message in (
            "",
            "a",
            "ä€😀",
            "x" * 125,
            "x" * 126,
            "x" * 65535,
            "x" * 65536,
            b"",
            b"\xff\x00",
            b"b" * 200_000,
        ):
            client.send(message)
            assert client.recv(PATIENCE) == message


def test_many_messages_at_once(server: RoostServer) -> None:
    with RawWebSocket(server) as ws:
        ws.send(*(frame(TEXT, str(i).encode()) for i in range(1000)))
        assert [ws.receive() for _ in range(1000)] == [(TEXT, str(i).encode()) for i in range(1000)]


def test_paused_connection_hands_on_nothing_and_loses_nothing(server: RoostServer) -> None:
    count = 3000
    with room(server, "pause") as member, room(server, "pause") as other:
        who(member)
        who(other)
        name = f"paused{os.getpid()}"
        member.send("pause")
        for i in range(count):
            member.send(f"count {name} {i} " + "x" * 100)
        # The server's answer to the other one shows that it had time to read.
        for _ in range(10):
            ask(other, "list")
        assert name not in httpx.get(server.url + "/events").text
        other.send("resume")
        assert ask(member, "list").startswith("ids ")
        seen = re.findall(rf"counted {name} (\d+) x+\n", httpx.get(server.url + "/events").text)
        assert seen == [str(i) for i in range(count)]


def test_fragments_with_control_frames_between(server: RoostServer) -> None:
    with RawWebSocket(server) as ws:
        ws.send(
            frame(TEXT, b"\xe2\x82", fin=False),
            frame(PING, b"now"),
            frame(0, b"\xac", fin=False),
            frame(PONG),
            frame(0, b"!"),
        )
        assert ws.receive() == (PONG, b"now")
        assert ws.receive() == (TEXT, "€!".encode())


def test_byte_by_byte(server: RoostServer) -> None:
    with RawWebSocket(server) as ws:
        ws.raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in frame(TEXT, b"slow") + frame(PING, b"p"):
            ws.send(bytes([byte]))
        assert ws.receive() == (TEXT, b"slow")
        assert ws.receive() == (PONG, b"p")


@pytest.mark.parametrize(
    ("name", "sent", "code"),
    [
        ("not masked", frame(TEXT, b"x", mask=None), 1002),
        ("reserved bit 1", frame(TEXT, b"x", reserved=0x40), 1002),
        ("reserved bit 2", frame(TEXT, b"x", reserved=0x20), 1002),
        ("reserved bit 3", frame(TEXT, b"x", reserved=0x10), 1002),
        ("opcode 3", frame(3), 1002),
        ("opcode 11", frame(11), 1002),
        ("continuation of nothing", frame(0, b"x"), 1002),
        ("message in a message", frame(TEXT, b"x", fin=False) + frame(TEXT, b"y"), 1002),
        ("ping in pieces", frame(PING, b"x", fin=False), 1002),
        ("ping too long", frame(PING, b"x" * 126), 1002),
        ("close of one byte", frame(CLOSE, b"x"), 1002),
        ("close 1005", closing(1005), 1002),
        ("close 999", closing(999), 1002),
        ("close with bad UTF-8", frame(CLOSE, b"\x03\xe8\xff"), 1007),
        ("bad UTF-8", frame(TEXT, b"\xff"), 1007),
        ("UTF-8 cut short", frame(TEXT, b"\xe2\x82"), 1007),
        ("a surrogate", frame(TEXT, b"\xed\xa0\x80"), 1007),
        ("bad UTF-8 at once in the first fragment", frame(TEXT, b"ab\xf4\x90\x80\x80", fin=False), 1007),
        ("bad UTF-8 in a frame that is not complete", frame(TEXT, b"ab\xff" + b"x" * 100)[:20], 1007),
    ],
)
def test_broken_protocol(server: RoostServer, name: str, sent: bytes, code: int) -> None:
    with RawWebSocket(server) as ws:
        ws.send(frame(TEXT, b"good"), sent)
        assert ws.receive() == (TEXT, b"good")
        assert ws.closed_with() == code, name


def test_message_size(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="message_bytes: 64KiB"))
    with RawWebSocket(server) as ws:
        whole = bytes(65536)
        ws.send(frame(BINARY, whole), frame(BINARY, whole[:60000], fin=False), frame(0, whole[60000:]))
        assert ws.receive() == (BINARY, whole)
        assert ws.receive() == (BINARY, whole)
        ws.send(frame(BINARY, whole + b"x"))
        assert ws.closed_with() == 1009
    with RawWebSocket(server) as ws:
        ws.send(frame(BINARY, whole, fin=False), frame(0, b"x"))
        assert ws.closed_with() == 1009
    with RawWebSocket(server) as ws:  # refused by its length alone, the rest is not waited for
        ws.send(b"\x82\xff\x00\x00\x00\x10\x00\x00\x00\x00\1\2\3\4")
        assert ws.closed_with() == 1009


def test_default_message_size_is_echoed(server: RoostServer) -> None:
    with connect(server.ws_url + "/echo", max_size=None) as client:
        whole = os.urandom(1 << 20)
        client.send(whole)
        assert client.recv(PATIENCE) == whole
        client.send(whole + b"x")
        with pytest.raises(ConnectionClosed) as closed:
            client.recv(PATIENCE)
        assert code_of(closed) == 1009


# Compression ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def compressing(module_server: StartServer) -> RoostServer:
    """A server that agrees on permessage-deflate, with two workers."""
    return module_server(yaml(processes=2, websocket="compress: true, message_bytes: 256KiB"))


def test_compressed_messages(compressing: RoostServer) -> None:
    with connect(compressing.ws_url + "/echo", max_size=None) as client:
        assert client.response is not None
        assert client.response.headers["Sec-WebSocket-Extensions"].startswith("permessage-deflate")
        for message in ("", "short", "ä€😀" * 1000, "x" * 262144, os.urandom(262144), b"", ["in ", "pieces " * 100]):
            client.send(message)
            assert client.recv(PATIENCE) == ("".join(message) if isinstance(message, list) else message)


def test_without_an_offer_nothing_is_compressed(compressing: RoostServer) -> None:
    with RawWebSocket(compressing) as ws:
        assert "sec-websocket-extensions" not in ws.response.headers
        ws.send(frame(TEXT, b"x" * 1000), frame(TEXT, b"x", reserved=0x40))
        assert ws.receive() == (TEXT, b"x" * 1000)
        assert ws.closed_with() == 1002


OFFER = "Sec-WebSocket-Extensions: "


@pytest.mark.parametrize(
    ("offer", "answer"),
    [
        ("permessage-deflate", ""),
        ("x-webkit-deflate-frame, permessage-deflate; client_max_window_bits", ""),
        ("permessage-deflate; server_max_window_bits=10", "; server_max_window_bits=10"),
        ('permessage-deflate; server_max_window_bits="12"', "; server_max_window_bits=12"),
        ("permessage-deflate; unknown=1, permessage-deflate; server_max_window_bits=9", "; server_max_window_bits=9"),
        ("permessage-deflate; server_max_window_bits=16", None),
        ("permessage-deflate; server_max_window_bits", None),
        ("permessage-deflate; server_no_context_takeover=1", None),
        ("permessage-deflate; client_no_context_takeover; client_no_context_takeover", None),
        ("permessage-bzip2", None),
    ],
)
def test_negotiated_compression(compressing: RoostServer, offer: str, answer: str | None) -> None:
    with RawWebSocket(compressing, headers=f"{OFFER}{offer}\r\n") as ws:
        plain = "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
        got = ws.response.headers.get("sec-websocket-extensions")
        assert got == (None if answer is None else plain + answer)


def deflated(data: bytes) -> bytes:
    """The payload of a compressed message."""
    compressor = zlib.compressobj(wbits=-15)
    return (compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH))[:-4]


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (frame(BINARY, deflated(bytes(50 << 20)), reserved=0x40), 1009),  # a bomb
        (frame(BINARY, b"\xff\xff\xff", reserved=0x40), 1007),
        (frame(TEXT, deflated(b"\xff" * 100), reserved=0x40), 1007),
        (frame(TEXT, deflated(b"x"), fin=False, reserved=0x40) + frame(0, b"", reserved=0x40), 1002),
        (frame(PING, b"", reserved=0x40), 1002),
        (frame(TEXT, b"", reserved=0x20), 1002),
    ],
)
def test_broken_compression(compressing: RoostServer, sent: bytes, code: int) -> None:
    with RawWebSocket(compressing, headers=OFFER + "permessage-deflate\r\n") as ws:
        packed = deflated(b"pieces")
        ws.send(frame(TEXT, packed[:3], fin=False, reserved=0x40), frame(PING), frame(0, packed[3:]), sent)
        assert ws.receive() == (PONG, b"")
        assert ws.receive() == (TEXT, b"pieces")
        assert ws.closed_with() == code


def test_compressed_broadcast_to_clients_of_every_kind(compressing: RoostServer, stack: ExitStack) -> None:
    members = Room(compressing, "deflate", stack)
    plain = stack.enter_context(RawWebSocket(compressing, "/room/deflate"))
    narrow = stack.enter_context(
        RawWebSocket(compressing, "/room/deflate", OFFER + "permessage-deflate; server_max_window_bits=9\r\n")
    )
    assert plain.receive()[0] == TEXT
    assert narrow.receive()[0] == TEXT
    members.members[0].send("large 100000")
    assert all(message == b"L" * 100000 for message in members.receive())
    assert plain.receive() == (BINARY, b"L" * 100000)
    first, size = narrow.raw.read_exactly(2)
    assert first == 0xC0 | BINARY
    if size == 126:
        (size,) = struct.unpack("!H", narrow.raw.read_exactly(2))
    payload = narrow.raw.read_exactly(size)
    assert zlib.decompressobj(wbits=-9).decompress(payload + b"\0\0\xff\xff") == b"L" * 100000


# The end -------------------------------------------------------------------------------------------------------------


def events(server: RoostServer) -> list[str]:
    return httpx.get(server.url + "/events").text.splitlines()


@pytest.mark.parametrize(
    ("sent", "answer", "seen"),
    [(b"", 0, "1005 "), (b"\x03\xe8bye-1", 1000, "1000 bye-1"), (b"\x0f\xa1x", 4001, "4001 x")],
)
def test_close_by_the_client(roost_server: StartServer, sent: bytes, answer: int, seen: str) -> None:
    server = roost_server(yaml())
    with RawWebSocket(server) as ws:
        ws.send(frame(CLOSE, sent), frame(TEXT, b"too late"))
        assert ws.closed_with() == answer
    server.wait_for(lambda: events(server) == [f"echo close {seen}"])


def test_client_that_vanishes(roost_server: StartServer) -> None:
    server = roost_server(yaml())
    RawWebSocket(server).raw.close()
    server.wait_for(lambda: events(server) == ["echo close 1006 "])


def test_close_by_the_handler(roost_server: StartServer) -> None:
    server = roost_server(yaml())
    with room(server) as member:
        own, _ = who(member)
        member.send("close 4002 enough")
        with pytest.raises(ConnectionClosed) as closed:
            member.recv(PATIENCE)
        assert closed.value.rcvd is not None
        assert (closed.value.rcvd.code, closed.value.rcvd.reason) == (4002, "enough")
    server.wait_for(lambda: events(server) == [f"open {own}", "close asked", "close 4002 enough"])


def test_handler_that_throws_closes_with_1011(roost_server: StartServer) -> None:
    server = roost_server(yaml())
    with room(server) as member:
        who(member)
        member.send("throw")
        with pytest.raises(ConnectionClosed) as closed:
            member.recv(PATIENCE)
        assert code_of(closed) == 1011
    server.wait_log("a handler that throws")


def test_ping_keeps_alive_and_cuts_the_silent(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="ping: 100ms, ping_timeout: 100ms"))
    with RawWebSocket(server) as ws:
        for _ in range(3):
            assert ws.receive() == (PING, b"")
            ws.send(frame(PONG))
        assert ws.receive() == (PING, b"")
        assert ws.raw.closed()
    server.wait_for(lambda: events(server) == ["echo close 1006 "])


def test_slow_receiver_loses_the_oldest_where_it_says_drop(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="send_buffer: 64KiB, slow_client: drop"))
    count, padding = 10_000, b"x" * 1000
    with RawWebSocket(server, "/room/slow") as slow, room(server, "other") as publisher:
        slow.receive()
        slow.send(frame(TEXT, b"sub news"))
        assert slow.receive() == (TEXT, b"ok")
        who(publisher)
        for i in range(count):
            publisher.send(f"pub news {i} {padding.decode()}")
        assert ask(publisher, "list").startswith("ids ")
        slow.send(frame(PING, b"are you there"))
        heard: list[int] = []
        ponged = False
        while not ponged or heard[-1] != count - 1:
            opcode, payload = slow.receive()
            if opcode == PONG:
                ponged = True
                continue
            number, text = payload.split(b" ")
            assert text == padding
            heard.append(int(number))
        assert heard == sorted(set(heard))
        assert len(heard) < count
        server.wait_log(r"messages dropped for clients that read too slowly")


def test_slow_receiver_is_closed_with_1013(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="send_buffer: 256KiB"))
    with RawWebSocket(server, "/room/a") as ws:
        ws.receive()
        ws.send(frame(TEXT, b"flood 10000"))
        server.wait_for(lambda: any(line.startswith("flood gone") for line in events(server)))
        line = next(line for line in events(server) if line.startswith("flood gone"))
        assert int(line.rpartition(" ")[2]) <= 256 * 1024
        while (received := ws.receive())[0] == BINARY:
            assert len(received[1]) == 10000
        assert (received[0], received[1][:2]) == (CLOSE, struct.pack("!H", 1013))
        ws.send(closing(1013))
        assert ws.raw.closed()


@pytest.mark.tsan
def test_writable_after_would_block(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket="send_buffer: 256KiB"))
    with RawWebSocket(server, "/room/a") as ws:
        ws.receive()
        ws.send(frame(TEXT, b"pour 10000"))
        # Nothing is read before, or it might never have to wait.
        server.wait_for(lambda: "flood waits" in events(server))
        count = 0
        while (received := ws.receive())[0] == BINARY:
            count += 1
        assert received == (TEXT, f"writable after {count}".encode())


@pytest.mark.tsan
def test_drain_closes_with_1001(roost_server: StartServer) -> None:
    server = roost_server(yaml(processes=2))
    with room(server) as first, room(server) as second:
        who(first), who(second)
        server.signal(signal.SIGTERM)
        for member in (first, second):
            with pytest.raises(ConnectionClosed) as closed:
                member.recv(PATIENCE)
            assert code_of(closed) == 1001
        assert server.wait() == 0


@pytest.mark.tsan
def test_sends_from_another_thread_in_order(server: RoostServer) -> None:
    with room(server) as member:
        who(member)
        member.send("later x")
        assert [member.recv(PATIENCE) for _ in range(100)] == [f"x {i}" for i in range(100)]


# Across workers ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def host(module_server: StartServer) -> RoostServer:
    """Four workers."""
    return module_server(yaml(processes=4))


class Room:
    """Members of one room, in at least two workers."""

    def __init__(self, server: RoostServer, name: str, stack: ExitStack, workers: int = 2) -> None:
        self.members: list[ClientConnection] = []
        self.ids: list[str] = []
        self.pids: list[int] = []
        # A worker that has the other connections already steps aside sooner or later; a kernel wakes whom it likes.
        while len(set(self.pids)) < workers or len(self.members) < 6:
            assert len(self.members) < 400, f"all connections went to {set(self.pids)}"
            member = stack.enter_context(room(server, name))
            own, pid = who(member)
            self.members.append(member)
            self.ids.append(own)
            self.pids.append(pid)

    def receive(self) -> list[str | bytes]:
        return [member.recv(PATIENCE) for member in self.members]

    def apart(self) -> tuple[int, int]:
        """Two members of different workers."""
        return 0, next(i for i, pid in enumerate(self.pids) if pid != self.pids[0])


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.mark.tsan
def test_list_names_all_of_the_group_in_all_workers(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "list", stack)
    Room(host, "other", stack)
    for member in members.members:
        assert ids(member) == set(members.ids)
    members.members[0].close()
    _, j = members.apart()
    host.wait_for(lambda: ids(members.members[j]) == set(members.ids[1:]))


@pytest.mark.tsan
def test_broadcast_reaches_every_worker_once(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "broadcast", stack)
    for i, member in enumerate(members.members):
        member.send(f"all from {i}")
        assert members.receive() == [f"from {i}"] * len(members.members)
    members.members[0].send("others but me")
    members.members[0].send("all end")
    assert members.members[0].recv(PATIENCE) == "end"
    for member in members.members[1:]:
        assert [member.recv(PATIENCE), member.recv(PATIENCE)] == ["but me", "end"]


def test_large_broadcast(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "large", stack)
    for _ in range(3):
        members.members[0].send(f"large {1 << 20}")
        assert all(message == b"L" * (1 << 20) for message in members.receive())


@pytest.mark.tsan
def test_send_to_an_id_in_another_worker(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "to", stack)
    i, j = members.apart()
    assert ask(members.members[i], f"to {members.ids[j]} hello") == "sent"
    assert members.members[j].recv(PATIENCE) == "hello"
    assert ask(members.members[i], "to 0-1-1 hello") == "gone"
    assert ask(members.members[i], "to nonsense hello") == "gone"


@pytest.mark.tsan
def test_topics_across_workers(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "topics", stack)
    i, j = members.apart()
    a, b = members.members[i], members.members[j]
    assert ask(b, "sub news") == "ok"
    a.send("pub news one")
    assert b.recv(PATIENCE) == "one"
    assert ask(a, "sub news") == "ok"
    a.send("pub-others news two")
    assert b.recv(PATIENCE) == "two"
    b.send("pub news three")
    assert (a.recv(PATIENCE), b.recv(PATIENCE)) == ("three", "three")
    assert ask(b, "unsub news") == "ok"
    a.send("pub news four")
    assert a.recv(PATIENCE) == "four"
    assert ask(b, f"to {members.ids[j]} direct") == "direct"
    assert b.recv(PATIENCE) == "sent"


@pytest.mark.tsan
def test_order_of_one_publisher_across_workers(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "order", stack)
    for member in members.members:
        assert ask(member, "sub burst") == "ok"
    members.members[0].send("burst 3000")
    for member in members.members:
        assert [member.recv(PATIENCE) for _ in range(3000)] == [str(i) for i in range(3000)]


def _lost(member: ClientConnection) -> bool:
    try:
        member.recv(PATIENCE)
    except ConnectionClosed:
        return True
    return False


def test_killed_worker_loses_only_its_own_connections(roost_server: StartServer, stack: ExitStack) -> None:
    server = roost_server(yaml(processes=4))
    members = Room(server, "kill", stack)
    i, j = members.apart()
    survivor, victim = members.members[i], members.pids[j]
    os.kill(victim, signal.SIGKILL)
    assert _lost(members.members[j])
    left = {own for own, pid in zip(members.ids, members.pids, strict=True) if pid != victim}
    server.wait_for(lambda: ids(survivor) == left)
    server.wait_for(lambda: len(server.leaves()) >= 4)
    # The replacement takes its slot, and hears of everybody.
    more = Room(server, "kill", stack, workers=1)
    for member in more.members:
        assert ids(member) == left | set(more.ids)
    survivor.send("all still here")
    kept = [m for m, pid in zip(members.members, members.pids, strict=True) if pid != victim]
    assert [member.recv(PATIENCE) for member in [*kept, *more.members]] == ["still here"] * (len(kept) + len(more.ids))


def test_generations_that_overlap_see_each_other(roost_server: StartServer, stack: ExitStack) -> None:
    server = roost_server(yaml(processes=2))
    before = set(server.leaves())
    old = stack.enter_context(RawWebSocket(server, "/room/reload"))
    found = re.fullmatch(rb"id (\S+) pid (\d+)", old.receive()[1])
    assert found
    server.signal(signal.SIGHUP)
    server.wait_ready(2)
    # The old generation says that it goes away, and waits for the answer.
    assert old.receive() == (CLOSE, struct.pack("!H", 1001))
    # Its other threads may take a connection still, until they hear of it.
    member = stack.enter_context(room(server, "reload"))
    while (told := who(member))[1] in before:
        assert _lost(member)
        member = stack.enter_context(room(server, "reload"))
    server.wait_for(lambda: ids(member) == {told[0], found[1].decode()})
    old.send(closing(1001))
    assert old.raw.closed()
    server.wait_for(lambda: ids(member) == {told[0]})


@pytest.mark.tsan
def test_counts_come_back_to_zero(roost_server: StartServer) -> None:
    server = roost_server(yaml())
    for _ in range(3):
        with ExitStack() as stack:
            for _ in range(50):
                who(stack.enter_context(room(server)))
        with room(server) as member:
            own, _ = who(member)
            server.wait_for(lambda m=member, o=own: ids(m) == {o})  # type: ignore[misc]
    lines = events(server)
    assert sum(line.startswith("open") for line in lines) == 153
    server.wait_for(lambda: sum(line.startswith("close") for line in events(server)) == 153)
