"""What parameters are made of what arrives: the edges of each type, in query and body."""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import uuid
from decimal import Decimal
from typing import Annotated, Any, Generic, Literal, NotRequired, Required, TypedDict, TypeVar

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import BaseModel, Field, RootModel
from roost import App
from roost._binding import BindingError
from roost.testing import TestClient

MISSING = dataclasses.MISSING
T = TypeVar("T")


class Color(enum.Enum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


def answered(annotation: Any, query: str, default: Any = MISSING) -> str:
    """What a handler with one parameter of this type is given, or the error's text."""
    app = App(__file__)

    def handler(v):  # type: ignore[no-untyped-def]
        return repr(v)

    handler.__annotations__ = {"v": annotation}
    if default is not MISSING:
        handler.__defaults__ = (default,)
    app.get("/")(handler)
    return TestClient(app).get("/?" + query).text


UUID = "12345678-1234-5678-1234-567812345678"
REFUSED = "expected"
QUERIES: list[tuple[Any, str, str]] = [
    (int, "v=5", "5"),
    (int, "v=%2B5", "5"),
    (int, "v=-5", "-5"),
    (int, "v=" + "9" * 30, "9" * 30),
    (int, "v=" + "9" * 5000, REFUSED),
    (int, "v=5.0", REFUSED),
    (int, "v=1_000", REFUSED),
    (int, "v=0x10", REFUSED),
    (int, "v=%D9%A5", REFUSED),
    (int, "v=", REFUSED),
    (int, "v=%FF", REFUSED),
    (int, "v=5&v=6", "6"),
    (int, "", "Missing required parameter: 'v'"),
    (float, "v=1e3", "1000.0"),
    (float, "v=1,5", REFUSED),
    (bool, "v=TRUE", "True"),
    (bool, "v=off", "False"),
    (bool, "v=2", REFUSED),
    (Color, "v=red", "<Color.RED: 'red'>"),
    (Color, "v=RED", "<Color.RED: 'red'>"),
    (Color, "v=green", REFUSED),
    (Number, "v=1", "<Number.ONE: 1>"),
    (Number, "v=ONE", "<Number.ONE: 1>"),
    (uuid.UUID, f"v={UUID}", f"UUID('{UUID}')"),
    (uuid.UUID, f"v={UUID.replace('-', '')}", f"UUID('{UUID}')"),
    (uuid.UUID, f"v=urn:uuid:{UUID}", f"UUID('{UUID}')"),
    (uuid.UUID, "v=x", REFUSED),
    (dt.date, "v=2024-02-29", "datetime.date(2024, 2, 29)"),
    (dt.date, "v=2023-02-29", REFUSED),
    (dt.datetime, "v=2024-01-02T03:04:05Z", "datetime.datetime(2024, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)"),
    (dt.datetime, "v=2024-01-02T03:04", "datetime.datetime(2024, 1, 2, 3, 4)"),
    # A plus that is not encoded is a space.
    (dt.datetime, "v=2024-01-02T03:04:05+02:00", REFUSED),
    (Decimal, "v=1.10", "Decimal('1.10')"),
    (list[int], "v=1&v=2", "[1, 2]"),
    (list[int], "v=1&v=x", REFUSED),
    (list[int], "", "Missing required parameter: 'v'"),
    (list[int | None], "v=1&v=", REFUSED),
    (set[int], "v=1&v=1", "{1}"),
    (tuple[int, ...], "v=1&v=2", "(1, 2)"),
    (int | str, "v=1", "1"),
    (int | str, "v=a", "'a'"),
    (Literal["a", "b"], "v=a", "'a'"),
    (Literal["a", "b"], "v=c", REFUSED),
    (Literal[1, 2], "v=1", "1"),
    (Annotated[int, Field(gt=3)], "v=4", "4"),
    (Annotated[int, Field(gt=3)], "v=2", REFUSED),
    (str, "v=", "''"),
    (str, "v", "''"),
    (str, "v=a+b%2Bc%20d", "'a b+c d'"),
    (str, "v=a=b", "'a=b'"),
    (str, "v=%zz%4", "'%zz%4'"),
    (str, "v=%FF", "'\ufffd'"),
    (str, "v=%00", "'\\x00'"),
    (str, "V=1&v=2", "'2'"),
]


@pytest.mark.parametrize(("annotation", "query", "want"), QUERIES)
def test_query_values(annotation: Any, query: str, want: str) -> None:
    found = answered(annotation, query)
    assert REFUSED in found if want == REFUSED else found == want, (query, found)


def test_defaults_stand_for_what_is_absent_alone() -> None:
    assert answered(int | None, "", None) == "None"
    assert answered(int | None, "v=3", 5) == "3"
    assert answered(int, "", 5) == "5"
    assert REFUSED in answered(int, "v=", 5)
    assert answered(list[str], "", ["x"]) == "['x']"
    assert answered(list[str], "v=", ["x"]) == "['']"


def test_a_tuple_of_several_types_is_no_parameter_of_the_query() -> None:
    with pytest.raises(BindingError, match="no value of a path or a query can be made into tuple"):
        answered(tuple[int, str], "v=1")


class Inner(BaseModel):
    a: int


class Of(BaseModel, Generic[T]):
    item: T


class Aliased(BaseModel):
    a_b: int = Field(alias="aB")


class Numbers(RootModel[list[int]]):
    pass


class Node(BaseModel):
    value: int
    below: list[Node] = []


@dataclasses.dataclass
class Leaf:
    x: int


@dataclasses.dataclass
class Tree:
    leaf: Leaf
    more: list[Leaf] = dataclasses.field(default_factory=list)
    named: dict[str, Leaf] | None = None


class Partial(TypedDict, total=False):
    a: int
    b: Required[str]


class Whole(TypedDict):
    a: int
    b: NotRequired[str]


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: int


Pet = Annotated[Cat | Dog, Field(discriminator="kind")]

# The document, and what comes back; None: it is refused with 422.
BODIES: list[tuple[Any, str, str | None]] = [
    (Inner, '{"a": 1}', '{"a":1}'),
    (Inner, '{"a": 1.5}', None),
    (Inner, '{"a": 1, "a": 2}', '{"a":2}'),
    (Inner, f'{{"a": {"9" * 30}}}', f'{{"a":{"9" * 30}}}'),
    (Inner, "[]", None),
    (Inner, "null", None),
    (Inner, "", None),
    (Inner, '{"a": 1}x', None),
    (Of[int], '{"item": 1}', '{"item":1}'),
    (Of[int], '{"item": "x"}', None),
    (Of[Inner], '{"item": {"a": 1}}', '{"item":{"a":1}}'),
    (Aliased, '{"aB": 1}', '{"a_b":1}'),
    (Aliased, '{"a_b": 1}', None),
    (Numbers, "[1, 2]", "[1,2]"),
    (Numbers, '["x"]', None),
    (Node, '{"value": 1, "below": [{"value": 2}]}', '{"value":1,"below":[{"value":2,"below":[]}]}'),
    (Tree, '{"leaf": {"x": 1}}', '{"leaf":{"x":1},"more":[],"named":null}'),
    (Tree, '{"leaf": {"x": 1}, "named": {"k": {"x": 2}}}', '{"leaf":{"x":1},"more":[],"named":{"k":{"x":2}}}'),
    (Tree, '{"leaf": {"x": 1}, "more": [{"x": "q"}]}', None),
    (Tree, "{}", None),
    (Partial, '{"b": "x"}', '{"b":"x"}'),
    (Partial, '{"a": 1}', None),
    (Whole, '{"a": 1}', '{"a":1}'),
    (Whole, '{"b": "x"}', None),
    (Pet, '{"kind": "cat", "lives": 7}', '{"kind":"cat","lives":7}'),
    (Pet, '{"kind": "cow"}', None),
    (list[Inner], '[{"a": 1}]', '[{"a":1}]'),
    (list[Inner], "{}", None),
    (list[int], '[1, "2"]', "[1,2]"),
    (list[int], '["x"]', None),
    (dict[str, Inner], '{"k": {"a": 1}}', '{"k":{"a":1}}'),
    (Inner | None, "", ""),
    (Inner | None, '{"a": 1}', '{"a":1}'),
    (Inner | list[int], "[1]", "[1]"),
    (Inner | list[int], '"x"', None),
]


@pytest.mark.parametrize(("annotation", "document", "want"), BODIES)
def test_bodies(annotation: Any, document: str, want: str | None) -> None:
    app = App(__file__)

    def handler(body):  # type: ignore[no-untyped-def]
        return body

    handler.__annotations__ = {"body": annotation}
    app.post("/")(handler)
    client = TestClient(app)
    answer = client.post("/", content=document, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.text) == (200, want) if want is not None else answer.status_code == 422, (
        answer.text
    )
    OpenAPIV31SpecValidator(client.get("/openapi.json").json()).validate()


def test_a_described_response_has_the_names_that_are_sent() -> None:
    app = App(__file__)

    @app.get("/returned")
    def returned() -> Aliased:
        return Aliased(aB=1)

    @app.get("/modelled", response_model=Aliased)
    def modelled() -> Any:
        return Aliased(aB=1)

    client = TestClient(app)
    document = client.get("/openapi.json").json()
    for path in ("/returned", "/modelled"):
        schema = document["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        described = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert list(described["properties"]) == list(client.get(path).json()), path


def test_a_module_that_another_thread_imports_is_not_looked_into(monkeypatch: pytest.MonkeyPatch) -> None:
    """Concurrent first requests: one asks for the documentation, another for a form, whose module is imported then."""
    import sys
    from importlib.machinery import ModuleSpec
    from types import ModuleType

    half = ModuleType("roost.forms")
    half.__spec__ = ModuleSpec("roost.forms", None)
    half.__spec__._initializing = True  # type: ignore[attr-defined]
    app = App(__file__)

    @app.get("/")
    def handler(item: int = 0) -> str:
        return str(item)

    monkeypatch.setitem(sys.modules, "roost.forms", half)
    assert TestClient(app).get("/openapi.json").status_code == 200
