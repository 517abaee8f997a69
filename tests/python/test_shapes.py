"""Dataclasses and TypedDicts checked without pydantic: held against what pydantic itself says of the same types."""

from __future__ import annotations

import datetime
import decimal
import enum
import json
import typing
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NotRequired, TypedDict

import pytest
from pydantic import TypeAdapter, ValidationError
from roost._shapes import INVALID, shape


class Color(enum.Enum):
    red = "red"
    blue = "blue"


class Level(enum.IntEnum):
    low = 1
    high = 2


@dataclass
class Point:
    x: int
    y: float = 0.5


@dataclass
class Tree:
    name: str
    children: list[Tree] = field(default_factory=list)
    parent: Tree | None = None


@dataclass
class Checked:
    age: int

    def __post_init__(self) -> None:
        if self.age < 0:
            raise ValueError("too young")


class Base(TypedDict):
    title: str


class Movie(Base, total=False):
    year: int
    rating: typing.Required[float]


def held(annotation: Any, value: Any) -> tuple[Any, list[tuple[str, list[Any]]]]:
    errors: list[dict[str, Any]] = []
    made = shape(annotation)(value, (), errors)
    return made, [(error["type"], error["loc"]) for error in errors]


def by_pydantic(adapter: TypeAdapter[Any], value: Any) -> tuple[Any, list[tuple[str, list[Any]]]]:
    try:
        return adapter.validate_json(json.dumps(value)), []
    except ValidationError as error:
        return None, [(one["type"], list(one["loc"])) for one in error.errors()]


VALUES = [
    None,
    True,
    False,
    0,
    1,
    -3,
    2**70,
    1.0,
    1.5,
    "",
    "1",
    "-7",
    "1.5",
    "x",
    "true",
    "no",
    "red",
    "2024-02-29",
    "2024-01-02T03:04:05",
    "2024-01-02T03:04:05+02:00",
    "03:04:05",
    "12345678-1234-5678-1234-567812345678",
    [],
    [1, "2"],
    ["x"],
    {},
    {"a": 1},
    {"a": "x"},
    {"x": 1},
    {"x": "1", "y": "2", "z": 3},
    {"x": "q", "y": "q"},
    {"y": 1},
    {"age": -1},
    {"age": 3},
    {"name": "a", "children": [{"name": "b"}], "parent": {"name": "c"}},
    {"name": "a", "children": [{"name": "b", "children": [{}]}], "parent": 1},
]

TYPES: list[Any] = [
    int,
    float,
    str,
    bool,
    Any,
    None,
    int | None,
    list,
    dict,
    list[int],
    set[int],
    tuple[int, ...],
    tuple[int, str],
    dict[str, int],
    Mapping[str, int],
    Sequence[int],
    Literal["red", 1],
    Color,
    Level,
    Point,
    Point | None,
    list[Point],
    dict[str, Point],
    Tree,
    Checked,
]

# As the types' own names say more than pydantic's finer kinds, only that it is refused, and where, is the same.
COARSE: list[Any] = [datetime.datetime, datetime.date, datetime.time, uuid.UUID, decimal.Decimal]


@pytest.mark.parametrize("annotation", TYPES, ids=str)
def test_values_and_errors_are_pydantics(annotation: Any) -> None:
    adapter = TypeAdapter(annotation)
    for value in VALUES:
        made, errors = held(annotation, value)
        want, wanted_errors = by_pydantic(adapter, value)
        if wanted_errors:
            assert made is INVALID, (value, made)
            if value != 2**70:  # which kind of error it is depends on pydantic's own integers
                assert errors == wanted_errors, value
        else:
            assert errors == [], value
            assert made == want, value
            assert type(made) is type(want), value


@pytest.mark.parametrize("annotation", COARSE, ids=str)
def test_text_of_other_types_is_parsed(annotation: Any) -> None:
    adapter = TypeAdapter(annotation)
    for value in VALUES:
        if not isinstance(value, str) or value in ("", "1", "-7", "1.5"):
            continue  # pydantic reads numbers as seconds
        made, errors = held(annotation, value)
        try:
            want = adapter.validate_python(value)
        except ValidationError:
            assert made is INVALID, value
            assert len(errors) == 1
        else:
            if annotation is datetime.date and "T" in value:
                continue  # pydantic allows the time to be zero
            assert made == want, value


def test_union_takes_the_member_that_fits() -> None:
    assert held(int | str, "7")[0] == "7"
    assert held(int | str, 7)[0] == 7
    assert held(int | list[int], ["1"])[0] == [1]
    assert held(Point | Movie, {"title": "t", "rating": 1})[0] == {"title": "t", "rating": 1.0}
    made, errors = held(int | list[int], "x")
    assert made is INVALID
    assert errors == [("int_parsing", ["int"]), ("list_type", ["list[int]"])]


def test_typed_dict_knows_what_is_required() -> None:
    assert held(Movie, {"title": "t", "rating": "2"})[0] == {"title": "t", "rating": 2.0}
    made, errors = held(Movie, {"year": "x"})
    assert made is INVALID
    assert errors == [("missing", ["title"]), ("int_parsing", ["year"]), ("missing", ["rating"])]

    class Local(TypedDict):
        a: NotRequired[int]

    assert held(Local, {})[0] == {}


def test_type_that_is_not_known_is_named() -> None:
    @dataclass
    class Wrong:
        field: Unknown  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(TypeError, match=r"Wrong\.field: 'Unknown' is not known"):
        shape(Wrong)
