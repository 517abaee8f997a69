"""The cases of test_websocket_conformance.py, in the order of the Autobahn test suite, with its numbers.

A case is what the client's socket sends, in pieces, and all that comes back until the server closes: messages, control
frames, and the close frame's code. The result is strict: what comes too late, too much or in another order fails.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from raw_websocket import BINARY, CLOSE, PING, PONG, TEXT, closing, frame

CONTINUED = 0
Frames = list[tuple[int, bytes]]
LIMIT = 1 << 16  # of the server's messages


@dataclass
class Case:
    """`sent`: what leaves in one send() each. `answers`: all frames that come back, but for the close frame.

    `code`: of the close frame that ends it; 0: without a code; None: the case ends it with close 1000, which is
    answered. `early`: the server has to answer with the close frame although the client's frame is not whole.
    """

    name: str
    sent: Sequence[bytes]
    answers: Frames
    code: int | None = None

    def __str__(self) -> str:
        return self.name.replace(" ", "-")


def text(payload: bytes) -> bytes:
    return frame(TEXT, payload)


def ascii_of(count: int) -> bytes:
    return b"*" * count


def echoes(opcode: int) -> Iterator[Case]:
    number = 1 if opcode == TEXT else 2
    for i, size in enumerate((0, 125, 126, 127, 128, 65535, 65536), 1):
        payload = ascii_of(size) if opcode == TEXT else b"\xfe" * size
        yield Case(f"1.{number}.{i} echo of {size} bytes", [frame(opcode, payload)], [(opcode, payload)])
    whole = frame(opcode, ascii_of(65536))
    pieces = [whole[i : i + 997] for i in range(0, len(whole), 997)]
    yield Case(f"1.{number}.8 echo of 65536 bytes in chops of 997", pieces, [(opcode, ascii_of(65536))])


def pings() -> Iterator[Case]:
    yield Case("2.1 ping without payload", [frame(PING)], [(PONG, b"")])
    yield Case("2.2 ping with text", [frame(PING, b"Hello, world!")], [(PONG, b"Hello, world!")])
    binary = bytes([0, 255, 254, 253, 252, 251, 0, 255])
    yield Case("2.3 ping with binary", [frame(PING, binary)], [(PONG, binary)])
    yield Case("2.4 ping with 125 bytes", [frame(PING, b"\xfe" * 125)], [(PONG, b"\xfe" * 125)])
    yield Case("2.5 ping with 126 bytes", [frame(PING, b"\xfe" * 126)], [], 1002)
    yield Case("2.6 ping in single bytes", [bytes([b]) for b in frame(PING, b"\xfe" * 125)], [(PONG, b"\xfe" * 125)])
    yield Case("2.7 pong unasked", [frame(PONG)], [])
    yield Case("2.8 pong unasked with payload", [frame(PONG, b"unasked")], [])
    yield Case("2.9 pong unasked then ping", [frame(PONG, b"unasked"), frame(PING, b"ping")], [(PONG, b"ping")])
    ten = [frame(PING, b"payload-%d" % i) for i in range(10)]
    answers = [(PONG, b"payload-%d" % i) for i in range(10)]
    yield Case("2.10 ten pings at once", [b"".join(ten)], answers)
    yield Case("2.11 ten pings in single bytes", [bytes([b]) for b in b"".join(ten)], answers)


def reserved_bits() -> Iterator[Case]:
    hello: Frames = [(TEXT, b"Hello")]
    for bits in range(1, 8):
        bad = frame(TEXT, b"Hello", reserved=bits << 4)
        yield Case(f"3.{bits} RSV {bits} in a text", [bad], [], 1002)
        yield Case(f"3.{bits} RSV {bits} between texts", [text(b"Hello") + bad + frame(PING)], hello, 1002)
        yield Case(
            f"3.{bits} RSV {bits} in single bytes", [bytes([b]) for b in text(b"Hello")] + [bad[:1]], hello, 1002
        )
        yield Case(f"3.{bits} RSV {bits} in a binary", [frame(BINARY, b"x", reserved=bits << 4)], [], 1002)
        yield Case(f"3.{bits} RSV {bits} in a ping", [frame(PING, b"x", reserved=bits << 4)], [], 1002)
        yield Case(f"3.{bits} RSV {bits} in a close", [frame(CLOSE, b"", reserved=bits << 4)], [], 1002)
        start = frame(TEXT, b"Hel", fin=False)
        more = frame(CONTINUED, b"lo", reserved=bits << 4)
        yield Case(f"3.{bits} RSV {bits} in a continuation", [start + more], [], 1002)


def opcodes() -> Iterator[Case]:
    for i, opcode in enumerate((3, 4, 5, 6, 7), 1):
        yield Case(f"4.1.{i} opcode {opcode}", [frame(opcode)], [], 1002)
        yield Case(f"4.1.{i} opcode {opcode} with payload", [frame(opcode, b"x")], [], 1002)
        yield Case(
            f"4.1.{i} opcode {opcode} after text", [text(b"a") + frame(opcode) + frame(PING)], [(TEXT, b"a")], 1002
        )
        yield Case(
            f"4.1.{i} opcode {opcode} within a message", [frame(TEXT, b"a", fin=False) + frame(opcode)], [], 1002
        )
    for i, opcode in enumerate((11, 12, 13, 14, 15), 1):
        yield Case(f"4.2.{i} opcode {opcode}", [frame(opcode)], [], 1002)
        yield Case(f"4.2.{i} opcode {opcode} with payload", [frame(opcode, b"x")], [], 1002)
        yield Case(
            f"4.2.{i} opcode {opcode} after text", [text(b"a") + frame(opcode) + frame(PING)], [(TEXT, b"a")], 1002
        )
        yield Case(f"4.2.{i} opcode {opcode}, first byte alone", [frame(opcode)[:1]], [], 1002)


def fragments() -> Iterator[Case]:
    first, last = frame(TEXT, b"fragment1", fin=False), frame(CONTINUED, b"fragment2")
    both: Frames = [(TEXT, b"fragment1fragment2")]
    yield Case("5.1 fragmented ping", [frame(PING, b"frag", fin=False) + frame(CONTINUED, b"ment")], [], 1002)
    yield Case("5.2 fragmented pong", [frame(PONG, b"frag", fin=False) + frame(CONTINUED, b"ment")], [], 1002)
    yield Case("5.3 two fragments", [first, last], both)
    yield Case("5.4 two fragments at once", [first + last], both)
    yield Case("5.5 two fragments in single bytes", [bytes([b]) for b in first + last], both)
    ping: Frames = [(PONG, b"ping")]
    yield Case("5.6 ping between fragments", [first, frame(PING, b"ping"), last], ping + both)
    yield Case("5.7 ping between fragments at once", [first + frame(PING, b"ping") + last], ping + both)
    yield Case("5.8 the same in single bytes", [bytes([b]) for b in first + frame(PING, b"ping") + last], ping + both)
    lone = frame(CONTINUED, b"non-continuation payload")
    yield Case("5.9 continuation first, then text", [lone, text(b"Hello, world!")], [], 1002)
    yield Case("5.10 the same at once", [lone + text(b"Hello, world!")], [], 1002)
    yield Case("5.11 the same in single bytes", [bytes([b]) for b in lone[:6]], [], 1002)
    unfinished = frame(CONTINUED, b"non-continuation payload", fin=False)
    yield Case("5.12 continuation without FIN first", [unfinished, text(b"Hello, world!")], [], 1002)
    yield Case("5.13 the same at once", [unfinished + text(b"Hello, world!")], [], 1002)
    yield Case("5.14 the same in single bytes", [bytes([b]) for b in unfinished[:6]], [], 1002)
    end = frame(CONTINUED, b"fragment4")
    third = frame(CONTINUED, b"fragment3", fin=False)
    yield Case("5.15 continuation after a whole message", [first + last + third + end], both, 1002)
    alternate = frame(CONTINUED, b"fragment1", fin=False) + frame(TEXT, b"fragment2", fin=False) + last
    yield Case("5.16 continuation before text, twice", [alternate * 2], [], 1002)
    yield Case(
        "5.17 the same with FIN", [frame(CONTINUED, b"fragment1") + frame(TEXT, b"f", fin=False) + last], [], 1002
    )
    yield Case("5.18 text within a message", [first + text(b"fragment2")], [], 1002)
    five = [frame(TEXT, b"fragment1", fin=False), frame(CONTINUED, b"fragment2", fin=False), frame(PING, b"one")]
    five += [frame(CONTINUED, b"fragment3", fin=False), frame(CONTINUED, b"fragment4", fin=False)]
    five += [frame(PING, b"two"), frame(CONTINUED, b"fragment5")]
    whole: Frames = [(PONG, b"one"), (PONG, b"two"), (TEXT, b"fragment1fragment2fragment3fragment4fragment5")]
    yield Case("5.19 five fragments with pings between", five, whole)
    yield Case("5.20 the same at once", [b"".join(five)], whole)
    empty = [frame(TEXT, b"", fin=False), frame(CONTINUED, b"", fin=False), frame(CONTINUED, b"")]
    yield Case("5.21 empty fragments", empty, [(TEXT, b"")])
    yield Case("5.22 close within a message", [first + closing(1000)], [], 1000)
    yield Case("5.23 fragmented close", [frame(CLOSE, b"\x03\xe8", fin=False)], [], 1002)
    many = [frame(BINARY, b"", fin=False)] + [frame(CONTINUED, b"x", fin=False)] * 1000 + [frame(CONTINUED, b"")]
    yield Case("5.24 a thousand fragments of one byte", [b"".join(many)], [(BINARY, b"x" * 1000)])


VALID = "Hello-µ@ßöäüàá-UTF-8!!".encode()
KOSME = "κόσμε".encode()
INVALID = KOSME + b"\xed\xa0\x80" + b"edited"


def utf8() -> Iterator[Case]:
    yield Case("6.1.1 empty text", [text(b"")], [(TEXT, b"")])
    yield Case(
        "6.1.2 three empty fragments",
        [frame(TEXT, b"", fin=False), frame(CONTINUED, b"", fin=False), frame(CONTINUED)],
        [(TEXT, b"")],
    )
    yield Case(
        "6.1.3 the middle one filled",
        [frame(TEXT, b"", fin=False), frame(CONTINUED, b"middle", fin=False), frame(CONTINUED)],
        [(TEXT, b"middle")],
    )
    yield Case("6.2.1 valid", [text(VALID)], [(TEXT, VALID)])
    yield Case(
        "6.2.2 valid in two fragments",
        [frame(TEXT, VALID[:12], fin=False), frame(CONTINUED, VALID[12:])],
        [(TEXT, VALID)],
    )
    yield Case("6.2.3 valid, a fragment for each byte", split_frames(VALID), [(TEXT, VALID)])
    yield Case("6.2.4 valid Greek, a fragment for each byte", split_frames(KOSME), [(TEXT, KOSME)])
    yield Case("6.3.1 invalid", [text(INVALID)], [], 1007)
    yield Case("6.3.2 invalid, a fragment for each byte", split_frames(INVALID), [], 1007)
    # Fail-fast: what follows the first byte that cannot be right is never sent.
    for i, (name, begin, bad) in enumerate(
        [("surrogate", KOSME, b"\xed\xa0"), ("above U+10FFFF", KOSME, b"\xf4\x90"), ("overlong", KOSME, b"\xe0\x9f")], 1
    ):
        yield Case(
            f"6.4.{i} {name}: a fragment with it",
            [frame(TEXT, begin, fin=False), frame(CONTINUED, bad, fin=False)],
            [],
            1007,
        )
        unfinished = frame(TEXT, begin + bad + b"x" * 50)
        cut = len(unfinished) - 50
        yield Case(f"6.4.{i} {name}: a frame up to it", [unfinished[:cut]], [], 1007)
        yield Case(f"6.4.{i} {name}: in single bytes up to it", [bytes([b]) for b in unfinished[:cut]], [], 1007)
    for number, sequence, valid in utf8_sequences():
        shown = sequence.hex() if len(sequence) < 20 else f"{len(sequence)} bytes"
        answers: Frames = [(TEXT, sequence)] if valid else []
        yield Case(
            f"{number} {shown} {'valid' if valid else 'invalid'}", [text(sequence)], answers, None if valid else 1007
        )
        yield Case(f"{number} {shown} in fragments", split_frames(sequence), answers, None if valid else 1007)


def split_frames(payload: bytes) -> list[bytes]:
    """A message of one fragment for each byte."""
    frames = [frame(TEXT if i == 0 else CONTINUED, payload[i : i + 1], fin=False) for i in range(len(payload))]
    return [*frames, frame(CONTINUED)] if frames else [frame(TEXT)]


def utf8_sequences() -> Iterator[tuple[str, bytes, bool]]:
    """Autobahn's sections 6.5 to 6.23, after Markus Kuhn's decoder stress test."""
    for i in range(1, len(KOSME) + 1):
        yield f"6.5.{i}", KOSME[:i], i % 2 == 0
    first = [b"\x00", b"\xc2\x80", b"\xe0\xa0\x80", b"\xf0\x90\x80\x80"]
    too_long = [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]
    for i, (sequence, valid) in enumerate([*((s, True) for s in first), *((s, False) for s in too_long)], 1):
        yield f"6.6.{i} first of its length", sequence, valid
    last = [b"\x7f", b"\xdf\xbf", b"\xef\xbf\xbf", b"\xf4\x8f\xbf\xbf"]
    for i, sequence in enumerate(last, 1):
        yield f"6.7.{i} last of its length", sequence, True
    for i, sequence in enumerate([b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"], 1):
        yield f"6.8.{i} beyond", sequence, False
    for i, sequence in enumerate([b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf"], 1):
        yield f"6.9.{i} boundary", sequence, True
    yield "6.9.5 boundary", b"\xf4\x90\x80\x80", False
    for i, count in enumerate(range(1, 8), 1):
        yield f"6.10.{i} continuations alone", (b"\x80\xbf" * 4)[:count], False
    yield "6.10.8 all continuations", bytes(range(0x80, 0xC0)), False
    for i, (begin, end) in enumerate([(0xC0, 0xE0), (0xE0, 0xF0), (0xF0, 0xF8), (0xF8, 0xFC), (0xFC, 0xFE)], 1):
        yield f"6.11.{i} lonely starts", b"".join(bytes([b, 0x20]) for b in range(begin, end)), False
    cut = [b"\xc0", b"\xe0\x80", b"\xf0\x80\x80", b"\xf8\x80\x80\x80", b"\xfc\x80\x80\x80\x80"]
    cut += [b"\xdf", b"\xef\xbf", b"\xf7\xbf\xbf", b"\xfb\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf"]
    for i, sequence in enumerate([*cut, b"".join(cut)], 1):
        yield f"6.12.{i} last continuation missing", sequence, False
    for i, sequence in enumerate([b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"], 1):
        yield f"6.14.{i} impossible bytes", sequence, False
    overlong = [b"\xc0\xaf", b"\xe0\x80\xaf", b"\xf0\x80\x80\xaf", b"\xf8\x80\x80\x80\xaf", b"\xfc\x80\x80\x80\x80\xaf"]
    overlong += [
        b"\xc1\xbf",
        b"\xe0\x9f\xbf",
        b"\xf0\x8f\xbf\xbf",
        b"\xf8\x87\xbf\xbf\xbf",
        b"\xfc\x83\xbf\xbf\xbf\xbf",
    ]
    overlong += [
        b"\xc0\x80",
        b"\xe0\x80\x80",
        b"\xf0\x80\x80\x80",
        b"\xf8\x80\x80\x80\x80",
        b"\xfc\x80\x80\x80\x80\x80",
    ]
    for i, sequence in enumerate(overlong, 1):
        yield f"6.15-17.{i} overlong", sequence, False
    for i, point in enumerate((0xD800, 0xDB7F, 0xDB80, 0xDBFF, 0xDC00, 0xDF80, 0xDFFF), 1):
        yield f"6.18.{i} surrogate", chr(point).encode("utf-8", "surrogatepass"), False
    for i, (high, low) in enumerate(product((0xD800, 0xDB7F, 0xDB80, 0xDBFF), (0xDC00, 0xDFFF)), 1):
        yield f"6.19.{i} surrogates in pairs", (chr(high) + chr(low)).encode("utf-8", "surrogatepass"), False
    for i, plane in enumerate(range(17), 1):
        yield (
            f"6.20-21.{i} noncharacters",
            (chr(plane * 0x10000 + 0xFFFE) + chr(plane * 0x10000 + 0xFFFF)).encode(),
            True,
        )
    yield "6.22 noncharacters of the Arabic block", "".join(map(chr, range(0xFDD0, 0xFDF0))).encode(), True
    for i, point in enumerate(range(0xFFF9, 0x10000), 1):
        yield f"6.23.{i} specials", chr(point).encode(), True


def closes() -> Iterator[Case]:
    yield Case("7.1.1 message, then close", [text(b"Hello World!"), closing(1000)], [(TEXT, b"Hello World!")], 1000)
    yield Case("7.1.2 two closes", [closing(1000) + closing(1000)], [], 1000)
    yield Case("7.1.3 ping after close", [closing(1000) + frame(PING)], [], 1000)
    yield Case("7.1.4 text after close", [closing(1000) + text(b"late")], [], 1000)
    yield Case(
        "7.1.5 close within a message",
        [frame(TEXT, b"frag", fin=False) + closing(1000) + frame(CONTINUED, b"ment")],
        [],
        1000,
    )
    yield Case(
        "7.1.6 64 KiB, close, ping",
        [frame(TEXT, ascii_of(65536)) + closing(1000) + frame(PING)],
        [(TEXT, ascii_of(65536))],
        1000,
    )
    yield Case("7.3.1 close without payload", [frame(CLOSE)], [], 0)
    yield Case("7.3.2 close of one byte", [frame(CLOSE, b"a")], [], 1002)
    yield Case("7.3.3 close with a code", [closing(1000)], [], 1000)
    yield Case("7.3.4 close with a reason", [closing(1000, "Hello World!")], [], 1000)
    yield Case("7.3.5 close with the longest reason", [closing(1000, "*" * 123)], [], 1000)
    yield Case("7.3.6 close with too long a reason", [closing(1000, "*" * 124)], [], 1002)
    yield Case("7.5.1 close with invalid UTF-8", [frame(CLOSE, b"\x03\xe8" + INVALID)], [], 1007)
    yield Case("7.5.2 close with UTF-8 cut short", [frame(CLOSE, b"\x03\xe8\xce")], [], 1007)
    for i, code in enumerate(
        (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999), 1
    ):
        yield Case(f"7.7.{i} valid code {code}", [closing(code)], [], code)
    for i, code in enumerate((0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999), 1):
        yield Case(f"7.9.{i} invalid code {code}", [closing(code)], [], 1002)
        yield Case(f"7.9.{i} invalid code {code} with a reason", [closing(code, "why")], [], 1002)
    for i, code in enumerate((5000, 65535), 1):
        yield Case(f"7.13.{i} code beyond the registry {code}", [closing(code)], [], 1002)


def framing() -> Iterator[Case]:
    """What Autobahn leaves out."""
    yield Case("8.1 text without a mask", [frame(TEXT, b"x", mask=None)], [], 1002)
    yield Case("8.2 ping without a mask", [frame(PING, mask=None)], [], 1002)
    yield Case(
        "8.3 continuation without a mask", [frame(TEXT, b"a", fin=False) + frame(CONTINUED, b"b", mask=None)], [], 1002
    )
    yield Case("8.4 mask of zeros", [frame(TEXT, b"plain", mask=b"\0\0\0\0")], [(TEXT, b"plain")])
    yield Case("8.5 length 125 in 16 bits", [b"\x81\xfe\x00\x7d"], [], 1002)
    yield Case("8.6 length 65535 in 64 bits", [b"\x81\xff" + struct.pack("!Q", 65535)], [], 1002)
    yield Case("8.7 length with the highest bit", [b"\x82\xff\x80"], [], 1002)
    yield Case("8.8 length beyond the limit", [b"\x82\xff" + struct.pack("!Q", LIMIT + 1) + b"\1\2\3\4"], [], 1009)
    yield Case("8.9 length of 2^63-1", [b"\x82\xff" + struct.pack("!Q", 2**63 - 1) + b"\1\2\3\4"], [], 1009)
    half = frame(BINARY, bytes(LIMIT // 2), fin=False)
    yield Case("8.10 fragments up to the limit", [half + frame(CONTINUED, bytes(LIMIT // 2))], [(BINARY, bytes(LIMIT))])
    yield Case("8.11 fragments beyond the limit", [half + frame(CONTINUED, bytes(LIMIT // 2 + 1))[:14]], [], 1009)
    yield Case("8.12 ping of 126 bytes, header alone", [b"\x89\xfe"], [], 1002)
    yield Case("8.13 ping in 64 bits", [b"\x89\xff"], [], 1002)
    yield Case("8.14 close in 16 bits", [b"\x88\xfe"], [], 1002)


CASES = [
    *echoes(TEXT),
    *echoes(BINARY),
    *pings(),
    *reserved_bits(),
    *opcodes(),
    *fragments(),
    *utf8(),
    *closes(),
    *framing(),
]
