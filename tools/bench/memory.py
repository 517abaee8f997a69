"""Memory of this server: a Python worker, an idle connection; and how soon a worker that died is replaced."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from process_tree import free_port, leaves, memory, running
from servers import APPS, ROOT, roost, roost_yaml

IDLE = 10_000


# What a program does with the module by itself: it imports it, and runs a coroutine function of it in a loop.
_BARE = {
    "roost_sync_app": "import roost_sync_app",
    "roost_app": "import asyncio, roost_app, uvloop; asyncio.set_event_loop_policy(uvloop.EventLoopPolicy());"
    " asyncio.run(roost_app.asynchronous(None))",
}


def _start_bare_python(module: str) -> subprocess.Popen[bytes]:
    """python3 that has used the same module, and waits."""
    code = f"import sys; sys.path.insert(0, sys.argv[1]); {_BARE[module]}; print('ready', flush=True); input()"
    process = subprocess.Popen(
        [str(ROOT / ".venv" / "bin" / "python"), "-c", code, str(APPS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout
    assert process.stdout.readline().strip() == b"ready"
    return process


def _idle_bytes(pid: int, port: int) -> float:
    """Private memory that each of 10,000 idle keep-alive connections adds to the worker."""
    request = b"GET /json HTTP/1.1\r\nHost: bench\r\n\r\n"
    connections = []
    # Warm: what is allocated once, at the first requests, is no connection's.
    for _ in range(100):
        connections.append(_open(port, request))
    before = memory(pid, "Private_Dirty")
    for _ in range(IDLE):
        connections.append(_open(port, request))
    added = memory(pid, "Private_Dirty") - before
    for connection in connections:
        connection.close()
    return added / IDLE


def _open(port: int, request: bytes) -> socket.socket:
    # Source addresses of 127.0.0.0/8 are as good as any, and never run out of ports.
    connection = socket.create_connection(("127.0.0.1", port), 5)
    connection.sendall(request)
    assert connection.recv(4096).startswith(b"HTTP/1.1 200")
    return connection


def _replacement_ms(root: int, port: int) -> float:
    """Milliseconds from killing the only worker to the first answer of its replacement."""
    found: list[int] = []
    while len(found) != 1:
        found = _workers(root)
    (worker,) = found
    start = time.perf_counter()
    os.kill(worker, signal.SIGKILL)
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 5) as connection:
                connection.sendall(b"GET /sync HTTP/1.1\r\nHost: bench\r\n\r\n")
                if connection.recv(4096).startswith(b"HTTP/1.1 200"):
                    return (time.perf_counter() - start) * 1e3
        except OSError:
            continue


def _workers(root: int) -> list[int]:
    """The leaves of the tree that serve: those with an event loop."""
    found = []
    for pid in leaves(root):
        with contextlib.suppress(FileNotFoundError):  # descriptors come and go, and so do processes
            links = [os.readlink(f"/proc/{pid}/fd/{fd}") for fd in os.listdir(f"/proc/{pid}/fd")]
            if any("eventpoll" in link for link in links):
                found.append(pid)
    return found


@contextlib.contextmanager
def _serving(module: str) -> Iterator[tuple[int, int]]:
    """This server with one worker that mounts the module: its process id and its port."""
    with tempfile.TemporaryDirectory(prefix="roost-bench-") as name:
        folder, port = Path(name), free_port()
        (folder / "static").mkdir()
        server = roost(files=lambda port, folder: roost_yaml(port, folder, app=module))
        for file, text in server.files(port, folder).items():
            (folder / file).write_text(text)
        command, env = server.command(port, folder), server.environment(port, folder)
        with running(command, env, folder, port, "/sync", None) as pid:
            yield pid, port


def report() -> str:
    """The figures as a Markdown table."""
    lines = ["| what | measured | aim |", "|---|--:|--:|"]
    for module, kind in (("roost_sync_app", "plain functions"), ("roost_app", "async functions too")):
        with _serving(module) as (pid, port):
            bare = _start_bare_python(module)
            (worker,) = _workers(pid)
            worker_pss, bare_pss = memory(worker, "Pss"), memory(bare.pid, "Pss")
            bare.communicate(b"\n")
            lines += [
                f"| worker with {kind}, PSS | {worker_pss / 2**20:.1f} MiB | |",
                f"| bare python3 that used the same module, PSS | {bare_pss / 2**20:.1f} MiB | |",
                f"| ratio | {worker_pss / bare_pss:.2f} | at most 1.30 |",
            ]
            if module == "roost_app":
                idle = _idle_bytes(worker, port)
                replaced = statistics.median(_replacement_ms(pid, port) for _ in range(5))
                lines += [
                    f"| idle keep-alive connection, of {IDLE} | {idle:.0f} B | at most 1024 B |",
                    f"| replacement serves after a kill (median of 5) | {replaced:.0f} ms | at most 50 ms |",
                ]
    return "\n".join(lines)
