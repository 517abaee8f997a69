"""A WebSocket whose frames the test writes itself (RFC 6455 section 5)."""

from __future__ import annotations

import struct
from typing import Self

from server_process import RawConnection, RawResponse, RoostServer

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
KEY = "dGhlIHNhbXBsZSBub25jZQ=="


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
