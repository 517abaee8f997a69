"""Processes that handlers start: they are no part of the server, whose workers they leave alone."""

from __future__ import annotations

import signal

import pytest
from conftest import StartServer

from server_process import RoostServer

HANDLERS = """
import multiprocessing, os, subprocess, time

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

def blocked(request):
    return subprocess.run(["grep", "SigBlk", "/proc/self/status"], capture_output=True, text=True).stdout
"""

YAML = """
server: { listen: 127.0.0.1:0, processes: 1 }
python: { venv: "${ROOST_VENV}", path: [.] }
routes:
  - { path: /pid, python: handlers:pid }
  - { path: /forked, python: handlers:forked }
  - { path: /blocked, python: handlers:blocked }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, {"handlers.py": HANDLERS})


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1])
def test_signals_end_a_forked_child_and_not_its_worker(server: RoostServer, number: signal.Signals) -> None:
    with server.client() as client:
        worker = client.get("/pid").text
        assert client.get(f"/forked?signal={int(number)}").text == str(-number)
        assert client.get("/pid").text == worker
    assert "asks to be replaced" not in server.log()


def test_programs_have_no_signal_blocked(server: RoostServer) -> None:
    with server.client() as client:
        assert int(client.get("/blocked").text.split()[1], 16) == 0
