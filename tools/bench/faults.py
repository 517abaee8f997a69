"""Load and faults: what goes wrong on purpose, and what clients notice of it. Prints the table of the README.

Each scenario starts a server of its own with two workers, lasts `--seconds`, and returns what was measured; the
functional tests run the same scenarios in small and judge them (tests/functional/test_faults.py).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(ROOT / "tests" / "functional")]

from fault_load import raise_limit  # noqa: E402

from server_process import RoostServer  # noqa: E402

CONFIGURATION = """
server:
  listen: 127.0.0.1:0
  processes: 2
  access_log: ACCESS_LOG
  limits: { connections: CONNECTIONS, body_bytes: 1GiB, spill: 64KiB }
  timeouts: { header: HEADER, body: BODY, keep_alive: IDLE, write: WRITE }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /, respond: { body: ok } }
  - { path: /echo, methods: [POST], plugin: probe.echo }
  - { path: /big, plugin: probe.big }
"""
FAKETIME = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
Measured = dict[str, Any]


@contextmanager
def serving(env: dict[str, str] | None = None, **given: str) -> Iterator[RoostServer]:
    """A server with these settings, stopped at the end."""
    text = CONFIGURATION
    defaults = {"access_log": "{ format: none }", "connections": "10500"}
    for name in ("header", "body", "idle", "write"):
        defaults[name] = "1h"
    for name, value in (defaults | given).items():
        text = text.replace(name.upper(), value)
    with tempfile.TemporaryDirectory(prefix="roost-faults-") as folder:
        path = Path(folder) / "faults.yaml"
        path.write_text(text)
        server = RoostServer(path, env)
        try:
            yield server
        finally:
            server.stop()


class Clients:
    """A process of fault_load.py."""

    def __init__(self, *arguments: object) -> None:
        command = [sys.executable, str(Path(__file__).with_name("fault_load.py")), *map(str, arguments)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout
        self._output = self._process.stdout

    def wait_held(self) -> None:
        """Until all that it holds are connected."""
        assert self._output.readline() == "held\n"

    def result(self) -> Measured:
        """What it found, when it has ended."""
        found: Measured = json.loads(self._output.read().strip().splitlines()[-1])
        assert self._process.wait() == 0
        return found


def private_bytes(pid: int) -> int:
    """Anonymous memory of a process."""
    return int(re.findall(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[0]) * 1024


def every_second(clients: Clients, seconds: float, what: Callable[[], object]) -> Measured:
    """Does `what` each second, the first time after half of one, while the clients run; then their result."""
    begin = time.monotonic()
    for number in range(max(1, int(seconds))):
        time.sleep(max(0.0, begin + number + 0.5 - time.monotonic()))
        what()
    return clients.result()


# The scenarios ----------------------------------------------------------------------------------------------------


def idle(seconds: float, connections: int = 10_000) -> Measured:
    """Connections that were served once and say nothing more: their memory, and others' latency beside them."""
    with serving() as server:
        Clients("steady", server.port, 1, 200).result()  # what is allocated once is no connection's
        before = sum(map(private_bytes, server.leaves()))
        held = Clients("hold", server.port, seconds + 2, connections, "idle", 3600)
        held.wait_held()
        found = Clients("steady", server.port, max(0.5, seconds - 1), 8).result()
        added = sum(map(private_bytes, server.leaves())) - before
        return found | {"bytes_each": added / connections, "held": held.result()["held"]}


def slow(seconds: float, kind: str, connections: int = 2000) -> Measured:
    """Clients that stop in the middle of a header section or a body, come again when cut, and others beside them."""
    with serving(**{kind: "2s"}) as server:
        alone = Clients("steady", server.port, max(0.5, seconds / 4), 8).result()
        held = Clients("hold", server.port, seconds, connections, kind, 2)
        held.wait_held()
        found = Clients("steady", server.port, max(0.5, seconds - 1), 8).result()
        return found | held.result() | {"p99_alone": alone["p99"]}


def lateness(seconds: float, connections: int = 20_000) -> Measured:
    """Every time-out with so many connections that run into theirs all the time: by how much later than it should."""
    timeout = 1 if connections < 5000 else 10
    settings = dict.fromkeys(("header", "body", "idle", "write"), f"{timeout}s")
    shares = {"idle": 45, "header": 25, "body": 25, "reader": 5}
    with serving(**settings) as server:
        crowd = [
            Clients("hold", server.port, seconds + timeout, connections * share // 100, kind, timeout)
            for kind, share in shares.items()
        ]
        for clients in crowd:
            clients.wait_held()
        # Who measures has little to do, so that it is not its own lateness that is seen.
        few = {kind: Clients("hold", server.port, seconds, 20, kind, timeout) for kind in shares}
        measured = {kind: clients.result() for kind, clients in few.items()}
        found = [clients.result() for clients in crowd]
        return measured | {"cut": sum(one["cut"] for one in found), "held": sum(one["held"] for one in found)}


def killed_workers(seconds: float) -> Measured:
    """A worker is killed every second."""
    with serving() as server:
        killed = 0

        def kill() -> None:
            nonlocal killed
            os.kill(server.leaves()[0], signal.SIGKILL)
            killed += 1

        found = every_second(Clients("steady", server.port, seconds + 1, 32), seconds, kill)
        return found | {"killed": killed}


def reloads(seconds: float) -> Measured:
    """Reloads are asked for five at a time, every second; they coalesce."""
    with serving() as server:
        asked = 0

        def ask() -> None:
            nonlocal asked
            for _ in range(5):
                server.signal(signal.SIGHUP)
                asked += 1

        found = every_second(Clients("steady", server.port, seconds + 1, 32), seconds, ask)
        return found | {"asked": asked, "generations": server.log().count(" serves") - 1}


def _post(server: RoostServer, size: int) -> int:
    with socket.create_connection(("127.0.0.1", server.port), 30) as sock:
        sock.sendall(b"POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % size)
        try:
            sock.sendall(b"x" * size)
        except OSError:
            pass  # refused already
        return int(sock.recv(64).split()[1])


def disk_full(seconds: float) -> Measured:
    """No file may grow any more: uploads are refused, logs are lost, the rest goes on; then there is space again."""
    with serving(access_log="{ path: access.log, format: combined }") as server:
        log = server.directory / "access.log"
        clients = Clients("steady", server.port, seconds, 16)
        time.sleep(seconds / 4)
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        workers = server.leaves()
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (1000, hard))
        statuses = [_post(server, 500_000) for _ in range(10)]
        time.sleep(seconds / 4)
        size = log.stat().st_size
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
        after = _post(server, 500_000)
        found = clients.result()
        server.wait_for(lambda: log.stat().st_size > size, "the log to go on")
        return found | {"uploads": statuses, "upload_after": after, "alive": server.leaves() == workers}


def no_descriptors(seconds: float) -> Measured:
    """No worker may open another descriptor, while more clients come than it could take; then it may again."""
    with serving() as server:
        clients = Clients("steady", server.port, seconds, 16)
        time.sleep(seconds / 4)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        workers = server.leaves()
        for pid in workers:
            most = max(int(name) for name in os.listdir(f"/proc/{pid}/fd"))
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (most + 1, hard))
        waiting = [socket.create_connection(("127.0.0.1", server.port), 30) for _ in range(100)]
        for sock in waiting:
            sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        time.sleep(seconds / 4)
        for pid in workers:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (hard, hard))
        begin = time.monotonic()
        answered = sum(sock.recv(20).startswith(b"HTTP/1.1 200") for sock in waiting)
        for sock in waiting:
            sock.close()
        waited = time.monotonic() - begin
        server.wait_log("no connection can be taken: Too many open files")
        return clients.result() | {"answered": answered, "recovered_ms": round(waited * 1000)}


def clock_stepped(seconds: float) -> Measured:
    """The wall clock jumps by an hour, to and fro, every second (libfaketime); time-outs do not notice."""
    with tempfile.NamedTemporaryFile("w+") as file:

        def step(hours: int) -> None:
            Path(file.name).write_text(f"{hours:+d}h")

        step(0)
        env = {
            "LD_PRELOAD": str(FAKETIME),
            "FAKETIME_TIMESTAMP_FILE": file.name,
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }
        with serving(env, header="1s", idle="1s") as server:
            held = Clients("hold", server.port, seconds + 1, 50, "header", 1)
            held.wait_held()
            dates = set()
            steps = 0

            def jump() -> None:
                nonlocal steps
                steps += 1
                step(steps % 2)
                with socket.create_connection(("127.0.0.1", server.port), 30) as sock:
                    sock.sendall(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
                    dates.add(re.findall(rb"Date: .* (\d\d):", sock.recv(4096))[0])

            found = every_second(Clients("steady", server.port, seconds + 1, 16), seconds, jump)
            late = held.result()
            return found | {
                "steps": steps,
                "hours_seen": len(dates),
                "late_p99": late["late_p99"],
                "late_longest": late["late_longest"],
                "early": late["early"],
            }


# The table --------------------------------------------------------------------------------------------------------


def _requests(found: Measured) -> str:
    return f"{found['requests']:,} requests, {found['failed']} failed, p99 {found['p99']} ms"


def table(seconds: float) -> Iterator[tuple[str, str]]:
    """Rows of what was done and what came of it."""
    found = idle(seconds)
    yield "10,000 idle connections", f"{found['bytes_each']:.0f} B of memory each; others: {_requests(found)}"
    for kind, name in (("header", "2,000 clients that stop within a header section"), ("body", "... within a body")):
        found = slow(seconds, kind)
        text = f"{found['cut']:,} cut; others: {_requests(found)}"
        yield name, f"{text} ({found['p99_alone']} ms without them)"
    found = lateness(seconds)
    late = ", ".join(f"{kind} {found[kind]['late_p99']} ms" for kind in ("idle", "header", "body", "reader"))
    early = sum(found[kind]["early"] for kind in ("idle", "header", "body", "reader"))
    yield (
        "time-outs of 10 s with 10,000 connections in each of two workers",
        f"{found['cut']:,} connections cut; p99 of lateness: {late}; {early} early",
    )
    found = killed_workers(seconds)
    cut = f"{found['killed']} kills cut {found['cut']} requests in flight, {found['retried']} of them tried again"
    yield "a worker killed every second", f"{_requests(found)}; {cut}"
    found = reloads(seconds)
    done = f"{found['asked']} asked, {found['generations']} done; {found['retried']} requests tried again"
    yield "five reloads asked for every second", f"{_requests(found)}; {done}"
    found = disk_full(seconds)
    refused = "/".join(map(str, sorted(set(found["uploads"]))))
    yield "disk full for logs and uploads", f"{_requests(found)}; uploads {refused}, then {found['upload_after']}"
    found = no_descriptors(seconds)
    waited = f"{found['answered']} of 100 newcomers answered within {found['recovered_ms']} ms of their return"
    yield "descriptors exhausted", f"{_requests(found)}; {waited}"
    if FAKETIME.exists():
        found = clock_stepped(seconds)
        late = f"time-outs: {found['early']} early, p99 {found['late_p99']} ms late"
        yield "the clock stepped by an hour every second", f"{_requests(found)}; {late}"


def main() -> None:
    """Prints the table as it comes about."""
    parser = argparse.ArgumentParser(prog="tools/bench/faults", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20, help="of each of nine scenarios (default: 20)")
    parser.add_argument("--only", default="", help="one scenario by its function's name; prints all that it measured")
    arguments = parser.parse_args()
    raise_limit()
    if arguments.only:
        name, *rest = arguments.only.split(":")
        print(json.dumps(globals()[name](arguments.seconds, *rest), indent=1))
        return
    print("| what happens | what comes of it |\n|---|---|", flush=True)
    for what, outcome in table(arguments.seconds):
        print(f"| {what} | {outcome} |", flush=True)


if __name__ == "__main__":
    main()
