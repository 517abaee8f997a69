"""How `python app.py` is told what to do: arguments over environment over `.env` over code."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest

from server_process import VENV, RoostServer, environment

PYTHON = VENV / "bin" / "python"
APP = """
import os
from roost import App

app = App(__file__)
SEEN = os.environ.get("SHOP_NAME", "nothing")

@app.get("/")
def config():
    c = app.config
    return [c.processes, c.workers, c.log_level, c.dev, SEEN]

if __name__ == "__main__":
    app.start(CODE)
"""

StartApp = Callable[..., RoostServer]


@pytest.fixture
def start_app(tmp_path: Path) -> Iterator[StartApp]:
    servers: list[RoostServer] = []

    def start(*args: str, code: str = "port=0", dotenv: str = "", **more: object) -> RoostServer:
        (tmp_path / "app.py").write_text(APP.replace("CODE", code))
        (tmp_path / ".env").write_text(dotenv)
        servers.append(RoostServer(tmp_path / "app.py", command=[str(PYTHON), "app.py", *args], **more))  # type: ignore[arg-type]
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


def run(
    folder: Path, *args: str, env: Mapping[str, str] | None = None, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """How `python ARGS...` ended in `folder`."""
    return subprocess.run(
        [str(PYTHON), *args],
        cwd=folder,
        env=environment(env),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def asked(server: RoostServer) -> list[object]:
    return httpx.get(server.url).json()


def test_code_alone(start_app: StartApp) -> None:
    server = start_app(code="port=0, processes=2, workers=3, log_level='warning'")
    assert asked(server) == [2, 3, "WARNING", False, "nothing"]
    assert len(server.leaves()) >= 2


def test_argument_beats_environment_beats_dotenv_beats_code(start_app: StartApp) -> None:
    server = start_app(
        "--processes",
        "4",
        code="port=1, processes=1, workers=1, log_level='ERROR'",
        dotenv="ROOST_PROCESSES=2\nROOST_WORKERS=2\nROOST_LOG_LEVEL=warning\nROOST_PORT=2\nSHOP_NAME='of a file'\n",
        env={"ROOST_PROCESSES": "3", "ROOST_WORKERS": "3", "ROOST_PORT": "0"},
    )
    assert asked(server) == [4, 3, "WARNING", False, "of a file"]


def test_environment_is_not_overridden_by_dotenv(start_app: StartApp) -> None:
    server = start_app(dotenv="SHOP_NAME=file\n", env={"SHOP_NAME": "real"})
    assert asked(server)[4] == "real"


def test_reload_reads_dotenv_anew(start_app: StartApp) -> None:
    server = start_app(dotenv="SHOP_NAME=one\n")
    assert asked(server)[4] == "one"
    (server.directory / ".env").write_text("SHOP_NAME=two\n")
    server.process.send_signal(1)
    server.wait_ready(2)
    assert asked(server)[4] == "two"


def test_fast_changes_what_nobody_said(start_app: StartApp) -> None:
    server = start_app("--fast", "--workers", "2")
    assert asked(server) == [len(os.sched_getaffinity(0)), 2, "WARNING", False, "nothing"]


def test_development_is_one_process_unless_asked_for(start_app: StartApp) -> None:
    assert asked(start_app("--dev", code="port=0, processes=4")) == [1, 1, "DEBUG", True, "nothing"]
    assert asked(start_app("--dev", "--processes", "2"))[0] == 2


def test_browser_is_opened_once_the_site_is_served(start_app: StartApp, tmp_path: Path) -> None:
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {tmp_path}/shown\n')
    browser.chmod(browser.stat().st_mode | stat.S_IXUSR)
    probe = start_app()
    port = probe.port
    probe.stop()
    server = start_app("--open-browser", "--port", str(port), env={"BROWSER": str(browser)})
    server.wait_for(lambda: (tmp_path / "shown").exists() and (tmp_path / "shown").read_text(), "the browser")
    assert (tmp_path / "shown").read_text() == f"http://127.0.0.1:{port}/\n"


WRONG = [
    (["app.py", "--port", "http"], {}, "", r"--port: 'http' is no port: a number from 0 to 65535"),
    (["app.py", "--processes", "0"], {}, "", r"'0' is no number of processes: a number from 1 to 256"),
    (["app.py"], {"ROOST_WORKERS": "many"}, "", r"environment: ROOST_WORKERS: 'many' is no number of workers"),
    (["app.py"], {"ROOST_DEV": "perhaps"}, "", r"environment: ROOST_DEV: 'perhaps' is neither true nor false"),
    (["app.py"], {}, "A=1\n\nROOST_PORT=x\n", r"/\.env:3: ROOST_PORT: 'x' is no port"),
    (
        ["app.py", "--host", "nowhere.invalid"],
        {},
        "",
        r"^app\.py: server\.listen: \"nowhere\.invalid:\d+\": Host not found",
    ),
    (["app.py"], {}, "A=1\nno variable\n", r"/\.env:2: 'no variable' is no variable: write NAME=value"),
    (["app.py", "--dev", "--fast"], {}, "", r"--fast and --dev exclude each other"),
    (["app.py", "--open-browser"], {}, "", r"--open-browser needs a port that is known before"),
    (["app.py", "--compile-rust-path", "."], {}, "", r"--compile-rust-path is Robyn's: .*C\+\+ plugin"),
    (["app.py", "--create-rust-file", "x"], {}, "", r"--create-rust-file is Robyn's"),
    (["-m", "roost"], {}, "", r"which program\?"),
    (["-m", "roost", "missing.py"], {}, "", r"there is no file missing\.py"),
]


@pytest.mark.parametrize("args,env,dotenv,message", WRONG)
def test_mistake_is_answered_with_where_and_what(
    tmp_path: Path, args: list[str], env: dict[str, str], dotenv: str, message: str
) -> None:
    (tmp_path / "app.py").write_text(APP.replace("CODE", "port=0"))
    (tmp_path / ".env").write_text(dotenv)
    ended = run(tmp_path, *args, env=env)
    assert ended.returncode in (1, 2), ended
    assert re.search(message, ended.stderr), ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("code,message", [("processes=0", r"start\(processes=0\)"), ("proces=2", r"no such option")])
def test_mistake_in_code_is_an_exception(tmp_path: Path, code: str, message: str) -> None:
    (tmp_path / "app.py").write_text(APP.replace("CODE", f"port=0, {code}"))
    ended = run(tmp_path, "app.py")
    assert ended.returncode == 1
    assert re.search(message, ended.stderr), ended.stderr


def test_option_of_the_application_is_left_to_it(start_app: StartApp) -> None:
    server = start_app("--proceses", "2", "--own", "value")
    assert asked(server)[0] == 1
    server.wait_log(r"--proceses is none of the server's options \(did you mean --processes\?\)")
    assert "--own" not in server.log()


def test_misspelt_variable_is_pointed_out(start_app: StartApp) -> None:
    server = start_app(env={"ROOST_PROCESES": "2", "ROOST_OWN": "value"}, dotenv="ROOST_WORKRES=2\n")
    server.wait_log(r"environment: ROOST_PROCESES is no option \(did you mean ROOST_PROCESSES\?\)")
    server.wait_log(r"\.env:1: ROOST_WORKRES is no option \(did you mean ROOST_WORKERS\?\)")
    assert "ROOST_OWN" not in server.log()


def test_created_project_passes_its_tests_and_serves(tmp_path: Path) -> None:
    made = run(tmp_path, "-m", "roost", "--create", "shop")
    assert made.returncode == 0, made.stderr
    shop = tmp_path / "shop"
    tested = run(shop, "-m", "pytest", "-q", "-p", "no:cacheprovider")
    assert tested.returncode == 0, tested.stdout + tested.stderr
    server = RoostServer(shop / "app.py", command=[str(PYTHON), "-m", "roost", "app.py", "--port", "0"])
    try:
        assert httpx.get(server.url).text == "Hello from .env!"
        assert httpx.post(server.url + "/echo", json=[1]).json() == {"received": [1]}
    finally:
        assert server.stop() == 0
    again = run(tmp_path, "-m", "roost", "--create", "shop")
    assert again.returncode == 1
    assert "has app.py" in again.stderr


def test_version_and_documentation_are_said(tmp_path: Path) -> None:
    assert re.fullmatch(r"roost \d+\.\d+\.\d+\n", run(tmp_path, "-m", "roost", "--version").stdout)
    assert "/docs" in run(tmp_path, "-m", "roost", "--docs").stdout
