"""What a worker that ends does with tasks: those after a response, and those that nobody waits for."""

from __future__ import annotations

import httpx
from conftest import StartServer

DRAIN = """
import asyncio, threading
from pathlib import Path
from roost import App, BackgroundTask, Response

app = App(__file__)
diary = Path(__file__).with_name("diary")
lock = threading.Lock()
stopping = threading.Event()
left = None

def note(text):
    with lock, diary.open("a") as file:
        file.write(text + "\\n")

def plain():
    note("plain begun")
    stopping.wait()
    note("plain ended")

async def asynchronous():
    note("async begun")
    while not stopping.is_set():
        await asyncio.sleep(0.001)
    note("async ended")

async def forever():
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0)
        note("forever cancelled")
        raise

@app.get("/begin")
async def begin():
    asyncio.create_task(forever())
    return Response(200, {}, "", background=BackgroundTask(asynchronous))

@app.get("/plain")
def begin_plain():
    return Response(200, {}, "", background=BackgroundTask(plain))

@app.get("/hold")
async def hold():
    note("held")
    while not draining():
        await asyncio.sleep(0.001)
    threading.Thread(target=let_go).start()
    return "held"

def draining():
    # The listening socket is left alone as soon as the worker drains.
    return Path(__file__).with_name("drain").exists()

def let_go():
    # Tasks go on when the last connection has ended, too.
    while "answered" not in diary.read_text():
        threading.Event().wait(0.001)
    stopping.set()

@app.shutdown_handler
async def shutdown():
    note("shutdown")
"""


def test_a_worker_that_stops_ends_its_tasks_in_order(roost_server: StartServer) -> None:
    server = roost_server(
        """
server: { listen: "127.0.0.1:0", processes: 1, timeouts: { drain: 20s } }
python: { venv: "${ROOST_VENV}", path: [.], threads: 4 }
routes: [{ path: /, python: drain:app }]
""",
        {"drain.py": DRAIN},
    )
    path = server.directory / "diary"
    with server.client() as client:
        client.get("/begin")
        client.get("/plain")
    server.wait_for(lambda: path.exists() and path.read_text().count("begun") == 2, "both tasks")
    with server.connect() as connection:
        connection.send(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for(lambda: "held" in path.read_text(), "the request to be there")
        server.process.terminate()
        server.wait_log("stopping")
        (server.directory / "drain").touch()
        assert connection.read_response().body == b"held"
    with path.open("a") as file:
        file.write("answered\n")
    assert server.wait() == 0
    lines = path.read_text().splitlines()
    assert sorted(lines[:2]) == ["async begun", "plain begun"]
    assert lines[2:4] == ["held", "answered"]
    assert sorted(lines[4:6]) == ["async ended", "plain ended"]
    assert lines[6:] == ["shutdown", "forever cancelled"]


COLLECTED = """
import asyncio, gc, weakref
from roost import App

app = App(__file__)
done = []

@app.post("/begin/:count")
async def begin(request):
    async def wait():
        # Nothing but the task itself holds the future that it waits for.
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_later(0.05, lambda kept=weakref.ref(future): kept() and kept().set_result(None))
        await future
        done.append(1)
    for _ in range(int(request.path_params["count"])):
        asyncio.create_task(wait())
    gc.collect()
    return {}

@app.get("/done")
async def read_done():
    gc.collect()
    return len(done)
"""


def test_tasks_that_nobody_keeps_are_kept(roost_server: StartServer) -> None:
    server = roost_server(
        """
server: { listen: "127.0.0.1:0", processes: 1 }
python: { venv: "${ROOST_VENV}", path: [.] }
routes: [{ path: /, python: collected:app }]
""",
        {"collected.py": COLLECTED},
    )
    with server.client() as client:
        client.post("/begin/100")
        server.wait_for(lambda: client.get("/done").text == "100", "all tasks")


IDLE = """
import asyncio
from pathlib import Path
from roost import App

app = App(__file__)

@app.get("/")
async def quick():
    return "quick"

@app.shutdown_handler
async def all_that_is_left():
    left = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*left)
    Path(__file__).with_name("left").write_text(str(len(left)))
"""


def test_a_worker_that_has_nothing_left_to_do_ends_at_once(roost_server: StartServer) -> None:
    server = roost_server(
        'server: { listen: "127.0.0.1:0", processes: 1, timeouts: { drain: 1h } }\n'
        'python: { venv: "${ROOST_VENV}", path: [.] }\n'
        "routes:\n  - { path: /, python: idle_module:app }\n",
        files={"idle_module.py": IDLE},
    )
    assert httpx.get(server.url).text == "quick"
    assert server.stop() == 0
    assert (server.directory / "left").read_text() == "0"
