"""Handlers that do what no handler should: the request is answered or cut, and the worker serves on as it did."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import httpx
import pytest
from conftest import StartServer

from server_process import RoostServer

APP = """
import asyncio, io, logging, multiprocessing, os, signal, subprocess, sys, threading, time, warnings
from roost import App, Response, StreamingResponse

app = App(__file__)

def both(function):
    name = function.__name__
    async def asynchronous():
        return function()
    app.get("/plain/" + name)(function)
    app.get("/async/" + name)(asynchronous)

def raises(name, error):
    def function():
        raise error
    function.__name__ = name
    both(function)

class NoText(Exception):
    def __str__(self):
        raise SystemExit(9)

raises("system_exit", SystemExit("bye"))
raises("keyboard_interrupt", KeyboardInterrupt())
raises("cancelled", asyncio.CancelledError())
raises("generator_exit", GeneratorExit())
raises("stop_iteration", StopIteration(5))
raises("base_exception", BaseException("base"))
raises("no_text", NoText())
raises("group", ExceptionGroup("several", [ValueError("a"), KeyError("b")]))

@both
def recursion():
    return recursion()
@both
def deep():
    made = []
    for _ in range(100_000):
        made = [made]
    return made
@both
def cyclic():
    made = {}
    made["itself"] = made
    return made
@both
def thing():
    return object()
@both
def surrogate():
    return {"a": "\\ud800"}
@both
def forged_header():
    return Response(200, {"X": "a\\r\\nb: c"}, "x")
@both
def huge_status():
    return Response(10**30, {}, "x")
@both
def huge_number():
    return {"a": 10**5000}
@both
def empty_tuple():
    return ()
@both
def header_that_holds_itself():
    values = []
    values.append(values)
    return "x", {"X": values}
@both
def headers_that_hold_themselves():
    values = []
    values.append(values)
    return Response(200, {"X": values}, "x")

class Clearing:
    # Takes away what it is in, while it is read.
    def __init__(self, headers):
        self.headers = headers
    def __str__(self):
        self.headers.clear()
        self.headers.update({f"X-{i}": str(i) for i in range(1000)})
        return "cleared"
@both
def header_that_clears_its_dict():
    headers = {f"X-Before-{i}": str(i) * 100 for i in range(5)}
    headers["X-Clearing"] = Clearing(headers)
    return "kept", headers
@both
def header_that_clears_the_dict_of_a_response():
    headers = {f"X-Before-{i}": str(i) * 100 for i in range(5)}
    headers["X-Clearing"] = Clearing(headers)
    return Response(200, headers, "kept")
class Replacing(dict):
    # Gives its response other headers and another body while it is written as JSON.
    def items(self):
        self.response.headers = {"X-New": "new"}
        self.response.body = "other"
        return [("kept", "x" * 1000)]
@both
def body_that_replaces_its_response():
    body = Replacing()
    body.response = Response(200, {f"X-{i}": str(i) * 100 for i in range(20)}, body)
    return body.response

@both
def large():
    return "x" * 50_000_000
@both
def forks():
    pid = os.fork()
    if pid == 0:
        os._exit(7)
    return str(os.waitpid(pid, 0)[1] >> 8)
@both
def runs_a_program():
    return subprocess.run(["echo", "said"], capture_output=True, text=True).stdout
def put(queue):
    queue.put("from the child")
def child(method):
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=put, args=(queue,))
    process.start()
    said = queue.get()
    process.join()
    return said
@both
def multiprocessing_fork():
    return child("fork")
@both
def multiprocessing_spawn():
    return child("spawn")
@both
def leaves_threads():
    threading.Thread(target=time.sleep, args=(3600,), daemon=True).start()
    threading.Thread(target=time.sleep, args=(3600,)).start()
    return "left"
@both
def other_stdout():
    before, sys.stdout = sys.stdout, io.StringIO()
    print("kept")
    sys.stdout = None
    print("nowhere")
    sys.stdout = before
    return "written"
@both
def configures_logging():
    logging.basicConfig(level=logging.DEBUG, force=True)
    logging.getLogger().info("configured")
    warnings.warn("warned")
    return "configured"
@both
def other_policy():
    asyncio.set_event_loop_policy(asyncio.DefaultEventLoopPolicy())
    return "set"
@both
def own_loop():
    try:
        return asyncio.run(asyncio.sleep(0, "ran"))
    except RuntimeError:
        return "ran"
@both
def signals_itself():
    os.kill(os.getpid(), signal.SIGINT)
    return "signalled"

@app.get("/async/stops_the_loop")
async def stops_the_loop():
    asyncio.get_running_loop().stop()
    return "stopped"
@app.get("/async/closes_the_loop")
async def closes_the_loop():
    asyncio.get_running_loop().close()
@app.get("/async/task_exits")
async def task_exits():
    async def leave():
        raise SystemExit(5)
    asyncio.create_task(leave())
    asyncio.get_running_loop().call_soon(sys.exit, 5)
    return "left"
@app.get("/async/cancels_itself")
async def cancels_itself():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)
@app.get("/async/exits_later")
async def exits_later():
    await asyncio.sleep(0)
    raise SystemExit(3)
@app.get("/async/interrupts_later")
async def interrupts_later():
    await asyncio.sleep(0)
    raise KeyboardInterrupt

def cut(piece, error):
    def plain():
        yield "first"
        if error:
            raise error
        yield piece
    async def asynchronous():
        for made in plain():
            yield made
    return plain, asynchronous
def streams(pieces):
    return lambda: StreamingResponse(pieces(), media_type="text/plain")
for name, piece, error in (("exit", "", SystemExit(4)), ("interrupt", "", KeyboardInterrupt()), ("number", 5, None)):
    for kind, pieces in zip(("plain", "async"), cut(piece, error)):
        app.add_route("GET", f"/{kind}/cut_{name}", streams(pieces))

@app.get("/pid")
def pid():
    return {"pid": os.getpid()}
@app.get("/pid_async")
async def pid_async():
    await asyncio.sleep(0)
    return {"pid": os.getpid()}
@app.get("/ends/:how")
def ends(how: str):
    os._exit(5) if how == "exit" else os.abort() if how == "abort" else os.kill(os.getpid(), signal.SIGKILL)
"""
YAML = """
server: { listen: 127.0.0.1:0, timeouts: { drain: 1h }, access_log: { format: none } }
python: { venv: "${ROOST_VENV}", path: [.] }
routes: [{ path: /, python: "app:app" }]
"""
FAILING = [
    *(
        "system_exit",
        "keyboard_interrupt",
        "cancelled",
        "generator_exit",
        "stop_iteration",
        "base_exception",
        "no_text",
    ),
    *("group", "recursion", "deep", "cyclic", "thing", "surrogate", "forged_header", "huge_status", "huge_number"),
    *("empty_tuple", "header_that_holds_itself", "headers_that_hold_themselves"),
]
ANSWERED = {
    "large": "x" * 50_000_000,
    "forks": "7",
    "runs_a_program": "said\n",
    "multiprocessing_fork": "from the child",
    "multiprocessing_spawn": "from the child",
    "leaves_threads": "left",
    "other_stdout": "written",
    "configures_logging": "configured",
    "other_policy": "set",
    "own_loop": "ran",
    "signals_itself": "signalled",
    "header_that_clears_its_dict": "kept",
    "header_that_clears_the_dict_of_a_response": "kept",
    "body_that_replaces_its_response": '{"kept":"' + "x" * 1000 + '"}',
}
CASES: list[tuple[str, int, str | None]] = [
    *((f"/{kind}/{name}", 500, None) for name in FAILING for kind in ("plain", "async")),
    *((f"/{kind}/{name}", 200, text) for name, text in ANSWERED.items() for kind in ("plain", "async")),
    ("/async/stops_the_loop", 200, "stopped"),
    ("/async/closes_the_loop", 500, None),
    ("/async/task_exits", 200, "left"),
    ("/async/cancels_itself", 500, None),
    ("/async/exits_later", 500, None),
    ("/async/interrupts_later", 500, None),
]


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> Iterator[RoostServer]:
    started = module_server(YAML, {"app.py": APP})
    yield started
    # Threads that were left, and whatever else: it ends, although drain is an hour.
    assert started.stop() == 0


def pids(server: RoostServer) -> list[int]:
    return [httpx.get(server.url + path, timeout=60).json()["pid"] for path in ("/pid", "/pid_async")]


@pytest.mark.parametrize(("path", "status", "text"), CASES, ids=[path for path, _, _ in CASES])
def test_the_worker_serves_on(server: RoostServer, path: str, status: int, text: str | None) -> None:
    before = pids(server)
    response = httpx.get(server.url + path, timeout=60)
    assert response.status_code == status
    assert text is None or response.text == text
    assert pids(server) == before


@pytest.mark.parametrize("name", ["exit", "interrupt", "number"])
@pytest.mark.parametrize("kind", ["plain", "async"])
def test_a_stream_that_fails_is_cut(server: RoostServer, kind: str, name: str) -> None:
    before = pids(server)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.url}/{kind}/cut_{name}", timeout=60)
    assert pids(server) == before


@pytest.mark.unsanitized
@pytest.mark.parametrize("how", ["exit", "abort", "kill"])
def test_a_worker_that_dies_is_replaced(server: RoostServer, how: str) -> None:
    before = pids(server)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.url}/ends/{how}", timeout=60)
    now = pids(server)
    assert now[0] == now[1] != before[0]
    assert os.path.exists(f"/proc/{now[0]}")


STARVED = """
import ctypes, os

def starve(request):
    libc, attributes = ctypes.CDLL(None), ctypes.create_string_buffer(64)
    libc.pthread_attr_init(attributes)
    libc.pthread_attr_setstacksize(attributes, ctypes.c_size_t(1 << 47))
    return str(libc.pthread_setattr_default_np(attributes))

def wait(request):
    # Until the warning is there: others wait behind this one, and would have a thread each.
    with open(request.query_params.get("log")) as log:
        while "no further thread" not in log.read():
            log.seek(0)
    return str(os.getpid())
"""


@pytest.mark.unsanitized
def test_where_no_thread_can_be_had_fewer_serve(roost_server: StartServer) -> None:
    routes = "".join(f"  - {{ path: /{name}, python: starved:{name} }}\n" for name in ("starve", "wait"))
    server = roost_server(YAML.partition("routes:")[0] + "routes:\n" + routes, {"starved.py": STARVED})
    assert httpx.get(server.url + "/starve").text == "0"
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(4)]
        for connection in connections:
            connection.send(f"GET /wait?log={server.log_path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        worker = {connection.read_response().body for connection in connections}
    assert worker == {str(server.leaves()[0]).encode()}
    server.wait_log("no further thread for Python's handlers can be had")
