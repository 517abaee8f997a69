"""Processes that handlers start: they are no part of the server, whose workers they leave alone."""

from __future__ import annotations

import signal

import pytest
from conftest import StartServer

from server_process import RoostServer

HANDLERS = """
import multiprocessing, os, time

def pid(request):
    return str(os.getpid())

def forked(request):
    child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(3600,))
    child.start()
    os.kill(child.pid, int(request.query_params.get("signal")))
    child.join(30)
    code = child.exitcode
    child.kill()
    return str(code)
"""

YAML = """
server: { listen: 127.0.0.1:0, processes: 1 }
python: { venv: "${ROOST_VENV}", path: [.] }
routes:
  - { path: /pid, python: handlers:pid }
  - { path: /forked, python: handlers:forked }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, {"handlers.py": HANDLERS})


def test_sigterm_ends_a_forked_child_and_not_its_worker(server: RoostServer) -> None:
    with server.client() as client:
        worker = client.get("/pid").text
        assert client.get(f"/forked?signal={int(signal.SIGTERM)}").text == str(-signal.SIGTERM)
        assert client.get("/pid").text == worker
    assert "asks to be replaced" not in server.log()
