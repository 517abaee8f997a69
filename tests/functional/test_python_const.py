"""`const` routes: computed once in each worker, answered without Python, and what middleware still does to them."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from conftest import StartServer

from server_process import RoostServer

SITE = """
import ctypes, os
from roost import App, Headers, Response

app = App(__file__)
calls = []

def count(name):
    calls.append(name)
    os.write(1, f"computed {name} in {os.getpid()}\\n".encode())

@app.startup_handler
def start():
    app.state.greeting = "hello"

@app.get("/plain", const=True)
def plain():
    count("plain")
    return {"greeting": app.state.greeting}

@app.get("/later", const=True)
async def later():
    import asyncio
    count("later")
    await asyncio.sleep(0)
    return "later"

@app.get("/told/me", const=True)
def told(request):
    return request.method + " " + request.url.path

@app.get("/whole", const=True)
def whole():
    return Response(203, Headers([("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"), ("X-Own", "yes")]), b"\\x00\\xff")

@app.post("/posted", const=True)
def posted():
    return "posted"

@app.before_request("/guarded/*")
def guard(request):
    if "authorization" not in request.headers:
        return Response(401, {}, "who?")

@app.after_request("/guarded/*")
def stamp(response):
    response.headers.append("X-After", "once")

@app.get("/guarded/sync", const=True)
def guarded():
    count("guarded")
    return {"guarded": True}

@app.get("/guarded/async", const=True)
async def guarded_async():
    count("guarded_async")
    return Response(202, {"X-Own": "yes"}, "ok")

@app.get("/calls")
def all_calls():
    return {name: calls.count(name) for name in calls}

@app.get("/hold")
def hold():
    os.write(1, b"holding\\n")
    # Of a PyDLL: the lock of the interpreter stays taken.
    fd = os.open("gate", os.O_RDONLY)
    ctypes.PyDLL(None).read(fd, ctypes.create_string_buffer(1), 1)
    os.close(fd)
    return "held"
"""

YAML = """
server: {{ listen: 127.0.0.1:0, processes: {processes}, access_log: {{ format: none }} }}
python: {{ venv: "${{ROOST_VENV}}", path: [.] }}
routes:
  - {{ path: /, python: site_module:app }}
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML.format(processes=1), files={"site_module.py": SITE})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


def test_answers_are_those_of_the_handlers(client: httpx.Client) -> None:
    for _ in range(3):
        answer = client.get("/plain")
        assert (answer.status_code, answer.json()) == (200, {"greeting": "hello"})
        assert answer.headers["content-type"] == "application/json"
        assert client.get("/later").text == "later"
        assert client.get("/told/me").text == "GET /told/me"
        whole = client.get("/whole")
        assert (whole.status_code, whole.content) == (203, b"\x00\xff")
        assert whole.headers.get_list("set-cookie") == ["a=1", "b=2"]
        assert whole.headers["x-own"] == "yes"
    assert client.post("/posted").text == "posted"
    assert client.get("/posted").status_code == 405
    head = client.head("/plain")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", "20")


def test_middleware_runs_for_each_request_and_the_handler_never_again(client: httpx.Client) -> None:
    for _ in range(3):
        assert client.get("/guarded/sync").status_code == 401
        answer = client.get("/guarded/sync", headers={"Authorization": "me"})
        assert (answer.json(), answer.headers.get_list("x-after")) == ({"guarded": True}, ["once"])
        answer = client.get("/guarded/async", headers={"Authorization": "me"})
        assert (answer.status_code, answer.text, answer.headers["x-own"]) == (202, "ok", "yes")
        assert answer.headers.get_list("x-after") == ["once"]
    counted = client.get("/calls").json()
    assert counted == {"plain": 1, "later": 1, "guarded": 1, "guarded_async": 1}


def test_nothing_of_python_is_needed_for_an_answer(server: RoostServer, client: httpx.Client) -> None:
    gate = server.directory / "gate"
    os.mkfifo(gate)
    with server.client() as other:
        held = threading.Thread(target=other.get, args=("/hold",))
        held.start()
        # Opened only once the handler has come to opening it as well; from then on it holds the interpreter.
        with gate.open("wb", buffering=0) as key:
            for _ in range(10):
                assert client.get("/plain").json() == {"greeting": "hello"}
            assert held.is_alive()
            key.write(b"x")
        held.join()


def test_each_worker_computes_for_itself(roost_server: StartServer) -> None:
    server = roost_server(YAML.format(processes=2), files={"site_module.py": SITE})
    server.wait_for(lambda: server.output().count("computed plain in ") == 2)
    assert server.output().count("computed later in ") == 2


@pytest.mark.parametrize("kind", ["def", "async def"])
def test_handler_that_raises_keeps_the_server_from_starting(
    roost_server: StartServer, kind: str, tmp_path: Path
) -> None:
    site = f"""
from roost import App
app = App(__file__)

@app.get("/broken", const=True)
{kind} broken():
    raise ValueError("no such thing")
"""
    server = roost_server(YAML.format(processes=1), files={"site_module.py": site}, wait_ready=False)
    assert server.wait() == 1
    assert "no such thing" in server.log()
    assert "the const route /broken" in server.log()
    assert "site_module.py:5" in server.log()
