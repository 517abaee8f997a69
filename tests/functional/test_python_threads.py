"""Plain functions that wait: as many at once as there are threads, and nobody else is kept from anything."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
from conftest import StartServer

SITE = """
import threading
from roost import App

app = App(__file__)
gate = threading.Barrier(32)
inside = []

@app.get("/meet")
def meet():
    inside.append(threading.get_ident())
    gate.wait()
    return {"thread": threading.get_ident()}

@app.get("/inside")
async def count():
    return len(inside)
"""

YAML = """
server: { listen: 127.0.0.1:0, processes: 1, access_log: { format: none } }
python: { venv: "${ROOST_VENV}", path: [.], threads: 32 }
routes:
  - { path: /native, respond: { body: native } }
  - { path: /, python: site_module:app }
"""


def test_32_handlers_wait_at_once_in_32_threads(roost_server: StartServer) -> None:
    server = roost_server(YAML, files={"site_module.py": SITE})

    def meet(_: int) -> int:
        return int(httpx.get(server.url + "/meet", timeout=60).json()["thread"])

    with ThreadPoolExecutor(32) as clients, server.client() as other:
        # One too few for the barrier: all of them stay inside, and what is not theirs is answered.
        waiting = [clients.submit(meet, i) for i in range(31)]
        server.wait_for(lambda: other.get("/inside").text == "31")
        assert not any(done.done() for done in waiting)
        assert other.get("/native").text == "native"
        last = clients.submit(meet, 31)
        threads = {done.result() for done in (*waiting, last)}
    assert len(threads) == 32


LATE_IMPORT = """
import sys, threading
from roost import App

app = App(__file__)
second = threading.Event()
calls = []

class Slow:
    def find_spec(self, name, path=None, target=None):
        if name == "orjson":  # the writer's library for large documents, imported by the first of them
            second.wait()

sys.meta_path.insert(0, Slow())
assert "orjson" not in sys.modules

@app.get("/large")
def large():
    calls.append(1)
    if len(calls) == 2:
        second.set()
    return ["x" * 2000] * 10

@app.get("/calls")
async def count():
    return len(calls)
"""


def test_an_import_by_the_first_large_answer_keeps_no_thread_for_ever(roost_server: StartServer) -> None:
    server = roost_server(YAML, files={"site_module.py": LATE_IMPORT})
    with ThreadPoolExecutor(2) as clients, server.client() as other:
        first = clients.submit(httpx.get, server.url + "/large", timeout=60)
        server.wait_for(lambda: other.get("/calls").text == "1")
        second = clients.submit(httpx.get, server.url + "/large", timeout=60)
        assert first.result().json() == second.result().json() == ["x" * 2000] * 10
