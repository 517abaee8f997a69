"""Development for people: tracebacks in the browser, the debugger in the terminal, reloads that say why they fail."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from server_process import BINARY, VENV, RoostServer, environment

PYTHON = VENV / "bin" / "python"
APP = """
from roost import App

app = App(__file__)

@app.get("/plain")
def plain():
    secret = "found"
    breakpoint()
    return secret

@app.get("/async")
async def asynchronous():
    secret = "found"
    breakpoint()
    return secret

@app.get("/raise")
def failing():
    try:
        return {}["<script>alert(1)</script>"]
    except KeyError as error:
        raise ValueError("two\\nlines & more") from error

@app.get("/version")
def version():
    return "one"

if __name__ == "__main__":
    app.start(port=0)
"""
YAML = """
server: { listen: 127.0.0.1:0 }
python: { venv: "${ROOST_VENV}", path: [.] }
routes: [{ path: /, python: "app:app" }]
"""
COMMANDS = {
    "program": [str(PYTHON), "app.py", "--dev"],
    "serve": [str(BINARY), "serve", "roost.yaml", "--dev"],
}
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}

StartDev = Callable[[], RoostServer]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "roost.yaml").write_text(YAML)
    return tmp_path


@pytest.fixture(params=COMMANDS)
def start_dev(request: pytest.FixtureRequest, folder: Path) -> Iterator[StartDev]:
    """A development server, by each of the two commands."""
    servers: list[RoostServer] = []

    def start() -> RoostServer:
        servers.append(RoostServer(folder / "roost.yaml", command=COMMANDS[request.param]))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def test_browser_is_shown_the_traceback_escaped(start_dev: StartDev) -> None:
    server = start_dev()
    answer = httpx.get(server.url + "/raise", headers=HTML)
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    page = answer.text
    assert page.startswith("<!doctype html>")
    assert "<title>ValueError: two</title>" in page
    assert "<h1>ValueError: two\nlines &amp; more</h1>" in page
    assert "called for GET /raise" in page
    assert "KeyError: &#39;&lt;script&gt;alert(1)&lt;/script&gt;&#39;" in page
    assert "line 23, in failing" in page
    assert "raise ValueError(&quot;two\\nlines &amp; more&quot;) from error" in page
    assert "<script" not in page
    server.wait_log("ValueError: two")
    quoted = httpx.get(server.url + "/raise?<b>'\"&", headers=HTML).text
    assert "<b>" not in quoted
    assert "GET /raise?" in quoted


@pytest.mark.parametrize("accept", [None, "*/*", "application/json"])
def test_others_are_sent_the_traceback_as_text(start_dev: StartDev, accept: str | None) -> None:
    answer = httpx.get(start_dev().url + "/raise", headers={"Accept": accept} if accept else None)
    assert (answer.status_code, answer.headers["content-type"]) == (500, "text/plain; charset=utf-8")
    assert "<script>alert(1)</script>" in answer.text
    assert answer.text.endswith("ValueError: two\nlines & more")


def test_production_tells_nothing(folder: Path) -> None:
    server = RoostServer(folder / "roost.yaml")
    try:
        answer = httpx.get(server.url + "/raise", headers=HTML)
        assert answer.status_code == 500
        assert "ValueError" not in answer.text
    finally:
        server.stop()


def test_what_is_saved_is_served(start_dev: StartDev) -> None:
    server = start_dev()
    assert httpx.get(server.url + "/version").text == "one"
    (server.directory / "app.py").write_text(APP.replace('return "one"', 'return "two"'))
    server.wait_ready(2)
    assert httpx.get(server.url + "/version").text == "two"


def test_development_has_one_process(roost_server: Callable[..., RoostServer]) -> None:
    yaml = YAML.replace("127.0.0.1:0 }", "127.0.0.1:0, processes: 3, threads: 2 }")
    assert len(roost_server(yaml, {"app.py": APP}).leaves()) == 3
    server = roost_server(yaml, {"app.py": APP}, args=["--dev"])
    assert len(server.leaves()) == 1
    threads = Path(f"/proc/{server.leaves()[0]}/task").glob("*/comm")
    assert sum(thread.read_text().startswith("roost-io") for thread in threads) == 1


def test_failed_reload_says_why_until_the_next_change(start_dev: StartDev) -> None:
    server = start_dev()
    (server.directory / "app.py").write_text("raise LookupError('half written')\n" + APP)
    server.wait_log("reload failed")
    server.wait_log("LookupError: half written")
    server.wait_for(lambda: httpx.get(server.url + "/version").status_code == 500, "the worker to hear of it")
    said = httpx.get(server.url + "/version").text
    assert "LookupError: half written" in said
    (server.directory / "app.py").write_text(APP.replace('return "one"', 'return "two"'))
    server.wait_ready(2)
    assert httpx.get(server.url + "/version").text == "two"


def test_syntax_error_is_shown_with_its_place(start_dev: StartDev) -> None:
    server = start_dev()
    (server.directory / "app.py").write_text(APP + "def broken(:\n")
    server.wait_for(lambda: "SyntaxError" in httpx.get(server.url + "/version").text, "the mistake to be shown")
    said = httpx.get(server.url + "/version").text
    assert f"line {len(APP.splitlines()) + 1}" in said
    assert "def broken(:" in said


def test_what_a_reloaded_program_writes_to_standard_error_is_seen(start_dev: StartDev) -> None:
    server = start_dev()
    loud = APP.replace('return "one"', 'print("called", file=sys.stderr, flush=True); return "two"')
    (server.directory / "app.py").write_text('import sys\nprint("imported", file=sys.stderr, flush=True)\n' + loud)
    server.wait_log("^imported$")
    server.wait_ready(2)
    assert httpx.get(server.url + "/version").text == "two"
    server.wait_log("^called$")


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, command: list[str], folder: Path) -> None:
        self.said = b""
        self._at = 0
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execve(command[0], command, environment())

    def wait_for(self, pattern: bytes) -> re.Match[bytes]:
        while not (found := re.compile(pattern).search(self.said, self._at)):
            self.said += os.read(self._fd, 4096)
        self._at = found.end()
        return found

    def type(self, line: bytes) -> None:
        os.write(self._fd, line + b"\n")

    def stop(self) -> int:
        os.kill(self.pid, signal.SIGTERM)
        with contextlib.suppress(OSError):
            while os.read(self._fd, 4096):
                pass
        os.close(self._fd)
        return os.waitpid(self.pid, 0)[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_debugger_has_the_terminal(folder: Path, command: str) -> None:
    terminal = Terminal(COMMANDS[command], folder)
    try:
        url = terminal.wait_for(rb"listening (\S+)")[1].decode()
        terminal.wait_for(rb"\bready\b")
        for path in ("/plain", "/async"):
            answers: list[str] = []

            def ask(path: str = path, answers: list[str] = answers) -> None:
                answers.append(httpx.get(url + path, timeout=None).text)

            asking = threading.Thread(target=ask)
            asking.start()
            terminal.wait_for(rb"\(Pdb\) ")
            terminal.type(b"print(secret * 2)")
            terminal.wait_for(rb"foundfound")
            terminal.wait_for(rb"\(Pdb\) ")
            terminal.type(b"secret = 'changed'")
            terminal.wait_for(rb"\(Pdb\) ")
            terminal.type(b"c")
            asking.join()
            assert answers == ["changed"]
    finally:
        assert terminal.stop() == 0
