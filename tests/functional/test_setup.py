"""The harness itself: the binary that the tests drive is there, and starts, serves and stops."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx

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
