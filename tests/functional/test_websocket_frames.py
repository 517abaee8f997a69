"""Messages and frames of WebSockets, plain and compressed (RFC 6455 section 5, RFC 7692), over the real server."""

from __future__ import annotations

import os
import re
import socket
import struct
import zlib
from contextlib import ExitStack

import httpx
import pytest
from conftest import StartServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, RawWebSocket, closing, frame
from server_process import PATIENCE, RoostServer
from websocket_rooms import Room, ask, code_of, room, who, yaml


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    """One worker, so that /events are those of every connection."""
    return module_server(yaml())


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
