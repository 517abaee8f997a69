"""`python app.py`: an application that serves itself, with the same master and workers as `roost serve`."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import signal
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import httpx
import pytest
import websockets

from server_process import REPOSITORY, VENV, RoostServer, environment

PYTHON = VENV / "bin" / "python"

APP = """
import asyncio, os, threading
from roost import App, Request, Response, WebSocket

app = App(__file__)
chat = WebSocket(app, "/chat")
release = threading.Event()

@app.startup_handler
async def start():
    app.state.loop = asyncio.get_running_loop()
    os.write(1, b"started in %d\\n" % os.getpid())

@app.shutdown_handler
async def stop():
    await asyncio.sleep(0)
    assert asyncio.get_running_loop() is app.state.loop
    os.write(1, b"stopped in %d\\n" % os.getpid())

@app.before_request("/api/*")
def authenticate(request):
    if request.headers.get("authorization") is None:
        return Response(401, {"X-Ended": "yes"}, "who?")

@app.after_request()
def mark(request, response):
    response.headers["X-Pid"] = str(os.getpid())

@app.get("/text")
def text():
    return "VERSION"

@app.get("/api/users/:id")
async def user(request: Request):
    return {"id": int(request.path_params["id"]), "loop": asyncio.get_running_loop() is app.state.loop}

@app.get("/config")
def config():
    return [app.config.processes, app.config.workers, app.config.log_level]

@app.get("/raise")
def failing():
    raise LookupError("as it should be")

@chat.on("connect")
def joined(ws):
    return f"{os.getpid()} {ws.id}"

@chat.on("message")
async def heard(ws, message):
    word, _, rest = message.partition(" ")
    if word == "all":
        chat.broadcast(rest)
    elif word == "to":
        connection, _, told = rest.partition(" ")
        chat.send_to(connection, told)
    elif word == "who":
        return " ".join(sorted(chat.active_connections))
    elif word == "nothing":
        return ""

app.serve_directory("/files", "files", "index.html")

if __name__ == "__main__":
    app.start(host="127.0.0.1", port=0)
    print("after the server", flush=True)
"""

StartApp = Callable[..., RoostServer]


@pytest.fixture
def start_app(tmp_path: Path) -> Iterator[StartApp]:
    servers: list[RoostServer] = []

    def start(*args: str, source: str = APP, python: Path = PYTHON, **more: object) -> RoostServer:
        folder = tmp_path / f"app{len(servers)}"
        (folder / "files").mkdir(parents=True)
        (folder / "files" / "index.html").write_text("<p>file")
        (folder / "app.py").write_text(source)
        command = [str(python), "app.py", *args]
        server = RoostServer(folder / "app.py", command=command, **more)  # type: ignore[arg-type]
        servers.append(server)
        return server

    yield start
    errors = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as error:
            errors.append(error)
    assert not errors, errors[0]


def pids(server: RoostServer) -> set[str]:
    """The workers, of which there are two. Connections stay open meanwhile, as an idle worker would take them all."""
    found: set[str] = set()
    with contextlib.ExitStack() as connections:

        def both() -> bool:
            connection = connections.enter_context(server.connect())
            connection.send(b"GET /text HTTP/1.1\r\nHost: a\r\n\r\n")
            found.add(connection.read_response().headers["x-pid"])
            return len(found) == 2

        server.wait_for(both, "answers of two workers")
    return found


def test_application_serves_itself(start_app: StartApp) -> None:
    server = start_app("--processes", "2", "--workers", "2", "--log-level", "WARNING")
    with httpx.Client(base_url=server.url) as client:
        assert client.get("/text").text == "VERSION"
        assert client.get("/config").json() == [2, 2, "WARNING"]
        ended = client.get("/api/users/7")
        assert (ended.status_code, ended.text, ended.headers["x-ended"]) == (401, "who?", "yes")
        assert client.get("/api/users/7", headers={"Authorization": "me"}).json() == {"id": 7, "loop": True}
        assert client.get("/files/").text == "<p>file"
        assert client.get("/missing").status_code == 404
        refused = client.post("/text")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        assert client.get("/raise").status_code == 500
    server.wait_log(r"Traceback(.*\n)+LookupError: as it should be")
    assert len(server.leaves()) >= 2


def test_hooks_run_in_each_worker(start_app: StartApp) -> None:
    server = start_app("--processes", "2")
    workers = pids(server)
    assert server.stop() == 0
    output = server.output()
    for word in ("started", "stopped"):
        assert set(re.findall(rf"{word} in (\d+)", output)) == workers, output


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_drains_and_lets_the_program_go_on(start_app: StartApp, number: signal.Signals) -> None:
    server = start_app("--processes", "2")
    children = server.descendants()
    server.signal(number)
    assert server.wait() == 0
    assert server.output().splitlines()[-1] == "after the server"
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_killed_worker_is_replaced(start_app: StartApp) -> None:
    server = start_app("--processes", "2")
    workers = pids(server)
    victim = workers.pop()
    os.kill(int(victim), signal.SIGKILL)
    server.wait_output(rf"started in (?!{victim}\b|{workers.pop()}\b)\d+")
    assert victim not in pids(server)


def test_hangup_reloads_the_code(start_app: StartApp) -> None:
    server = start_app("--processes", "2")
    app = server.directory / "app.py"
    app.write_text(APP.replace("VERSION", "second"))
    server.signal(signal.SIGHUP)
    server.wait_ready(2)
    assert httpx.get(f"{server.url}/text").text == "second"


def test_reload_of_broken_code_keeps_what_serves(start_app: StartApp) -> None:
    server = start_app("--processes", "2")
    app = server.directory / "app.py"
    app.write_text(APP + "\nthis is no Python\n")
    server.signal(signal.SIGHUP)
    server.wait_log("SyntaxError")
    assert httpx.get(f"{server.url}/text").text == "VERSION"
    app.write_text(APP.replace("VERSION", "mended"))
    server.signal(signal.SIGHUP)
    server.wait_ready(2)
    assert httpx.get(f"{server.url}/text").text == "mended"


def test_development_mode_reloads_when_a_file_changes(start_app: StartApp) -> None:
    server = start_app("--dev")
    (server.directory / "app.py").write_text(APP.replace("VERSION", "saved"))
    server.wait_ready(2)
    assert httpx.get(f"{server.url}/text").text == "saved"


def test_startup_handler_that_raises_ends_the_program(start_app: StartApp) -> None:
    broken = APP.replace("async def start():", "async def start():\n    raise LookupError('no database')")
    server = start_app(source=broken, wait_ready=False)
    assert server.wait() == 1
    assert "LookupError: no database" in server.log()
    assert "after the server" not in server.output()


def test_websockets_of_all_workers_are_one_group(start_app: StartApp) -> None:
    server = start_app("--processes", "2")

    async def talk() -> None:
        sockets, workers, ids = [], set(), []
        while len(workers) < 2 or len(sockets) < 4:
            socket = await websockets.connect(f"{server.ws_url}/chat")
            worker, connection = str(await socket.recv()).split()
            sockets.append(socket)
            workers.add(worker)
            ids.append(connection)
        await sockets[0].send("who")
        assert str(await sockets[0].recv()).split() == sorted(ids)
        await sockets[0].send("nothing")
        await sockets[0].send("all hello")
        assert [await socket.recv() for socket in sockets] == ["hello"] * len(sockets)
        for connection in ids:
            await sockets[0].send(f"to {connection} {connection}")
        assert [await socket.recv() for socket in sockets] == ids
        for socket in sockets:
            await socket.close()

    asyncio.run(talk())


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["--help"], 0, "--processes"),
        (["--processes", "none"], 2, "--processes"),
        (["--port", "70000"], 2, "--port"),
        (["--log-level", "loud"], 2, "--log-level"),
        (["--host", "256.1.1.1"], 1, "256.1.1.1"),
    ],
)
def test_command_line(tmp_path: Path, args: Sequence[str], status: int, said: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    done = run([str(PYTHON), "app.py", *args], tmp_path)
    assert (done.returncode, said in done.stdout + done.stderr) == (status, True), done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def run(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=folder, env=environment(env), capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )


def pip(*args: str, folder: Path, python: Path = PYTHON) -> None:
    """Runs pip on the package; one at a time, as all builds for one Python share a folder."""
    with (REPOSITORY / "python-bridge" / "pyproject.toml").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = run([str(python), "-m", "pip", *args, str(REPOSITORY / "python-bridge")], folder)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.unsanitized
def test_package_installs_into_a_fresh_venv(start_app: StartApp, tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    assert run([str(PYTHON), "-m", "venv", str(venv)], tmp_path).returncode == 0
    python = venv / "bin" / "python"
    pip("install", "-q", folder=tmp_path, python=python)
    server = start_app("--processes", "2", python=python)
    assert httpx.get(f"{server.url}/text").text == "VERSION"
    assert server.stop() == 0


@pytest.mark.long
@pytest.mark.unsanitized
def test_wheel_carries_the_core_library_and_links_no_python(tmp_path: Path) -> None:
    pip("wheel", "-q", "--no-deps", "-w", str(tmp_path), folder=tmp_path)
    (wheel,) = tmp_path.glob("roost-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
        (native,) = [name for name in names if name.startswith("roost/_native.") and name.endswith(".so")]
        assert [name for name in names if name.startswith("roost/lib/libroost_core.so.")]
        assert {"roost/swagger-ui/swagger-ui-bundle.js", "roost/swagger-ui/swagger-ui.css"} <= set(names)
        archive.extract(native, tmp_path)
    needed = run(["readelf", "-d", str(tmp_path / native)], tmp_path).stdout
    assert "libpython" not in needed
