"""permessage-deflate (RFC 7692): every combination of parameters, against every way to configure it."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Iterator
from itertools import product

import pytest
from conftest import StartServer
from test_websocket_conformance import YAML, play

from raw_websocket import BINARY, PING, PONG, TEXT, RawWebSocket, frame
from server_process import RoostServer
from websocket_cases import CONTINUED

COMPRESSED = 0x40


class DeflatedWebSocket(RawWebSocket):
    """A client that compresses, strict about what was agreed on."""

    def __init__(self, server: RoostServer, offer: str) -> None:
        super().__init__(server, headers=f"Sec-WebSocket-Extensions: {offer}\r\n")
        self.answer = self.response.headers.get("sec-websocket-extensions", "")
        words = [word.strip() for word in self.answer.split(";")]
        self.parameters = dict(word.partition("=")[::2] for word in words[1:])
        self.client_bits = int(self.parameters.get("client_max_window_bits") or 15)
        self.server_bits = int(self.parameters.get("server_max_window_bits") or 15)
        self._deflater: zlib._Compress | None = None
        self._inflater: zlib._Decompress | None = None

    def compress(self, data: bytes) -> bytes:
        if self._deflater is None or "client_no_context_takeover" in self.parameters:
            self._deflater = zlib.compressobj(wbits=-max(9, self.client_bits))
        return (self._deflater.compress(data) + self._deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]

    def exchange(self, opcode: int, data: bytes, pieces: int = 1) -> bool:
        """Sends compressed, in fragments, and expects the echo; whether that was compressed."""
        packed = self.compress(data)
        step = max(1, -(-len(packed) // pieces))
        parts = [packed[i : i + step] for i in range(0, len(packed), step)]
        self.send(
            *(
                frame(opcode if i == 0 else CONTINUED, part, i == len(parts) - 1, 0 if i else COMPRESSED)
                for i, part in enumerate(parts)
            )
        )
        first, second = self.raw.read_exactly(2)
        assert first & 0xB0 == 0x80
        assert first & 15 == opcode
        size = second
        if size == 126:
            (size,) = struct.unpack("!H", self.raw.read_exactly(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.raw.read_exactly(8))
        payload = self.raw.read_exactly(size)
        if not first & COMPRESSED:
            assert payload == data
            return False
        if self._inflater is None or "server_no_context_takeover" in self.parameters:
            # zlib refuses what refers further back than this window.
            self._inflater = zlib.decompressobj(wbits=-self.server_bits)
        assert self._inflater.decompress(payload + b"\0\0\xff\xff") == data
        return True


def messages(seed: int) -> Iterator[tuple[int, bytes]]:
    chance = random.Random(seed)
    words = [bytes(chance.choices(b"abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 9))) for _ in range(200)]
    for size in (0, 1, 16, 63, 64, 65, 256, 1024, 4096, 8192, 16384, 32768, 65536):
        plain = b" ".join(chance.choices(words, k=size // 4 + 1))[:size]
        yield TEXT, plain
        yield BINARY, plain[: size // 2] + chance.randbytes(size - size // 2)


OFFERS = [
    "; ".join(["permessage-deflate", *filter(None, chosen)])
    for chosen in product(
        ("", "server_no_context_takeover"),
        ("", "client_no_context_takeover"),
        ("", *(f"server_max_window_bits={bits}" for bits in (8, 9, 12, 15))),
        ("", "client_max_window_bits", *(f"client_max_window_bits={bits}" for bits in (9, 12, 15))),
    )
]
COMPRESSIONS = {
    "true": "compress: true",
    "takeover": "compress: { context_takeover: true, level: 6 }",
    "small": "compress: { context_takeover: true, window_bits: 10, memory_level: 1, minimum: 0 }",
    "level": "compress: { level: 9, window_bits: 12, minimum: 256 }",
}


@pytest.fixture(scope="module", params=COMPRESSIONS, ids=str)
def compressing(request: pytest.FixtureRequest, module_server: StartServer) -> tuple[str, RoostServer]:
    return request.param, module_server(YAML.format(limit="1MiB", more=COMPRESSIONS[request.param]))


@pytest.mark.parametrize("offer", OFFERS, ids=lambda offer: offer.replace("permessage-deflate", "").replace("; ", "+"))
def test_each_offer(compressing: tuple[str, RoostServer], offer: str) -> None:
    name, server = compressing
    with DeflatedWebSocket(server, offer) as ws:
        takeover, window = name in ("takeover", "small"), {"small": 10, "level": 12}.get(name, 15)
        asked = dict(word.strip().partition("=")[::2] for word in offer.split(";")[1:])
        assert ws.answer.startswith("permessage-deflate")
        for side in ("server", "client"):
            wanted = not takeover or f"{side}_no_context_takeover" in asked
            assert (f"{side}_no_context_takeover" in ws.parameters) == wanted
        assert ws.server_bits == min(window, int(asked.get("server_max_window_bits", 15)))
        if "client_max_window_bits" not in asked:
            assert "client_max_window_bits" not in ws.parameters
        else:
            assert ws.client_bits <= min(window, int(asked["client_max_window_bits"] or 15)) or (
                "client_max_window_bits" not in ws.parameters
            )
            ws.client_bits = min(ws.client_bits, int(asked["client_max_window_bits"] or 15))
        compressed = 0
        for i, (opcode, data) in enumerate(messages(len(offer))):
            compressed += ws.exchange(opcode, data, pieces=1 + i % 3)
        # A window of 256 bytes is none that zlib can compress for: messages then go out as they are.
        assert (compressed > 8) == (ws.server_bits > 8)


@pytest.mark.parametrize(
    "offer",
    [
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; server_max_window_bits=16",
        "permessage-deflate; server_max_window_bits=08",
        "permessage-deflate; client_max_window_bits=16",
        "permessage-deflate; client_max_window_bits=",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "permessage-deflate; unknown",
        "permessage-deflates",
        "x-webkit-deflate-frame",
    ],
)
def test_offers_that_are_declined(compressing: tuple[str, RoostServer], offer: str) -> None:
    _, server = compressing
    with DeflatedWebSocket(server, offer) as ws:
        assert ws.answer == ""
        play(ws, [frame(TEXT, b"plain" * 100)], [(TEXT, b"plain" * 100)], None)
    with DeflatedWebSocket(server, f"{offer}, permessage-deflate; server_max_window_bits=9") as ws:
        assert ws.server_bits == 9
        assert ws.exchange(TEXT, b"compressed" * 100)


def test_offers_in_several_fields(compressing: tuple[str, RoostServer]) -> None:
    _, server = compressing
    with DeflatedWebSocket(server, "foo\r\nSec-WebSocket-Extensions: permessage-deflate") as ws:
        assert ws.exchange(TEXT, b"compressed" * 100)


def test_takeover_makes_repeated_messages_short(module_server: StartServer) -> None:
    server = module_server(YAML.format(limit="1MiB", more=COMPRESSIONS["takeover"]))
    data = random.Random(7).randbytes(3000).hex().encode()
    with DeflatedWebSocket(server, "permessage-deflate") as ws:
        assert ws.exchange(TEXT, data)
        packed = ws.compress(data)
        assert len(packed) < 100
        ws.send(frame(TEXT, packed, reserved=COMPRESSED))
        first, second = ws.raw.read_exactly(2)
        assert first == 0xC1
        assert second < 100


def test_compressed_messages_are_judged(compressing: tuple[str, RoostServer]) -> None:
    name, server = compressing
    bomb = zlib.compressobj(wbits=-15)
    packed = bomb.compress(bytes(1 << 20)) + bomb.compress(b"x") + bomb.flush(zlib.Z_SYNC_FLUSH)
    invalid = zlib.compressobj(wbits=-15)
    text_bytes = invalid.compress(b"ok \xff") + invalid.flush(zlib.Z_SYNC_FLUSH)
    cases = [
        (frame(BINARY, packed[:-4], reserved=COMPRESSED), 1009),
        (frame(BINARY, b"\xff" * 20, reserved=COMPRESSED), 1007),
        (frame(TEXT, text_bytes[:-4], reserved=COMPRESSED), 1007),
        (frame(TEXT, b"a", fin=False) + frame(CONTINUED, b"b", reserved=COMPRESSED), 1002),
        (frame(PING, b"a", reserved=COMPRESSED), 1002),
        (frame(TEXT, b"a", reserved=0x20), 1002),
    ]
    for sent, code in cases:
        with DeflatedWebSocket(server, "permessage-deflate") as ws:
            play(ws, [sent], [], code)
    # Exactly at the limit, control frames between the fragments, and one that is not compressed.
    with DeflatedWebSocket(server, "permessage-deflate") as ws:
        ws.exchange(BINARY, bytes(1 << 20), pieces=7)
        play(ws, [frame(PING, b"p"), frame(TEXT, b"plain")], [(PONG, b"p"), (TEXT, b"plain")], None)
    del name


def test_a_final_block_and_an_empty_message(compressing: tuple[str, RoostServer]) -> None:
    _, server = compressing
    final = zlib.compressobj(wbits=-15)
    whole = final.compress(b"final block") + final.flush(zlib.Z_FINISH)
    with DeflatedWebSocket(server, "permessage-deflate") as ws:
        ws.send(frame(TEXT, whole + b"\0", reserved=COMPRESSED))
        first, second = ws.raw.read_exactly(2)
        payload = ws.raw.read_exactly(second)
        if first & COMPRESSED:
            payload = zlib.decompressobj(wbits=-15).decompress(payload + b"\0\0\xff\xff")
        assert payload == b"final block"
        ws.send(frame(TEXT, b"\0", reserved=COMPRESSED))
        assert ws.receive() == (TEXT, b"")
