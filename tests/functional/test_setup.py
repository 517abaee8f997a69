"""The harness itself: the binary that the tests drive is there, and starts, serves and stops."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from server_process import BINARY, RoostServer

SMALLEST = """
server: { listen: 127.0.0.1:0, processes: 1, access_log: { format: none } }
routes:
  - { path: /robots.txt, respond: { status: 200, body: "User-agent: *" } }
"""


def test_binary_prints_its_version() -> None:
    done = subprocess.run([str(BINARY), "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip(), "the version is printed on standard output"


def test_server_serves_and_stops_with_status_0(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(SMALLEST)
    answer = httpx.get(f"{server.url}/robots.txt")
    assert (answer.status_code, answer.text) == (200, "User-agent: *")
    assert server.stop() == 0


def test_no_process_is_left_when_the_server_has_stopped(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(SMALLEST)
    children = server.descendants()
    assert children, "the master forks a prototype and workers"
    server.stop()
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []


def test_raw_connection_reads_pipelined_responses(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(SMALLEST)
    request = b"GET /robots.txt HTTP/1.1\r\nHost: a\r\n\r\n"
    with server.connect() as connection:
        connection.send(request * 2)
        assert [connection.read_response().body for _ in range(2)] == [b"User-agent: *"] * 2


ROOT = Path(__file__).resolve().parents[2]


def test_build_needs_nothing_of_the_tests_until_they_are_installed(tmp_path: Path) -> None:
    """A machine that has the packages of tools/packages.txt alone: `tools/run` is the first command of a newcomer."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "dpkg-query").write_text("#!/bin/sh\nexit 1\n")
    (programs / "cmake").write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >>{tmp_path}/arguments\n')
    (programs / "ninja").write_text("#!/bin/sh\n")
    for program in programs.iterdir():
        program.chmod(0o755)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "setup.sh").write_bytes((ROOT / "tools" / "setup.sh").read_bytes())
    subprocess.run(
        ["bash", "-c", f"source {tmp_path}/tools/setup.sh; build_release"],
        env={**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"},
        check=True,
    )
    arguments = [line for line in (tmp_path / "arguments").read_text().splitlines() if line.startswith("-D")]
    done = subprocess.run(
        [
            "cmake",
            "-G",
            "Ninja",
            "-S",
            ROOT,
            "-B",
            tmp_path / "build",
            "-DCMAKE_DISABLE_FIND_PACKAGE_Catch2=ON",
            *arguments,
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("tool", ["run", "test", "check", "format", "fuzz", "bench/run", "bench/faults", "bench/json"])
def test_tool_tells_what_it_does_and_does_nothing(tmp_path: Path, tool: str) -> None:
    """Run where only `dirname` and `sed` can be found, so that a step which starts all the same fails."""
    for program in ("dirname", "sed"):
        (tmp_path / program).symlink_to(str(shutil.which(program)))
    done = subprocess.run(
        ["/bin/bash", ROOT / "tools" / tool, "--help"],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"tools/{tool}")
