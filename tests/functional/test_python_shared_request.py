"""What the Python parts of one request share: the Request and the contextvars, from middleware of the YAML file on."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from conftest import StartServer

from server_process import RoostServer

HOOKS = """
import asyncio, contextvars, gc, weakref
from roost import App, Response

app = App(__file__)
mark = contextvars.ContextVar("mark", default="")
kept = []

def first(request):
    request.state.order = ["first"]
    request.identity = {"user": request.headers.get("x-user")}
    request.headers["X-First"] = "set"
    mark.set(mark.get() + "first ")

async def second(request):
    await asyncio.sleep(0)
    request.state.order.append("second")
    request.query_params.set("added", "1")
    mark.set(mark.get() + "second ")
    return request

def third(request):
    if request.headers.get("x-refuse"):
        return Response(403, {}, "refused")
    if request.headers.get("x-keep"):
        kept.append(request)
    request.state.order.append("third")
    mark.set(mark.get() + "third ")

def told(request):
    return {
        "order": request.state.order, "identity": request.identity, "first": request.headers["x-first"],
        "added": request.query_params.get("added"), "mark": mark.get(), "path": request.path, "body": request.body,
        "kept": kept.pop() is request if kept else None,
    }

@app.post("/sync")
def sync_handler(request):
    return told(request)

@app.post("/async")
async def async_handler(request):
    return told(request)

@app.post("/stream", stream=True)
async def stream_handler(request):
    await request.read()
    return told(request)

@app.before_request()
def within(request):
    if hasattr(request.state, "order"):
        request.state.order.append("before")

@app.get("/alive")
def alive():
    gc.collect()
    return [sum(type(o).__name__ == "SimpleNamespace" and hasattr(o, "order") for o in gc.get_objects()), len(kept)]
"""

YAML = """
server: { listen: "127.0.0.1:0", processes: 1 }
python: { venv: "${ROOST_VENV}", path: [.], threads: 4 }
middleware:
  - { python: "hooks:first", name: first, paths: [/sync, /async, /stream, /native] }
  - { python: "hooks:second", name: second, paths: [/sync, /async, /stream, /native] }
  - { python: "hooks:third", name: third, paths: [/sync, /async, /stream, /native] }
routes:
  - { path: /native, respond: { status: 200, body: native } }
  - { path: /, python: hooks:app }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, {"hooks.py": HOOKS})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as connected:
        yield connected


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("path", ["/sync", "/async", "/stream"])
def test_the_handler_sees_what_middleware_left(client: httpx.Client, path: str, keep: bool) -> None:
    for user in ("ada", "grace", "linus"):
        headers = {"X-User": user} | ({"X-Keep": "1"} if keep else {})
        assert client.post(path, content="body", headers=headers).json() == {
            "order": ["first", "second", "third", "before"],
            "identity": {"user": user},
            "first": "set",
            "added": "1",
            "mark": "first second third ",
            "path": path,
            "body": "body",
            "kept": True if keep else None,
        }


def test_nothing_is_left_where_no_handler_of_python_follows(server: RoostServer, client: httpx.Client) -> None:
    for _ in range(50):
        assert client.get("/native").text == "native"
        assert client.post("/sync", headers={"X-Refuse": "1"}).status_code == 403
    server.wait_for(lambda: client.get("/alive").json() == [0, 0], "the requests to be freed")


def test_a_client_that_goes_leaves_nothing(server: RoostServer, client: httpx.Client) -> None:
    for _ in range(50):
        with server.connect() as connection:
            connection.send(b"POST /async HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n")
    server.wait_for(lambda: client.get("/alive").json() == [0, 0], "the requests to be freed")


BODY = """
from roost import App

app = App(__file__)
seen = []

def look(request):
    for read in (lambda: request.body, request.json, lambda: request.form_data, request.stream):
        try:
            seen.append(str(read()))
        except Exception as error:
            seen.append("refused" if "streams the request's body" in str(error) else type(error).__name__)

@app.post("/stream", stream=True)
async def stream(request):
    return {"seen": [seen.pop(0) for _ in range(len(seen))], "body": (await request.read()).decode()}

@app.post("/whole")
def whole(request):
    return {"seen": [seen.pop(0) for _ in range(2)], "body": request.body, "rest": seen.clear()}
"""


def test_middleware_before_a_streamed_body_is_told_that_it_is_not_there(roost_server: StartServer) -> None:
    server = roost_server(
        """
server: { listen: 127.0.0.1:0 }
python: { venv: "${ROOST_VENV}", path: [.] }
middleware: [{ python: "body:look" }]
routes: [{ path: /, python: "body:app" }]
""",
        {"body.py": BODY},
    )
    assert httpx.post(server.url + "/stream", content=b"[1]").json() == {"seen": ["refused"] * 4, "body": "[1]"}
    # Nothing is to come where the client sends nothing.
    nothing = httpx.post(server.url + "/stream", content=b"").json()
    assert (nothing["seen"][0], nothing["body"]) == ("", "")
    assert httpx.post(server.url + "/whole", content=b"[1]").json()["seen"] == ["[1]", "[1]"]
