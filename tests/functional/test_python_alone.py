"""Programs that run threads of their own: `app.start()` serves in their process, which handlers share with them."""

from __future__ import annotations

import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from server_process import VENV, RoostServer

PYTHON = VENV / "bin" / "python"
StartProgram = Callable[..., RoostServer]

THREAD = """
import atexit, os, queue, sys, threading
from roost import App, Request, WebSocketAdapter

app = App(__file__)
asked, answers = queue.Queue(), queue.Queue()
diary = open("diary", "a", buffering=1)

def double():
    while True:
        answers.put(2 * asked.get())

@app.startup_handler
async def begin():
    diary.write("startup\\n")

@app.shutdown_handler
def end():
    diary.write("shutdown\\n")

@app.get("/double/:number")
def doubled(number: int):
    asked.put(number)
    return answers.get()

@app.get("/pid")
async def pid():
    return os.getpid()

@app.get("/hold")
def hold():
    diary.write("held\\n")
    open("let-go").read()
    return "held"

@app.websocket("/echo")
async def echo(socket: WebSocketAdapter):
    async for message in socket:
        await socket.send_text(message)
"""

MAIN = """
atexit.register(diary.write, "exit\\n")
threading.Thread(target=double, daemon=True, name="doubling").start()
if __name__ == "__main__":
    app.start(port=0, OPTIONS)
    diary.write(f"returned, {threading.current_thread().name}\\n")
"""

BESIDE = """
server = threading.Thread(target=app.start, kwargs={"port": 0}, daemon=DAEMON, name="serving")
server.start()
double()
"""


@pytest.fixture
def start_program(tmp_path: Path) -> Iterator[StartProgram]:
    servers: list[RoostServer] = []

    def start(code: str, *args: str, **more: object) -> RoostServer:
        (tmp_path / "app.py").write_text(THREAD + code)
        servers.append(RoostServer(tmp_path / "app.py", command=[str(PYTHON), "app.py", *args], **more))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def diary(server: RoostServer) -> list[str]:
    return (server.directory / "diary").read_text().splitlines()


def test_handlers_share_the_memory_of_threads_that_ran_before(start_program: StartProgram) -> None:
    server = start_program(MAIN.replace("OPTIONS", ""))
    with server.client() as client:
        assert [client.get(f"/double/{number}").text for number in (1, 21)] == ["2", "42"]
        assert client.get("/pid").json() == server.pid
        assert client.get("/openapi.json").status_code == 200
    with connect(f"{server.ws_url}/echo") as socket:
        socket.send("here")
        assert socket.recv() == "here"
    assert "(doubling): this process serves alone" in server.log()
    assert server.stop() == 0
    assert diary(server) == ["startup", "shutdown", "returned, MainThread", "exit"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_running_request_is_answered_before_the_end(start_program: StartProgram, number: signal.Signals) -> None:
    import os

    server = start_program(MAIN.replace("OPTIONS", ""))
    os.mkfifo(server.directory / "let-go")
    with server.connect() as connection:
        connection.send(b"GET /hold HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_for(lambda: "held" in diary(server), "the request to be there")
        server.signal(number)
        server.wait_log("stopping")
        (server.directory / "let-go").write_text("now")
        assert connection.read_response().body == b"held"
    assert server.wait() == 0
    assert diary(server)[-3:] == ["shutdown", "returned, MainThread", "exit"]


def test_a_second_signal_cuts(start_program: StartProgram) -> None:
    import os

    server = start_program(MAIN.replace("OPTIONS", ""))
    os.mkfifo(server.directory / "let-go")
    with server.connect() as connection, server.connect() as stuck:
        connection.send(b"GET /pid HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.read_response().status == 200
        stuck.send(b"GET /double/1 HTTP/1.1\r\nHost: a\r\n")
        server.signal(signal.SIGTERM)
        assert connection.read_all() == b""  # idle: closed, the drain has begun
        server.signal(signal.SIGTERM)
        assert stuck.read_all() == b""
    assert server.wait() == 0


@pytest.mark.parametrize("daemon", [True, False])
def test_server_beside_the_main_thread(start_program: StartProgram, daemon: bool) -> None:
    server = start_program(BESIDE.replace("DAEMON", str(daemon)))
    assert httpx.get(f"{server.url}/double/4").text == "8"
    assert "(MainThread): this process serves alone" in server.log()
    server.process.terminate()
    # The server is stopped in order, then the program does what it does without one.
    assert server.wait() == -signal.SIGTERM
    assert diary(server) == ["startup", "shutdown"]


def test_server_beside_the_main_thread_ends_in_order_with_it(start_program: StartProgram) -> None:
    code = BESIDE.replace("DAEMON", "True").replace("double()", "answers.put(2 * asked.get())\nanswers.put(None)")
    server = start_program(code)
    assert httpx.get(f"{server.url}/double/4").text == "8"
    assert server.wait() == 0
    assert diary(server) == ["startup", "shutdown"]
    assert re.search("stopping.*stopped", server.log(), re.DOTALL)


def test_several_processes_do_without_the_threads_and_say_so(start_program: StartProgram) -> None:
    server = start_program(MAIN.replace("OPTIONS", "processes=2"))
    assert httpx.get(f"{server.url}/pid").json() != server.pid
    assert "(doubling): they stay in this process" in server.log()


def test_a_program_may_serve_again(start_program: StartProgram) -> None:
    server = start_program(MAIN.replace("OPTIONS", "") + "    app.start(port=0)\n")
    for times in (1, 2):
        server.wait_ready(times)
        with httpx.Client(base_url=server.urls[-1]) as client:
            assert [client.get(f"/double/{number}").text for number in (1, 2)] == ["2", "4"]
            assert client.get("/pid").json() == server.pid
        server.signal(signal.SIGTERM)
    assert server.wait() == 0
    assert diary(server) == ["startup", "shutdown", "returned, MainThread", "startup", "shutdown", "exit"]


def test_a_second_server_beside_the_first_is_refused(start_program: StartProgram) -> None:
    code = BESIDE.replace("DAEMON", "True").replace("double()", "asked.get()\napp.start(port=0)")
    server = start_program(code)
    with server.connect() as connection:
        connection.send(b"GET /double/1 HTTP/1.1\r\nHost: a\r\n\r\n")
        server.wait_log("a server runs in this process already")
    assert server.wait() == 1


def test_logs_are_reopened(start_program: StartProgram) -> None:
    server = start_program(MAIN.replace("OPTIONS", "server={'access_log': {'path': 'access.log'}}"))
    log = server.directory / "access.log"
    httpx.get(f"{server.url}/pid")
    server.wait_for(lambda: "/pid" in log.read_text(), "the first line")
    log.rename(server.directory / "old.log")
    server.signal(signal.SIGUSR1)
    server.wait_log("logs are reopened")
    httpx.get(f"{server.url}/pid")
    server.wait_for(lambda: log.exists() and "/pid" in log.read_text(), "a line in the new file")
