"""Typed handlers on the real server: what their parameters stand for, and what a request that does not fit gets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from conftest import StartServer

from server_process import RoostServer

MODULE = """
from __future__ import annotations

import datetime
import decimal
import enum
import functools
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, Optional, TypedDict

from pydantic import BaseModel, Field
from roost import App, Headers, QueryParams, Response
from roost.forms import Files, FormData, UploadFile
from roost.types import Body, IPAddress, JsonBody, Method, PathParams

if TYPE_CHECKING:
    from roost import Request

app = App(__file__)


class Color(enum.Enum):
    red = "red"
    blue = "blue"


class Level(enum.IntEnum):
    low = 1
    high = 2


class Item(BaseModel):
    name: str
    price: float = Field(gt=0)
    tags: list[str] = []


@dataclass
class Point:
    x: int
    y: float = 0.5
    labels: list[str] = field(default_factory=list)


@dataclass
class Line:
    start: Point
    end: Optional[Point] = None
    color: Color = Color.red
    item: Optional[Item] = None


class Movie(TypedDict):
    title: str
    made: NotRequired[datetime.date]


class Filter(QueryParams):
    tag: str


class Order(JsonBody):
    item: str


@app.get("/parts/:id")
def parts(request: Request, query_params, headers, path_params, method, url, ip_addr):
    return [request.method, query_params.get("a"), headers.get("x-h"), path_params, method, url.path, ip_addr]


@app.post("/annotated/:id")
async def annotated(a: PathParams, b: Method, c: Headers, d: QueryParams, e: Body, f: IPAddress, g: Filter):
    return [a, b, c.get("x-h"), d.get("a"), e, f, g.get("tag")]


@app.post("/body")
def body(body: bytes):
    return {"is": type(body).__name__, "size": len(body)}


@app.post("/upload")
def upload(file: UploadFile, more: list[UploadFile] = [], none: Optional[UploadFile] = None):
    return [file.name, bytes(file).decode(), len(more), none]


@app.post("/form")
def form(fields: FormData, uploaded: Files, form_data, files):
    return [fields["a"], sorted(uploaded), form_data == fields, sorted(files)]


@app.get("/int/:value")
def path_int(value: int):
    return {"value": value}


@app.get("/uuid/:value")
async def path_uuid(value: uuid.UUID):
    return {"value": value.hex}


@app.get("/tail/*rest")
def tail(rest: list[int]):
    return rest


@app.get("/values")
def values(
    i: Optional[int] = None,
    f: float = 0.5,
    b: bool = False,
    c: Color = Color.red,
    l: Level = Level.low,
    u: uuid.UUID | None = None,
    t: datetime.datetime | None = None,
    d: datetime.date | None = None,
    many: list[int] = [],
    some: set[str] = frozenset(),
    k: Literal["a", "b", 3] = "a",
    n: Annotated[int, Field(gt=3)] = 5,
    x: int | str = 0,
    dec: decimal.Decimal = decimal.Decimal(1),
    span: datetime.timedelta = datetime.timedelta(0),
    plain=None,
    anything: Any = None,
    *,
    only: str = "none",
):
    return {
        "i": i, "f": f, "b": b, "c": c.name, "l": l.name, "u": u, "t": t, "d": d, "many": many, "some": sorted(some),
        "k": k, "n": n, "x": x, "dec": str(dec), "span": span.total_seconds(), "plain": plain,
        "anything": anything, "only": only,
    }


@app.get("/required")
async def required(q: str, ids: list[int]):
    return {"q": q, "ids": ids}


@app.post("/items")
async def items(item: Item):
    return {"kind": type(item).__name__, "price": item.price, "tags": item.tags}


@app.post("/items/sync")
def items_sync(item: Item) -> Item:
    return item


@app.post("/many")
def many(items: list[Item]):
    return len(items)


@app.post("/optional")
def optional(item: Optional[Item] = None):
    return {"none": item is None}


@app.post("/points")
async def points(point: Point):
    return point


@app.post("/lines")
def lines(line: Line):
    return {"start": line.start, "end": line.end, "color": line.color.name, "item": line.item and line.item.name}


@app.post("/movies")
def movies(movie: Movie):
    return {"title": movie["title"], "made": str(movie.get("made"))}


@app.post("/orders")
def orders(order: Order):
    return order


@app.post("/free")
def free(data: dict):
    return sorted(data)


@app.get("/model/:price", response_model=Item, status_code=203)
def model(price: float):
    return {"name": "thing", "price": price, "secret": "hidden"}


@app.get("/model-of-object", response_model=list[Item])
async def model_of_object():
    class Row:
        name, price, tags, secret = "row", 2, ["a"], "hidden"

    return [Row()]


@app.get("/model-with-headers", response_model=Point)
def model_with_headers():
    return {"x": "1", "z": 3}, {"X-Test": "yes"}, 201


@app.get("/model-skipped", response_model=Item)
def model_skipped():
    return Response(418, {}, "tea")


@app.get("/created", status_code=201)
async def created():
    return {"made": True}


@app.get("/nothing", status_code=204)
def nothing():
    return None


def decorated(function):
    @functools.wraps(function)
    async def inner(*args, **kwargs):
        return {"inner": await function(*args, **kwargs)}

    return inner


@app.get("/decorated/:id")
@decorated
async def wrapped(id: int, q: str = "none"):
    return [id, q]


class Views:
    @staticmethod
    def static(id: int):
        return {"static": id}

    def method(self, id: int):
        return {"method": id}

    def __call__(self, id: int):
        return {"call": id}


app.add_route("GET", "/static/:id", Views.static)
app.add_route("GET", "/method/:id", Views().method)
app.add_route("GET", "/call/:id", Views())
app.add_route("GET", "/partial/:id", functools.partial(Views().method))


async def single(id: int, page: int = 1):
    return {"id": id, "page": page}


async def single_item(item: Item):
    return item.name
"""

YAML = """
server: { listen: "127.0.0.1:0" }
python: { venv: "${ROOST_VENV}", path: [.] }
routes:
  - { path: /, python: typed:app }
  - { path: /single/:id, python: typed:single }
  - { path: /single-item, methods: [POST], python: typed:single_item }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, files={"typed.py": MODULE})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_parts_by_name(client: httpx.Client) -> None:
    response = client.get("/parts/7?a=b", headers={"X-H": "yes"})
    assert response.json() == ["GET", "b", "yes", {"id": "7"}, "GET", "/parts/7", "127.0.0.1"]


def test_parts_by_annotation(client: httpx.Client) -> None:
    response = client.post("/annotated/7?a=b&tag=t", headers={"X-H": "yes"}, content="text")
    assert response.json() == [{"id": "7"}, "POST", "yes", "b", "text", "127.0.0.1", "t"]
    assert client.post("/body", content="é").json() == {"is": "bytes", "size": 2}


def test_files_and_fields_of_a_form(client: httpx.Client) -> None:
    one = ("file", ("a.txt", b"content"))
    assert client.post("/upload", files=[one]).json() == ["file", "content", 0, None]
    assert client.post("/upload", files=[one, ("more", b"1"), ("more", b"2")]).json()[2] == 2
    response = client.post("/upload", files={"other": b"x"})
    assert (response.status_code, response.text) == (400, "Missing required parameter: 'file'")
    assert client.post("/form", data={"a": "b"}, files=[one]).json() == ["b", ["file"], True, ["file"]]


NAMES = (
    "i",
    "f",
    "b",
    "c",
    "l",
    "u",
    "t",
    "d",
    "many",
    "some",
    "k",
    "n",
    "x",
    "dec",
    "span",
    "plain",
    "anything",
    "only",
)


def test_values_of_the_query_have_their_types(client: httpx.Client) -> None:
    defaults = dict(
        zip(
            NAMES,
            (None, 0.5, False, "red", "low", None, None, None, [], [], "a", 5, 0, "1", 0.0, None, None, "none"),
            strict=True,
        )
    )
    assert client.get("/values").json() == defaults
    given = {
        "i": "-7",
        "f": "1e3",
        "b": "yes",
        "c": "blue",
        "l": "2",
        "u": "12345678-1234-5678-1234-567812345678",
        "t": "2024-01-02T03:04:05+00:00",
        "d": "2024-01-02",
        "many": ["1", "2"],
        "some": ["b", "a"],
        "k": "3",
        "n": "9",
        "x": "text",
        "dec": "1.50",
        "span": "90.5",
        "plain": "text",
        "anything": "7",
        "only": "me",
    }
    made = {
        **given,
        "i": -7,
        "f": 1000.0,
        "b": True,
        "l": "high",
        "many": [1, 2],
        "some": ["a", "b"],
        "k": 3,
        "n": 9,
        "span": 90.5,
    }
    assert client.get("/values", params=given).json() == made


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/int/x", "Invalid value 'x' for parameter 'value': expected int"),
        ("/int/1_0", "Invalid value '1_0' for parameter 'value': expected int"),
        ("/int/1.5", "Invalid value '1.5' for parameter 'value': expected int"),
        ("/uuid/1", "Invalid value '1' for parameter 'value': expected UUID"),
        ("/tail/1/x", "Invalid value '1/x' for parameter 'rest': expected list[int]"),
        ("/values?i=z", "Invalid value 'z' for parameter 'i': expected int"),
        ("/values?f=z", "Invalid value 'z' for parameter 'f': expected float"),
        ("/values?b=z", "Invalid value 'z' for parameter 'b': expected bool"),
        ("/values?c=z", "Invalid value 'z' for parameter 'c': expected Color (red, blue)"),
        ("/values?t=z", "Invalid value 'z' for parameter 't': expected datetime"),
        ("/values?many=1&many=z", "Invalid value 'z' for parameter 'many': expected int"),
        ("/values?k=z", "Invalid value 'z' for parameter 'k': expected Literal['a', 'b', 3]"),
        ("/values?n=2", "Invalid value '2' for parameter 'n': expected int (Input should be greater than 3)"),
        ("/values?dec=z", "Invalid value 'z' for parameter 'dec': expected Decimal"),
        ("/required?ids=1", "Missing required parameter: 'q'"),
        ("/required?q=1", "Missing required parameter: 'ids'"),
    ],
)
def test_value_that_does_not_fit_is_a_400_that_names_the_field(client: httpx.Client, path: str, message: str) -> None:
    response = client.get(path)
    assert (response.status_code, response.text) == (400, message)
    assert response.headers["content-type"].startswith("text/plain")


def test_values_of_the_path_have_their_types(client: httpx.Client) -> None:
    assert client.get("/int/-12").json() == {"value": -12}
    assert client.get("/uuid/12345678123456781234567812345678").json()["value"] == "12345678" * 4
    assert client.get("/tail/1/2/3").json() == [1, 2, 3]


def errors(response: httpx.Response) -> list[tuple[str, list[Any]]]:
    assert response.status_code == 422, response.text
    told = response.json()
    assert told["error"] == "Validation Error"
    assert all({"type", "loc", "msg", "input"} <= set(error) for error in told["detail"])
    return [(error["type"], error["loc"]) for error in told["detail"]]


def test_pydantic_model_is_the_body(client: httpx.Client) -> None:
    response = client.post("/items", json={"name": "é", "price": "2", "tags": ["a"]})
    assert response.json() == {"kind": "Item", "price": 2.0, "tags": ["a"]}
    assert client.post("/items/sync", json={"name": "a", "price": 1}).json() == {"name": "a", "price": 1.0, "tags": []}
    assert client.post("/many", json=[{"name": "a", "price": 1}] * 3).json() == 3
    assert client.post("/optional").json() == {"none": True}
    assert client.post("/optional", json={"name": "a", "price": 1}).json() == {"none": False}


@pytest.mark.parametrize(
    ("path", "body", "want"),
    [
        ("/items", b'{"price": -1}', [("missing", ["name"]), ("greater_than", ["price"])]),
        ("/items", b"{", [("json_invalid", [])]),
        ("/items", b"", [("json_invalid", [])]),
        ("/items", b'{"name": "\xff", "price": 1}', [("json_invalid", [])]),
        ("/many", b'[{"name": "a", "price": 1}, {}]', [("missing", [1, "name"]), ("missing", [1, "price"])]),
        ("/points", b'{"y": "q", "labels": [1]}', [("missing", ["x"]), ("float_parsing", ["y"])]),
        ("/points", b"[]", [("dataclass_type", [])]),
        ("/points", b"{", [("json_invalid", [])]),
        ("/lines", b'{"start": {"x": 1.5}}', [("int_from_float", ["start", "x"])]),
        ("/lines", b'{"start": {"x": 1}, "color": "green"}', [("enum", ["color"])]),
        ("/lines", b'{"start": {"x": 1}, "item": {"name": 1, "price": 1}}', [("string_type", ["item", "name"])]),
        ("/movies", b'{"made": "x"}', [("missing", ["title"]), ("date_parsing", ["made"])]),
        ("/free", b"[]", [("dict_type", [])]),
    ],
)
def test_body_that_does_not_fit_is_a_422_with_pydantics_list(
    client: httpx.Client, path: str, body: bytes, want: list[tuple[str, list[Any]]]
) -> None:
    found = errors(client.post(path, content=body))
    assert found[: len(want)] == want


def test_dataclasses_and_typed_dicts_are_bodies(client: httpx.Client) -> None:
    assert client.post("/points", json={"x": "3", "y": 2, "more": 1}).json() == {"x": 3, "y": 2.0, "labels": []}
    line = {"start": {"x": 1, "labels": ["a"]}, "color": "blue", "item": {"name": "i", "price": 1}}
    start = {"x": 1, "y": 0.5, "labels": ["a"]}
    assert client.post("/lines", json=line).json() == {"start": start, "end": None, "color": "blue", "item": "i"}
    assert client.post("/movies", json={"title": "M", "made": "2024-02-29"}).json()["made"] == "2024-02-29"
    assert client.post("/free", json={"b": 1, "a": 2}).json() == ["a", "b"]


def test_json_body_is_any_json(client: httpx.Client) -> None:
    assert client.post("/orders", json={"other": [1]}).json() == {"other": [1]}
    response = client.post("/orders", content="[")
    assert response.status_code == 400
    assert response.json()["error"].startswith("Invalid JSON body: ")


def test_response_model_validates_and_filters(client: httpx.Client, server: RoostServer) -> None:
    response = client.get("/model/2")
    assert (response.status_code, response.json()) == (203, {"name": "thing", "price": 2.0, "tags": []})
    assert client.get("/model-of-object").json() == [{"name": "row", "price": 2.0, "tags": ["a"]}]
    response = client.get("/model-with-headers")
    assert (response.status_code, response.headers["x-test"]) == (201, "yes")
    assert response.json() == {"x": 1, "y": 0.5, "labels": []}
    assert client.get("/model-skipped").status_code == 418
    assert client.get("/model/-2").status_code == 500
    assert "model returned what its response_model refuses" in server.log()


def test_status_code_is_that_of_what_names_none(client: httpx.Client) -> None:
    response = client.get("/created")
    assert (response.status_code, response.json()) == (201, {"made": True})
    response = client.get("/nothing")
    assert (response.status_code, response.content) == (204, b"")


def test_callables_of_all_kinds_are_bound(client: httpx.Client) -> None:
    assert client.get("/decorated/3?q=x").json() == {"inner": [3, "x"]}
    for kind in ("static", "method", "call"):
        assert client.get(f"/{kind}/4").json() == {kind: 4}
    assert client.get("/partial/4").json() == {"method": 4}


def test_function_mounted_from_yaml_is_as_capable(client: httpx.Client) -> None:
    assert client.get("/single/5?page=2").json() == {"id": 5, "page": 2}
    assert client.get("/single/x").status_code == 400
    assert client.post("/single-item", json={"name": "n", "price": 1}).text == "n"
    assert errors(client.post("/single-item", json={})) == [("missing", ["name"]), ("missing", ["price"])]


@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("def wrong(database: App): ...", "'database'"),
        ("def wrong(a: dict, b: dict): ...", "the body is read as 'a' already"),
        ("def wrong(item: Nothing): ...", "the annotation 'Nothing' of 'item' is not known"),
        ("def wrong(point: Point): ...\n\n@dataclass\nclass Point:\n    x: Nothing", "Point.x: 'Nothing' is not known"),
    ],
)
def test_bad_signature_stops_the_start_and_names_the_place(
    roost_server: StartServer, handler: str, message: str
) -> None:
    imports = "from __future__ import annotations\nfrom dataclasses import dataclass\nfrom roost import App\n"
    module = f"{imports}app = App(__file__)\n@app.post('/')\n{handler}\n"
    server = roost_server(
        "server: { listen: 127.0.0.1:0 }\npython: { venv: '${ROOST_VENV}', path: [.] }\n"
        "routes: [ { path: /, python: 'wrong:app' } ]\n",
        files={"wrong.py": module},
        wait_ready=False,
    )
    assert server.wait() == 1
    log = server.log()
    assert message in log
    assert "wrong.py:5" in log
    assert "wrong" in log
