"""The Python bridge on its own: where Python is found, how handlers are called, and what becomes of their results."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
import websockets
from conftest import StartServer

from server_process import RoostServer

HANDLERS = '''
import asyncio, contextvars, gc, os, sys, threading, time
from roost import App, Headers, Response, WebSocket

app = App(__file__)
events = WebSocket(app, "/ws/:room")
marks = contextvars.ContextVar("marks", default="base")
kept, cancelled, held = [], [], threading.Event()
seen = []

RESULTS = {
    "dict": {"a": [1, 2.5, None, True, "\\u00e9"]},
    "list": [1, 2],
    "str": "h\\u00e9",
    "bytes": b"\\x00\\xff",
    "none": None,
    "int": 7,
    "response": Response(201, {"X-A": "1"}, "made"),
    "repeated": Response(200, Headers([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")]), {"json": True}),
    "typed": Response(200, {"content-type": "text/html"}, "<p>"),
    "body_status": ({"missing": True}, 404),
    "body_headers_status": ("x", {"X-B": "2"}, 202),
    "headers_first": (Headers({"X-C": "3"}), "x"),
    "unknown": object(),
    "bad_header": Response(200, {"X": "a\\r\\nb"}, ""),
    "bad_status": ("x", 99),
}

@app.get("/result/:name")
def result(request):
    return RESULTS[request.path_params["name"]]

@app.get("/async_result/:name")
async def async_result(request):
    return RESULTS[request.path_params["name"]]

@app.post("/echo")
def echo(request):
    return {"type": type(request.body).__name__, "size": len(request.body), "last": str(request.body[-1:])}

@app.post("/json")
def echo_json(request):
    try:
        return {"got": request.json()}
    except ValueError as error:
        return str(error), 400

@app.get("/fields/:id/*rest")
def fields(request):
    request.headers["X-Mine"] = "set"
    return {
        "method": request.method, "path": request.path, "url_path": request.url.path, "query": request.url.query,
        "scheme": request.url.scheme, "params": request.path_params, "q": request.query_params.to_dict(),
        "agent": request.headers["USER-AGENT"], "many": request.headers.get_all("x-many"),
        "mine": request.headers.get("x-mine"), "ip": request.ip_addr,
    }

@app.get("/keep")
def keep(request):
    kept.append(request)
    del kept[:-20]
    return [[r.query_params.get("n"), r.headers.get("x-n"), r.method] for r in kept]

@app.get("/raise")
def raising(request):
    raise KeyError("sync failure")

@app.get("/raise_async")
async def raising_async(request):
    await asyncio.sleep(0)
    raise KeyError("async failure")

@app.get("/hold")
def hold(request):
    held.wait()
    return "released"

@app.get("/release")
async def release(request):
    held.set()
    return "ok"

@app.get("/slow")
def slow(request):
    time.sleep(0.3)
    return "slow"

@app.get("/hang")
async def hang(request):
    seen.append(1)
    try:
        await asyncio.sleep(3600)
    except asyncio.CancelledError:
        cancelled.append(1)
        raise

@app.get("/seen")
async def seen_and_cancelled(request):
    return [len(seen), len(cancelled)]

@app.get("/tasks")
async def tasks(request):
    """Everything that looks inside the task it runs under."""
    found = {}
    task = asyncio.current_task()
    found["task"] = isinstance(task, asyncio.Task)
    found["context"] = marks.get()
    marks.set("changed")
    try:
        async with asyncio.timeout(0.01):
            await asyncio.sleep(10)
    except TimeoutError:
        found["timeout"] = True
    found["same"] = asyncio.current_task() is task
    async def value(x):
        await asyncio.sleep(0.001)
        return x
    async with asyncio.TaskGroup() as group:
        made = [group.create_task(value(i)) for i in range(3)]
    found["group"] = [t.result() for t in made]
    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(value(0))
            raise LookupError
    except* LookupError:
        found["failed_group"] = task.cancelling()
    found["thread"] = await asyncio.to_thread(lambda: 7)
    found["shield"] = await asyncio.shield(value(5))
    return found

@app.get("/first_step")
async def first_step(request):
    found = [marks.get()]
    marks.set("first")
    async with asyncio.timeout(1):
        found.append(marks.get())
    return found

@app.get("/cancel_self")
async def cancel_self(request):
    asyncio.current_task().cancel()
    try:
        await asyncio.sleep(10)
    except asyncio.CancelledError:
        asyncio.current_task().uncancel()
        return "cancelled itself"

done_callbacks = []

@app.get("/callback")
async def callback(request):
    asyncio.current_task().add_done_callback(lambda task: done_callbacks.append(1))
    return "ok"

@app.get("/callbacks")
async def callbacks(request):
    return len(done_callbacks)

def coroutine_of(request):
    async def inner():
        await asyncio.sleep(0)
        return "from a coroutine"
    return inner()

@app.get("/memory")
def memory(request):
    gc.collect()
    with open("/proc/self/statm") as statm:
        return {"pages": int(statm.read().split()[1]), "blocks": sys.getallocatedblocks()}

@events.on("connect")
async def connected(ws):
    ws.count = 0
    return f"{ws.path_params['room']} {ws.query_params.get('q')}"

@events.on("message")
def message(ws, data):
    ws.count += 1
    if data == "raise":
        raise KeyError("socket failure")
    if data == "slow":
        time.sleep(0.05)
    return f"{ws.count} {data!r}"

@events.on("close")
async def closed(ws):
    kept.append(ws)
    print("closed after", ws.count, flush=True)
'''

YAML = """
server: {{ listen: 127.0.0.1:0, processes: 1, threads: {threads}, limits: {{ spill: 16KiB }} }}
python: {{ venv: "${{ROOST_VENV}}", threads: 8 }}
middleware:
  - {{ python: "handlers:guard", paths: [/guarded/*] }}
routes:
  - {{ path: /, python: "handlers:app" }}
  - {{ path: /late, python: "handlers:coroutine_of" }}
  - {{ path: /guarded/in, python: "handlers:inside" }}
  - {{ path: /native, respond: {{ status: 200, body: native }} }}
  - {{ path: /timed, python: "handlers:hang", timeout: 200ms }}
"""

GUARD = """
async def guard(request):
    if request.query_params.get("key") != "open":
        return {"refused": True}, 403

def inside():
    return "inside"
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML.format(threads=2), files={"handlers.py": HANDLERS + GUARD})


@pytest.fixture(scope="module")
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.mark.parametrize("route", ["result", "async_result"])
@pytest.mark.parametrize(
    ("name", "status", "content_type", "body"),
    [
        ("dict", 200, "application/json", '{"a":[1,2.5,null,true,"é"]}'.encode()),
        ("list", 200, "application/json", b"[1,2]"),
        ("str", 200, "text/plain; charset=utf-8", "hé".encode()),
        ("bytes", 200, "application/octet-stream", b"\x00\xff"),
        ("none", 200, None, b""),
        ("int", 200, "text/plain; charset=utf-8", b"7"),
        ("response", 201, "text/plain; charset=utf-8", b"made"),
        ("repeated", 200, "application/json", b'{"json":true}'),
        ("typed", 200, "text/html", b"<p>"),
        ("body_status", 404, "application/json", b'{"missing":true}'),
        ("body_headers_status", 202, "text/plain; charset=utf-8", b"x"),
        ("headers_first", 200, "text/plain; charset=utf-8", b"x"),
    ],
)
def test_result_becomes_a_response(
    client: httpx.Client, route: str, name: str, status: int, content_type: str | None, body: bytes
) -> None:
    response = client.get(f"/{route}/{name}")
    assert (response.status_code, response.headers.get("content-type"), response.content) == (
        status,
        content_type,
        body,
    )
    if name == "repeated":
        assert response.headers.get_list("set-cookie") == ["a=1", "b=2"]
    if name == "body_headers_status":
        assert response.headers["x-b"] == "2"
    if name == "headers_first":
        assert response.headers["x-c"] == "3"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("unknown", "not object"),
        ("bad_header", "a header that HTTP does not allow"),
        ("bad_status", "a status must be from 200 to 599, not 99"),
    ],
)
def test_result_that_is_no_response_gives_500(server: RoostServer, client: httpx.Client, name: str, why: str) -> None:
    response = client.get(f"/result/{name}")
    assert response.status_code == 500
    assert why not in response.text
    server.wait_log(re.escape(why))


def test_request_fields(client: httpx.Client) -> None:
    found = client.get(
        "/fields/a%2Fb/c/d?x=1&x=%C3%A9+&y",
        headers=[("User-Agent", "test"), ("X-Many", "1"), ("x-many", "2")],
    ).json()
    assert found == {
        "method": "GET",
        "path": "/fields/a/b/c/d",
        "url_path": "/fields/a%2Fb/c/d",
        "query": "x=1&x=%C3%A9+&y",
        "scheme": "http",
        "params": {"id": "a/b", "rest": "c/d"},
        "q": {"x": ["1", "é "], "y": [""]},
        "agent": "test",
        "many": ["1", "2"],
        "mine": "set",
        "ip": "127.0.0.1",
    }


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"text", "str"),
        ("é".encode() * 100_000, "str"),  # spilled to a file
        (b"\xff" * 100_000, "bytes"),
        (b"\xff", "bytes"),
    ],
)
def test_body_is_text_where_it_is_utf8(client: httpx.Client, body: bytes, kind: str) -> None:
    found = client.post("/echo", content=body).json()
    assert (found["type"], found["size"]) == (kind, len(body.decode() if kind == "str" else body))


@pytest.mark.parametrize("count", [1, 10_000])
def test_json_is_decoded(client: httpx.Client, count: int) -> None:
    document = [{"a": "é", "b": [1, -2.5, None, True]}] * count
    assert client.post("/json", json=document).json() == {"got": document}


def test_json_that_is_none_is_a_value_error(client: httpx.Client) -> None:
    assert client.post("/json", content=b'{"a":').status_code == 400


def test_request_outlives_its_response(client: httpx.Client) -> None:
    for number in range(10):
        found = client.get(f"/keep?n={number}", headers={"X-N": str(number)}).json()
    assert found == [[str(n), str(n), "GET"] for n in range(10)]


@pytest.mark.parametrize(("path", "why"), [("/raise", "sync failure"), ("/raise_async", "async failure")])
def test_handler_that_raises_gives_500_and_a_logged_traceback(
    server: RoostServer, client: httpx.Client, path: str, why: str
) -> None:
    response = client.get(path)
    assert response.status_code == 500
    assert why not in response.text
    server.wait_log(rf"GET {path}: .*raised\nTraceback(.*\n)+KeyError: '{why}'")


def test_traceback_is_sent_in_development_mode(roost_server: StartServer) -> None:
    yaml = """
server: { listen: 127.0.0.1:0, mode: development }
python: { venv: "${ROOST_VENV}" }
routes: [{ path: /x, python: "broken:handler" }]
"""
    server = roost_server(yaml, files={"broken.py": "def handler(): return 1 / 0"})
    response = httpx.get(server.url + "/x")
    assert (response.status_code, response.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert response.text.splitlines()[-1] == "ZeroDivisionError: division by zero"


def test_coroutines_run_under_a_task(client: httpx.Client) -> None:
    for _ in range(3):
        assert client.get("/tasks").json() == {
            "task": True,
            "context": "base",
            "timeout": True,
            "same": True,
            "group": [0, 1, 2],
            "failed_group": 0,
            "thread": 7,
            "shield": 5,
        }


def test_coroutine_that_never_waits_leaves_nothing_behind(client: httpx.Client) -> None:
    for _ in range(5):
        assert client.get("/first_step").json() == ["base", "first"]
        assert client.get("/cancel_self").text == "cancelled itself"
    before = client.get("/callbacks").json()
    client.get("/callback")
    while client.get("/callbacks").json() != before + 1:
        pass


def test_plain_function_may_return_a_coroutine(client: httpx.Client) -> None:
    assert client.get("/late").text == "from a coroutine"


def test_blocking_handlers_delay_nothing_else(server: RoostServer, client: httpx.Client) -> None:
    # Two of them, in a pool of eight: the loop, another plain handler and a native route answer meanwhile.
    with ThreadPoolExecutor(2) as executor:
        waiting = [executor.submit(httpx.get, f"{server.url}/hold", timeout=60) for _ in range(2)]
        assert client.get("/native").text == "native"
        assert client.get("/result/list").json() == [1, 2]
        assert client.get("/release").text == "ok"
        assert [future.result().text for future in waiting] == ["released"] * 2


def test_slow_handlers_run_side_by_side(server: RoostServer) -> None:
    async def all_at_once() -> float:
        async with httpx.AsyncClient(base_url=server.url, timeout=60) as client:
            loop = asyncio.get_running_loop()
            began = loop.time()
            assert {r.text for r in await asyncio.gather(*(client.get("/slow") for _ in range(8)))} == {"slow"}
            return loop.time() - began

    assert asyncio.run(all_at_once()) < 8 * 0.3


def test_client_that_goes_away_cancels_its_coroutine(server: RoostServer, client: httpx.Client) -> None:
    began, ended = client.get("/seen").json()
    with server.connect() as connection:
        connection.send(b"GET /hang HTTP/1.1\r\nHost: x\r\n\r\n")
        server.wait_for(lambda: client.get("/seen").json()[0] == began + 1)
        assert client.get("/seen").json()[1] == ended
    server.wait_for(lambda: client.get("/seen").json()[1] == ended + 1)


def test_handler_time_out_cancels_its_coroutine(server: RoostServer, client: httpx.Client) -> None:
    ended = client.get("/seen").json()[1]
    assert client.get("/timed").status_code == 504
    server.wait_for(lambda: client.get("/seen").json()[1] == ended + 1)


def test_middleware_goes_on_or_answers(client: httpx.Client) -> None:
    assert client.get("/guarded/in?key=open").text == "inside"
    refused = client.get("/guarded/in")
    assert (refused.status_code, refused.json()) == (403, {"refused": True})


def test_socket_callbacks_run_in_order(server: RoostServer) -> None:
    async def talk() -> None:
        async with websockets.connect(f"{server.ws_url}/ws/r%20m?q=1") as socket:
            assert await socket.recv() == "r m 1"
            for data in ("slow", b"\x00", "raise", *map(str, range(200))):
                await socket.send(data)
            assert await socket.recv() == "1 'slow'"
            assert await socket.recv() == "2 b'\\x00'"
            for number in range(200):
                assert await socket.recv() == f"{number + 4} '{number}'"

    asyncio.run(talk())
    server.wait_log(r"raised on message\nTraceback(.*\n)+KeyError: 'socket failure'")
    server.wait_output("closed after 203")


def test_memory_stays_flat(server: RoostServer, client: httpx.Client) -> None:
    paths = [
        "/result/dict",
        "/async_result/repeated",
        "/first_step",
        "/fields/1/x?a=1",
        "/late",
        "/guarded/in?key=open",
    ]

    def some(count: int) -> None:
        def one_client() -> None:
            with server.client() as own:
                for number in range(count // 4):
                    own.get(paths[number % len(paths)])

        threads = [threading.Thread(target=one_client) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    some(1200)
    before = client.get("/memory").json()
    some(2400)
    after = client.get("/memory").json()
    # A leak of one object for each request would be 2400 blocks.
    assert after["blocks"] - before["blocks"] < 400
    assert after["pages"] - before["pages"] < 512
