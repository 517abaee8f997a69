"""JSON, written and read natively: exact, and of one mind with the json module."""

from __future__ import annotations

import json
import math
import random
import struct
import subprocess
import sys
from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum, StrEnum
from typing import Any
from uuid import UUID

import pytest

_native = pytest.importorskip("roost._native")
encode = _native.json_encode
natively = _native.json_encode_natively
decode = _native.json_decode


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Shape(StrEnum):
    ROUND = "round"


class Text(str):
    def __str__(self) -> str:
        return "wrong"


class Number(int):
    def __repr__(self) -> str:
        return "wrong"


@dataclass
class Point:
    x: int
    y: list[float]


Pair = namedtuple("Pair", "a b")


@pytest.mark.parametrize(
    ("value", "want"),
    [
        (None, b"null"),
        (True, b"true"),
        (False, b"false"),
        ({}, b"{}"),
        ([], b"[]"),
        ((), b"[]"),
        ("", b'""'),
        ({"a": [1, {"b": (2, "c")}]}, b'{"a":[1,{"b":[2,"c"]}]}'),
        ('"\\/\b\f\n\r\t\x00\x1f\x7f', b'"\\"\\\\/\\b\\f\\n\\r\\t\\u0000\\u001f\x7f"'),
        ("a" * 15 + '"' + "b" * 16 + "\n", b'"' + b"a" * 15 + b'\\"' + b"b" * 16 + b'\\n"'),
        ("é", '"é"'.encode()),
        ("ÿ\n", '"ÿ\\n"'.encode()),
        ("ř€", '"ř€"'.encode()),
        ("😀\t", '"😀\\t"'.encode()),
        (0, b"0"),
        (-(2**63), b"-9223372036854775808"),
        (2**63, b"9223372036854775808"),
        (10**40, b"1" + b"0" * 40),
        (-(10**40), b"-1" + b"0" * 40),
        (1.0, b"1.0"),
        (-0.0, b"-0.0"),
        (0.1, b"0.1"),
        (1e22, b"1e+22"),
        (5e-324, b"5e-324"),
        (100000.0, b"100000.0"),
        (1e16, b"1e+16"),
        (1234567890123456.0, b"1234567890123456.0"),
        (1e-5, b"0.00001"),
        (1.5e-7, b"1.5e-7"),
        (2.675, b"2.675"),
        (-999999999.999999, b"-999999999.999999"),
        (math.nan, b"null"),
        (math.inf, b"null"),
        (-math.inf, b"null"),
        ({1: 2, -(10**30): 3}, b'{"1":2,"-1000000000000000000000000000000":3}'),
        ({True: 1, None: 2, 1.5: 3}, b'{"true":1,"null":2,"1.5":3}'),
        ({Colour.RED: 1, date(2026, 1, 2): 2}, b'{"red":1,"2026-01-02":2}'),
        (Text("x"), b'"x"'),
        (Number(7), b"7"),
        (Level.HIGH, b"3"),
        (Colour.RED, b'"red"'),
        (Shape.ROUND, b'"round"'),
        (Decimal("0.10"), b'"0.10"'),
        (Decimal("1000000000000000000000000000000.1"), b'"1000000000000000000000000000000.1"'),
        (Pair(1, "b"), b'[1,"b"]'),
        (Point(1, [2.5]), b'{"x":1,"y":[2.5]}'),
        (datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC), b'"2026-01-02T03:04:05.000006+00:00"'),
        (date(2026, 1, 2), b'"2026-01-02"'),
        (time(3, 4), b'"03:04:00"'),
        (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
    ],
    ids=repr,
)
def test_value_is_written_so(value: object, want: bytes) -> None:
    assert encode(value) == want
    assert natively(value) == want
    # In a document that is large enough for orjson, where it is installed.
    large = encode([["x" * 5000] * 4, value])
    assert json.loads(large)[1] == json.loads(want)


def test_ordered_dict_keeps_its_own_order() -> None:
    ordered = OrderedDict(a=1, b=2)
    ordered.move_to_end("a")
    assert encode(ordered) == b'{"b":2,"a":1}'


@pytest.mark.parametrize(
    ("value", "error"),
    [
        (object(), TypeError),
        ({1, 2}, TypeError),
        (b"bytes", TypeError),
        ({(1, 2): 3}, TypeError),
        ({b"a": 3}, TypeError),
        ("\ud800", ValueError),
        ("\U0001f600\udc00", ValueError),
        ({"\udfff": 1}, ValueError),
        ([1, [object()]], TypeError),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, type) else value.__name__,
)
def test_what_json_has_nothing_for_is_an_error(value: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        encode(value)
    with pytest.raises(error):
        encode([["x" * 5000] * 4, value])


def _nested(depth: int, value: Any = None) -> Any:
    for _ in range(depth):
        value = [value]
    return value


def test_nesting_is_bounded() -> None:
    assert encode(decode(b"[" * 1024 + b"]" * 1024)) == b"[" * 1024 + b"]" * 1024
    with pytest.raises(ValueError, match="nested"):
        encode(_nested(1025))
    with pytest.raises(ValueError, match="Nested"):
        decode(b"[" * 1025 + b"]" * 1025)
    with pytest.raises(ValueError, match="Nested"):
        decode(b'{"a":' * 2000)


def test_container_in_itself_is_an_error() -> None:
    loop: list[Any] = []
    loop.append(loop)
    with pytest.raises(ValueError):
        encode(loop)
    ring: dict[str, Any] = {}
    ring["a"] = [ring] * 2
    with pytest.raises(ValueError):
        natively([ring])


def test_list_changed_while_it_is_written_is_no_crash() -> None:
    values: list[Any] = []

    class Evil(Enum):
        ONE = 1

        @property
        def value(self) -> int:  # type: ignore[override]
            values.clear()
            return 1

    values += [Evil.ONE, "x" * 100, [1, 2, 3]]
    assert natively(values) == b"[1]"


@pytest.mark.parametrize(
    ("text", "want"),
    [
        (b" \t\r\n1 ", 1),
        (b"\xef\xbb\xbf[]", []),
        (b'"\\"\\\\\\/\\b\\f\\n\\r\\t"', '"\\/\b\f\n\r\t'),
        (b'"\\u00e9\\uD83D\\ude00\\u0000"', "é😀\0"),
        (b'"\\ud83d\\ude00"', "😀"),
        ('"é😀ř"'.encode(), "é😀ř"),
        (b'{"":0,"a":{"b":[true,false,null]}}', {"": 0, "a": {"b": [True, False, None]}}),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b"-0", 0),
        (b"123456789012345678901234567890", 123456789012345678901234567890),
        (b"-9223372036854775809", -9223372036854775809),
        (b"999999999999999999", 999999999999999999),
        (b"-999999999999999999", -999999999999999999),
        (b"1e5", 100000.0),
        (b"-1.5E-3", -0.0015),
        (b"5e-324", 5e-324),
        (b"1e-400", 0.0),
        (b"1.7976931348623157e308", 1.7976931348623157e308),
        (b"0.1000000000000000055511151231257827", 0.1),
        (b"[[],{},[{}]]", [[], {}, [{}]]),
    ],
)
def test_text_is_read_so(text: bytes, want: object) -> None:
    got = decode(text)
    assert (got, type(got)) == (want, type(want))


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"nul", b"truex", b"NaN", b"Infinity", b"-Infinity", b"-", b"+1", b"01", b"-01", b"1.", b".5", b"1e",
        b"1e+", b"1.e5", b"0x10", b"[1,]", b"[1 2]", b"[", b"[1", b"{", b'{"a"', b'{"a":', b'{"a":1', b'{"a":1,}',
        b"{a:1}",
        b"{1:2}", b'{"a" 1}', b'"', b'"a', b'"\\', b'"\\x"', b'"\\u12"', b'"\\u12g4"', b'"\\ud800"', b'"\\ud800x"',
        b'"\\udc00"', b'"\\ud800\\u0041"', b'"a\nb"', b'"\x00"', b"1 2", b"[]]", b'"\xff"', b'"\xc0\xaf"',
        b'"\xed\xa0\x80"', b'"\xf4\x90\x80\x80"', b'{"\xff":1}', b"1e400", b"-1e400", b"'a'", b"[1]x", b"\xff\xfe1\x00",
        b"9" * 5000,
    ],
)  # fmt: skip
def test_malformed_text_is_a_decode_error(text: bytes) -> None:
    with pytest.raises(json.JSONDecodeError if len(text) < 5000 else ValueError):
        decode(text)


@pytest.mark.parametrize(
    ("text", "position"),
    [(b"[1, x]", 4), (b"[1] 2", 4), ('{"é": x}'.encode(), 6), (b'{\n"a": 1,\n}', 10), (b'"a\x01"', 2)],
)
def test_error_names_the_character(text: bytes, position: int) -> None:
    with pytest.raises(json.JSONDecodeError) as caught:
        decode(text)
    assert caught.value.pos == position
    assert caught.value.lineno == text[:position].count(b"\n") + 1


def _value(chance: random.Random, depth: int) -> Any:
    kind = chance.randrange(9 if depth < 5 else 6)
    if kind == 0:
        return chance.choice([None, True, False])
    if kind == 1:
        return chance.randint(-(10 ** chance.randrange(1, 40)), 10 ** chance.randrange(1, 40))
    if kind == 2:
        (value,) = struct.unpack("d", chance.randbytes(8))
        return value if math.isfinite(value) else 0.5
    if kind == 3:
        return chance.uniform(-1e6, 1e6)
    if kind in (4, 5):
        return _text(chance)
    if kind == 6:
        return [_value(chance, depth + 1) for _ in range(chance.randrange(8))]
    return {_text(chance): _value(chance, depth + 1) for _ in range(chance.randrange(8))}


def _text(chance: random.Random) -> str:
    ranges = chance.choice([[(0x20, 0x7E)], [(0, 0x7F)], [(0x20, 0xFF)], [(0, 0x7F), (0x100, 0xD7FF)], [(0, 0x10FFFF)]])
    letters = [chance.randint(*chance.choice(ranges)) for _ in range(chance.choice([0, 1, 5, 15, 16, 17, 33, 80]))]
    return "".join(chr(c) for c in letters if not 0xD800 <= c <= 0xDFFF)


@pytest.mark.parametrize("seed", range(300))
def test_random_documents_agree_with_the_json_module(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(10):
        value = _value(chance, 0)
        written = encode(value)
        assert json.loads(written) == value
        assert decode(written) == value
        assert natively(value) == written
        large = [value, "x" * 2000]
        assert encode(large) == natively(large)
        for text in (json.dumps(value), json.dumps(value, ensure_ascii=False), json.dumps(value, indent=2)):
            assert decode(text.encode()) == value


@pytest.mark.parametrize("seed", range(200))
def test_damaged_documents_agree_with_the_json_module(seed: int) -> None:
    chance = random.Random(seed)
    text = bytearray(json.dumps(_value(chance, 0)).encode())
    for _ in range(20):
        damaged = bytearray(text)
        for _ in range(chance.randrange(1, 3)):
            place = chance.randrange(len(damaged) + 1)
            damaged[place : place + chance.randrange(3)] = chance.choice(
                [b"", b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b"0", b"-", b"e", b".", b"\x80", b" ", b"\\u"]
            )
        try:
            want = json.loads(bytes(damaged), parse_constant=_refuse)
            strict = math.inf not in _floats(want) and -math.inf not in _floats(want)
            strict = strict and not _has_surrogate(want)
        except (ValueError, RecursionError):
            strict = False
        if strict:
            assert decode(bytes(damaged)) == want, bytes(damaged)
        else:
            with pytest.raises(ValueError):
                decode(bytes(damaged))


def _refuse(name: str) -> None:
    raise ValueError(name)


def _floats(value: Any) -> list[float]:
    if isinstance(value, dict):
        return [found for item in value.values() for found in _floats(item)]
    if isinstance(value, list):
        return [found for item in value for found in _floats(item)]
    return [value] if isinstance(value, float) else []


def _has_surrogate(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_has_surrogate(item) for pair in value.items() for item in pair)
    if isinstance(value, list):
        return any(_has_surrogate(item) for item in value)
    return isinstance(value, str) and any("\ud800" <= c <= "\udfff" for c in value)


def test_floats_come_back_to_the_last_bit() -> None:
    chance = random.Random(1)
    values = [v for v in struct.unpack("20000d", chance.randbytes(160000)) if math.isfinite(v)]
    assert [struct.pack("d", v) for v in decode(natively(values))] == [struct.pack("d", v) for v in values]


def test_decimals_are_read_as_python_reads_them() -> None:
    chance = random.Random(4)
    texts = [
        "0.0",
        "0.1",
        "9007199254740993.0",
        "9007199254740995.0",
        "4503599627370497.5",
        "0.30000000000000004",
    ]
    for digits in range(1, 25):
        for point in range(1, digits + 1):
            for _ in range(40):
                text = "".join(chance.choices("0123456789", k=digits))
                texts.append(f"{text[:point].lstrip('0') or '0'}.{text[point:] or '0'}")
    # In the middle of two doubles, or next to it.
    for bits in range(1, 11):
        for _ in range(200):
            whole = chance.randrange(2**52, 2**53) * 2**bits + 2 ** (bits - 1)
            texts += [f"{whole + near}.{fraction}" for near in (-1, 0, 1) for fraction in ("0", "00", "1", "99")]
    for text in texts:
        for sign in ("", "-"):
            want, got = float(sign + text), decode((sign + text).encode())
            assert (got, math.copysign(1, got)) == (want, math.copysign(1, want)), text


def test_floats_are_written_as_orjson_writes_them() -> None:
    orjson = pytest.importorskip("orjson")
    chance = random.Random(2)
    values = [v for v in struct.unpack("20000d", chance.randbytes(160000)) if math.isfinite(v)]
    values += [chance.choice([1, -1]) * chance.randrange(10**9) / 10 ** chance.randrange(12) for _ in range(20000)]
    values += [round(chance.uniform(-1e5, 1e5), chance.randrange(9)) for _ in range(20000)]
    values += [float(f"1e{power}") for power in range(-323, 309)] + [0.0, -0.0]
    for value in values:
        assert natively(value) == orjson.dumps(value), value


@pytest.mark.parametrize("seed", range(100))
def test_documents_are_written_as_orjson_writes_them(seed: int) -> None:
    orjson = pytest.importorskip("orjson")
    chance = random.Random(seed)
    for _ in range(20):
        value = _value(chance, 0)
        try:
            want = orjson.dumps(value)
        except TypeError:  # integers beyond 64 bits
            continue
        assert natively(value) == want


def _odd(chance: random.Random, depth: int = 0) -> Any:
    """A document of what JSON has no types for, of keys that are no str, and of numbers that orjson does not know."""
    leaves: list[Any] = [
        None, True, -0.0, math.nan, math.inf, 2**63, 2**64, -(2**70), 10**30, "é\"", Text("x"), Number(7), Level.HIGH,
        Colour.RED, Shape.ROUND, Decimal("1.10"), date(2026, 1, 2), datetime(2026, 1, 2, 3, tzinfo=UTC), time(3, 4),
        UUID(int=5), Point(1, [2.5]), Pair(1, "b"), OrderedDict(b=1, a=2), (), (1, (2,)),
    ]  # fmt: skip
    keys: list[Any] = ["a", "é", 1, -(10**30), 1.5, True, None, Colour.RED, Shape.ROUND, Text("x"), date(2026, 1, 2)]
    if depth == 4 or chance.random() < 0.4:
        return chance.choice(leaves)
    if chance.random() < 0.5:
        return [_odd(chance, depth + 1) for _ in range(chance.randrange(5))]
    kinds = keys if chance.random() < 0.3 else ["a", "b", "c"]
    return {chance.choice(kinds): _odd(chance, depth + 1) for _ in range(chance.randrange(5))}


@pytest.mark.parametrize("seed", range(200))
def test_large_documents_are_the_same_by_either_way(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(10):
        value = ["x" * 2000, _odd(chance)]
        assert encode(value) == natively(value)


def test_depth_that_orjson_refuses_is_written_all_the_same() -> None:
    value = ["x" * 2000, _nested(1000)]
    assert encode(value) == natively(value)
    with pytest.raises(ValueError, match="nested"):
        encode(["x" * 2000, _nested(1024)])


def test_numpy_values_are_what_they_hold() -> None:
    numpy = pytest.importorskip("numpy")
    for large in ([], ["x" * 5000]):
        value = [
            numpy.int64(-5), numpy.uint64(2**64 - 1), numpy.float64(0.1), numpy.float32(0.5), numpy.bool_(True),
            numpy.str_("a"), numpy.datetime64("2026-01-02T03:04:05"), numpy.datetime64("NaT"), numpy.float64("nan"),
            numpy.array([[1, 2], [3, 4]]), numpy.array([0.5]), numpy.array(["2026-01-02"], dtype="datetime64[D]"),
            {numpy.int32(1): numpy.int8(2)}, numpy.longdouble(1.5), numpy.array([1.5], dtype=numpy.longdouble),
        ]  # fmt: skip
        want = [-5, 2**64 - 1, 0.1, 0.5, True, "a", "2026-01-02T03:04:05", None, None, [[1, 2], [3, 4]], [0.5]]
        want += [["2026-01-02"], {"1": 2}, 1.5, [1.5]]  # type: ignore[list-item]
        assert json.loads(encode([*value, *large])) == [*want, *large]
    with pytest.raises(TypeError):
        encode(numpy.complex128(1))


def test_pydantic_models_are_dumped_as_json() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Inner(pydantic.BaseModel):  # type: ignore[misc,name-defined]
        when: datetime
        price: Decimal

    class Outer(pydantic.BaseModel):  # type: ignore[misc,name-defined]
        inner: list[Inner]
        tags: set[int]

    value = Outer(inner=[Inner(when=datetime(2026, 1, 2, tzinfo=UTC), price=Decimal("1.50"))], tags={7})
    want = {"inner": [{"when": "2026-01-02T00:00:00Z", "price": "1.50"}], "tags": [7]}
    assert json.loads(encode(value)) == want
    assert json.loads(encode([{"a": value}, "x" * 5000])) == [{"a": want}, "x" * 5000]


def test_nothing_is_leaked() -> None:
    code = (
        "import gc, sys\nfrom roost import _native as n\n"
        'good = b\'{"a":[1,2.5,{"b":"\' + \'é\'.encode() * 20 + b\'"}],"c":12345678901234567890}\'\n'
        "bad = [good[:i] for i in range(len(good))]\n"
        "def work():\n"
        "    for _ in range(50):\n"
        "        value = n.json_decode(good); n.json_encode(value)\n"
        "        for text in bad:\n"
        "            try: n.json_decode(text)\n"
        "            except ValueError: pass\n"
        "        try: n.json_encode([value, object()])\n"
        "        except TypeError: pass\n"
        "def grown():\n"
        "    gc.collect(); before = sys.getallocatedblocks()\n"
        "    for _ in range(5): work()\n"
        "    gc.collect(); return sys.getallocatedblocks() - before\n"
        "work(); counts = []\n"
        # The interpreter's own caches grow at first; a leak grows every time.
        "while len(counts) < 3 and (not counts or counts[-1] >= 100): counts.append(grown())\n"
        "assert counts[-1] < 100, counts\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
