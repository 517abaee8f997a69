"""How a worker that serves Python begins and ends: its hooks, its event loop, what it registered for the end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import httpx
import pytest
from conftest import StartServer

from server_process import BINARY, VENV, RoostServer, environment

CONFIGURATION = """
server: {{ listen: 127.0.0.1:0, processes: {processes}, threads: 1 }}
python: {{ venv: "{venv}", path: [.] }}
routes:
  - {{ path: /, python: ending:app }}
"""
NOTES = """
import os
FOLDER = os.path.dirname(os.path.abspath(__file__))
def note(what):
    with open(os.path.join(FOLDER, "notes.txt"), "a") as notes:
        notes.write(f"{what} {os.getpid()}\\n")
"""


def configuration(processes: int = 1) -> str:
    return CONFIGURATION.format(venv=VENV, processes=processes)


def status(server: RoostServer) -> str:
    command = [str(BINARY), "status", str(server.config)]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment()).stdout


def notes(folder: Path) -> list[str]:
    file = folder / "notes.txt"
    return [line.rpartition(" ")[0] for line in file.read_text().splitlines()] if file.exists() else []


AT_EXIT = """
import atexit
from roost import App
app = App(__file__)

atexit.register(note, "module's exit")

@app.startup_handler
def start():
    atexit.register(note, "worker's exit")

@app.shutdown_handler
{define} stop(): note("shutdown")

@app.get("/")
def index(): return "ok"
"""


@pytest.mark.parametrize("define", ["def", "async def"])
def test_what_is_registered_with_atexit_is_called_after_the_shutdown_handlers(
    roost_server: StartServer, define: str
) -> None:
    server = roost_server(configuration(), files={"ending.py": NOTES + AT_EXIT.format(define=define)})
    assert httpx.get(server.url).text == "ok"
    assert server.stop() == 0
    assert notes(server.directory) == ["shutdown", "worker's exit", "module's exit"]


def test_what_was_made_before_the_fork_outlives_a_worker(roost_server: StartServer) -> None:
    app = """
import multiprocessing, tempfile, time
from roost import App
app = App(__file__)
shared = tempfile.TemporaryDirectory()
helper = multiprocessing.get_context("fork").Process(target=time.sleep, args=(3600,), daemon=True)
helper.start()

@app.get("/")
def index(): return {"worker": os.getpid(), "folder": os.path.isdir(shared.name), "helper": helper.pid}
"""
    server = roost_server(configuration(), files={"ending.py": NOTES + app})
    before = httpx.get(server.url).json()
    assert before["folder"]
    os.kill(before["worker"], signal.SIGTERM)
    server.wait_for(lambda: not os.path.exists(f"/proc/{before['worker']}"), "the worker to end")
    after = httpx.get(server.url).json()
    assert after["worker"] != before["worker"]
    assert after["folder"]
    assert Path(f"/proc/{after['helper']}/stat").read_text().split()[2] != "Z"


def test_an_exit_function_that_raises_is_told_and_keeps_no_other_from_running(roost_server: StartServer) -> None:
    app = """
import atexit
from roost import App
app = App(__file__)
atexit.register(note, "first")

@atexit.register
def fail(): raise LookupError("too late")

@app.get("/")
def index(): return "ok"
"""
    server = roost_server(configuration(), files={"ending.py": NOTES + app})
    assert server.stop() == 0
    assert notes(server.directory) == ["first"]
    assert "LookupError: too late" in server.everything()


def test_a_worker_that_never_served_has_its_shutdown_handlers_called(roost_server: StartServer) -> None:
    app = """
import time
from roost import App
app = App(__file__)

@app.startup_handler
def start():
    if os.path.exists(os.path.join(FOLDER, "second")):
        # Of the two workers one fails, once the other has started.
        try:
            os.mkdir(os.path.join(FOLDER, "taken"))
        except FileExistsError:
            while not os.path.exists(os.path.join(FOLDER, "fail")):
                time.sleep(0.001)  # until the master knows of the other
            raise LookupError("no place for two")
        note("started")

@app.shutdown_handler
def stop(): note("stopped")

@app.get("/")
def index(): return "ok"
"""
    server = roost_server(configuration(processes=2), files={"ending.py": NOTES + app})
    (server.directory / "second").touch()
    server.signal(signal.SIGHUP)
    server.wait_for(lambda: re.search(r" prepared ", status(server)), "the one that has started")
    (server.directory / "fail").touch()
    server.wait_log("reload failed, generation 1 goes on")
    server.wait_for(lambda: notes(server.directory) == ["started", "stopped"])
    assert httpx.get(server.url).text == "ok"


def test_a_startup_handler_must_not_close_the_event_loop(roost_server: StartServer) -> None:
    app = """
import asyncio
from roost import App
app = App(__file__)

@app.startup_handler
def start(): asyncio.get_event_loop().close()

@app.get("/")
async def index(): return "ok"
"""
    server = roost_server(configuration(), files={"ending.py": app}, wait_ready=False)
    assert server.wait() == 1
    assert "a startup handler closed the event loop, which is the server's" in server.everything()
