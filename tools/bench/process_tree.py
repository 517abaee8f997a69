"""What a process and all its descendants cost: CPU time and memory, from /proc."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def tree(root: int) -> list[int]:
    """`root` and its living descendants, parents first."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = _stat(int(entry.name))
                if fields[0] != "Z":
                    children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def cpu_seconds(root: int) -> float:
    """CPU time, user and system, of the tree so far; of children that ended, what their parent was charged."""
    ticks = 0
    for pid in tree(root):
        with contextlib.suppress(OSError):
            ticks += sum(int(value) for value in _stat(pid)[11:15])
    return ticks / TICK


def memory(pid: int, key: str) -> int:
    """One line of /proc/PID/smaps_rollup, in bytes: `Pss`, `Private_Dirty`, `Anonymous`, ..."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def leaves(root: int) -> list[int]:
    """The processes of the tree that have no children: its workers."""
    everyone = tree(root)
    parents = set()
    for pid in everyone:
        with contextlib.suppress(OSError):
            parents.add(int(_stat(pid)[1]))
    return [pid for pid in everyone if pid not in parents]


def free_port() -> int:
    """A port that nothing listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextlib.contextmanager
def running(
    command: list[str], env: Mapping[str, str], folder: Path, port: int, path: str, core: int | None
) -> Iterator[int]:
    """The process id of a server that answers `path`, kept to one core; ended with all of its tree afterwards.

    Raises:
        RuntimeError: it ended, or did not answer 200 within 30 seconds; with the end of what it wrote.
    """
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command if core is None else ["taskset", "-c", str(core), *command],
            stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=folder, env=env, start_new_session=True,
        )  # fmt: skip
    try:
        deadline = time.monotonic() + 30
        while not answers(port, path):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{command[0]} does not answer:\n{log.read_text(errors='replace')[-3000:]}")
            time.sleep(0.05)
        yield process.pid
    finally:
        members = tree(process.pid)
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(3)
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()


def answers(port: int, path: str) -> bool:
    """Whether `path` (a POST of 1 KiB for /echo) answers with 200 now."""
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            body = b"x" * 1024 if path == "/echo" else b""
            method = "POST" if body else "GET"
            head = f"{method} {path} HTTP/1.1\r\nHost: bench\r\nContent-Length: {len(body)}\r\n\r\n"
            connection.sendall((head if body else head.replace("Content-Length: 0\r\n", "")).encode() + body)
            return b" 200 " in connection.recv(4096)[:16]
    except OSError:
        return False
