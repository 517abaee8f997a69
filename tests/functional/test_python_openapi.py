"""/openapi.json and /docs of Python applications, held against a validator and looked at in a browser."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from conftest import StartServer
from openapi_spec_validator import OpenAPIV31SpecValidator
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from server_process import PATIENCE, RoostServer

MODULE = '''
from __future__ import annotations

import datetime
import enum
import uuid
from dataclasses import dataclass
from typing import Annotated, Literal, Optional, TypedDict

from pydantic import BaseModel, Field
from roost import App, AuthenticationHandler, BearerGetter, Depends, QueryParams, Request, Response, SubRouter
from roost.openapi import Contact, License, OpenAPI, OpenAPIInfo, Server
from roost.types import JsonBody, JSONResponse


class Kind(enum.Enum):
    small = "small"
    large = "large"


class Part(BaseModel):
    name: str


class Item(BaseModel):
    """Something to sell."""

    name: str
    price: float = Field(gt=0, description="in euro")
    parts: list[Part] = []
    parent: Optional[Item] = None


@dataclass
class Point:
    x: int
    y: int = 0


class Movie(TypedDict, total=False):
    title: str
    made: datetime.date


class Filter(QueryParams):
    tag: str
    limit: int


class Order(JsonBody):
    item: str
    count: int


class Answer(JSONResponse):
    ok: bool


app = App(__file__)
app.openapi = OpenAPI(
    info=OpenAPIInfo(
        title="Shop",
        version="2.1.0",
        description="Sells things.",
        contact=Contact(name="Us", email="us@example.com"),
        license=License(name="MIT"),
        servers=[Server(url="https://shop.example.com")],
    )
)
plain = App(__file__)
own = App(__file__)


def paging(page: int = 1, size: int = 20) -> tuple[int, int]:
    return page, size


@app.get("/items/:id", openapi_name="Read an item", openapi_tags=["items"], response_model=Item, deprecated=True)
async def read_item(id: int, kind: Kind = Kind.small, paging=Depends(paging)) -> dict:
    """One item.

    With all of its parts.
    """


@app.post("/items", status_code=201, responses={404: "No such part", 409: {"description": "Twice", "model": Point}})
def create_item(item: Item) -> Item: ...


@app.get("/search")
def search(q: str, ids: list[uuid.UUID] = [], since: Optional[datetime.datetime] = None, by: Literal["a", "b"] = "a"):
    return []


@app.post("/points")
def points(point: Point) -> list[Point]: ...


@app.post("/movies")
def movies(movie: Movie) -> Movie: ...


@app.post("/orders")
def orders(order: Order) -> Answer: ...


@app.get("/filtered")
def filtered(query: Filter, request: Request) -> str: ...


@app.get("/files/*rest")
def files(rest: str) -> Response: ...


class Nobody(AuthenticationHandler):
    def authenticate(self, request):
        return None


app.configure_authentication(Nobody(BearerGetter()))


@app.get("/secret", auth_required=True)
def secret() -> str: ...


@app.get("/hidden", include_in_schema=False)
def hidden() -> str:
    return "hidden"


users = SubRouter("/users", tags=["users"])


@users.get("/:name")
def read_user(name: str) -> dict[str, int]: ...


app.include_router(users)


silent = App(__file__)
silent.config.disable_openapi = True


@silent.get("/")
def silent_index():
    return "silent"


@own.get("/docs")
def own_docs():
    return "mine"


@own.get("/openapi.json")
def own_document():
    return {"mine": True}
'''

YAML = """
server: { listen: "127.0.0.1:0" }
python: { venv: "${ROOST_VENV}", path: [.] }
routes:
  - { path: /, python: shop:app }
  - { path: /plain, python: shop:plain }
  - { path: /own, python: shop:own }
  - { path: /silent, python: shop:silent }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, files={"shop.py": MODULE})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def spec(client: httpx.Client) -> dict[str, Any]:
    response = client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    found: dict[str, Any] = response.json()
    return found


def parameters(operation: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {parameter["name"]: parameter for parameter in operation["parameters"]}


def test_document_is_valid(spec: dict[str, Any], client: httpx.Client) -> None:
    OpenAPIV31SpecValidator(spec).validate()
    OpenAPIV31SpecValidator(client.get("/plain/openapi.json").json()).validate()


def test_info_is_what_the_application_says(spec: dict[str, Any]) -> None:
    assert spec["openapi"] == "3.1.0"
    assert spec["info"] == {
        "title": "Shop",
        "version": "2.1.0",
        "description": "Sells things.",
        "contact": {"name": "Us", "email": "us@example.com"},
        "license": {"name": "MIT"},
    }
    assert spec["servers"] == [{"url": "https://shop.example.com"}]


def test_operation_says_what_decorator_and_docstring_say(spec: dict[str, Any]) -> None:
    operation = spec["paths"]["/items/{id}"]["get"]
    assert operation["summary"] == "Read an item"
    assert operation["description"] == "One item.\n\nWith all of its parts."
    assert operation["tags"] == ["items"]
    assert operation["deprecated"] is True
    schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
    assert spec["components"]["schemas"][schema["$ref"].rpartition("/")[2]]["description"] == "Something to sell."
    assert "/hidden" not in spec["paths"]
    assert "/docs" not in spec["paths"]


def test_parameters_are_typed(spec: dict[str, Any]) -> None:
    found = parameters(spec["paths"]["/items/{id}"]["get"])
    assert found["id"] == {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}}
    assert found["page"]["schema"] == {"type": "integer", "default": 1}
    assert found["kind"]["schema"] == {"$ref": "#/components/schemas/Kind", "default": "small"}
    assert spec["components"]["schemas"]["Kind"] == {"title": "Kind", "enum": ["small", "large"], "type": "string"}

    found = parameters(spec["paths"]["/search"]["get"])
    assert found["q"]["required"] is True
    assert found["ids"]["schema"]["items"] == {"type": "string", "format": "uuid"}
    assert found["since"]["required"] is False
    assert {"type": "string", "format": "date-time"} in found["since"]["schema"]["anyOf"]
    assert found["by"]["schema"] == {"enum": ["a", "b"], "type": "string", "default": "a"}

    assert {"tag", "limit"} == set(parameters(spec["paths"]["/filtered"]["get"]))
    assert parameters(spec["paths"]["/files/{rest}"]["get"])["rest"]["in"] == "path"


@pytest.mark.parametrize(
    ("path", "name", "properties"),
    [
        ("/items", "Item", {"name", "price", "parts", "parent"}),
        ("/points", "Point", {"x", "y"}),
        ("/movies", "Movie", {"title", "made"}),
        ("/orders", "Order", {"item", "count"}),
    ],
)
def test_body_is_described(spec: dict[str, Any], path: str, name: str, properties: set[str]) -> None:
    body = spec["paths"][path]["post"]["requestBody"]
    assert body["content"]["application/json"]["schema"] == {"$ref": f"#/components/schemas/{name}"}
    assert set(spec["components"]["schemas"][name]["properties"]) == properties


def test_responses_are_described(spec: dict[str, Any]) -> None:
    responses = spec["paths"]["/items"]["post"]["responses"]
    assert set(responses) == {"201", "404", "409", "422"}
    assert responses["404"] == {"description": "No such part"}
    assert responses["409"]["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/Point"}
    answer = spec["paths"]["/orders"]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert answer == {"$ref": "#/components/schemas/Answer"}
    user = spec["paths"]["/users/{name}"]["get"]
    assert user["tags"] == ["users"]
    schema = user["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"type": "object", "additionalProperties": {"type": "integer"}}


def test_authentication_is_described(spec: dict[str, Any]) -> None:
    assert spec["components"]["securitySchemes"] == {"BearerAuth": {"type": "http", "scheme": "bearer"}}
    operation = spec["paths"]["/secret"]["get"]
    assert operation["security"] == [{"BearerAuth": []}]
    assert "401" in operation["responses"]
    assert "security" not in spec["paths"]["/search"]["get"]


def test_routes_of_the_application_come_first(client: httpx.Client) -> None:
    assert client.get("/own/docs").text == "mine"
    assert client.get("/own/openapi.json").json() == {"mine": True}


def test_documentation_can_be_switched_off(client: httpx.Client) -> None:
    assert client.get("/silent/docs").status_code == 404
    assert client.get("/silent/openapi.json").status_code == 404
    assert client.get("/silent/docs/assets/swagger-ui.css").status_code == 404
    assert client.get("/silent").text == "silent"


@pytest.mark.parametrize(("mount", "title", "shown"), [("", "Shop", "Read an item"), ("/plain", "Roost API", None)])
def test_page_shows_the_document_without_the_internet(
    server: RoostServer, mount: str, title: str, shown: str | None
) -> None:
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "install the packages in tools/packages-test.txt: chromium"
    assert chromedriver, "install the packages in tools/packages-test.txt: chromium-driver"
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1200,1600"):
        options.add_argument(argument)
    # Every name is nobody's but this server's address: nothing can come from elsewhere.
    options.add_argument("--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
    options.binary_location = chromium
    driver = webdriver.Chrome(options, Service(chromedriver))
    try:
        driver.get(f"{server.url}{mount}/docs")
        WebDriverWait(driver, PATIENCE).until(lambda page: page.find_elements(By.CSS_SELECTOR, ".swagger-ui .info"))
        WebDriverWait(driver, PATIENCE).until(lambda page: page.title == title)
        text = driver.find_element(By.TAG_NAME, "body").text
        assert shown is None or shown in text
        if "ROOST_SCREENSHOTS" in os.environ:  # a folder, to look at them
            driver.save_screenshot(f"{os.environ['ROOST_SCREENSHOTS']}/docs{mount.replace('/', '-')}.png")
    finally:
        driver.quit()


def test_the_environment_can_leave_out_the_documentation(
    roost_server: StartServer, roost_cli: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    files = {
        "roost.yaml": "server: { listen: 127.0.0.1:0 }\npython: { venv: '${ROOST_VENV}', path: [.] }\n"
        "routes: [{ path: /, python: 'small:app' }]\n",
        "small.py": "from roost import App\napp = App(__file__)\n@app.get('/')\ndef index(): ...\n",
    }
    server = roost_server(files["roost.yaml"], files, env={"ROOST_DISABLE_OPENAPI": "1"})
    assert [httpx.get(server.url + path).status_code for path in ("/docs", "/openapi.json")] == [404, 404]
    wrong = roost_cli("routes", "roost.yaml", files=files, env={"ROOST_DISABLE_OPENAPI": "maybe"})
    assert wrong.returncode == 1
    assert "ROOST_DISABLE_OPENAPI: 'maybe' is neither true nor false" in wrong.stderr
