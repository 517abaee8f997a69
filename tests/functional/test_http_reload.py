"""A reload, and a worker that is killed, under load: what was asked is answered."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from server_process import RawConnection, RoostServer

CONFIGURATION = """
server: { listen: 127.0.0.1:0, processes: 2, access_log: { format: none } }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /version, respond: { body: version 1 } }
  - { path: /pid, plugin: probe.describe }
  - { path: /late, plugin: probe.late }
  - { path: /open, plugin: probe.open }
  - { path: /counts, plugin: probe.counts }
  - { path: /files, directory: www }
"""


class Load:
    """Clients that ask again and again, each over one connection as long as it lasts, until `stop()`."""

    def __init__(self, server: RoostServer, clients: int = 4) -> None:
        self.failures: list[str] = []
        self.answers = 0
        self._server = server
        self._ended = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        connection: RawConnection | None = None
        fresh = True
        while not self._ended.is_set():
            try:
                if connection is None:
                    connection, fresh = self._server.connect(), True
                connection.send(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\n")
                response = connection.read_response()
                with self._lock:
                    self.answers += 1
                    if response.status != 200:
                        self.failures.append(f"status {response.status}")
                fresh = False
                if response.headers.get("connection") == "close":
                    connection.close()
                    connection = None
            except OSError as error:
                # A connection that had been idle may be closed in the moment in which it is used again (RFC 9112
                # section 9.3.1): that request is sent once more. A new connection is owed an answer.
                if fresh:
                    with self._lock:
                        self.failures.append(repr(error))
                if connection is not None:
                    connection.close()
                connection = None
        if connection is not None:
            connection.close()

    def more(self, count: int) -> None:
        """Waits for so many further answers."""
        wanted = self.answers + count
        self._server.wait_for(lambda: self.answers >= wanted or self.failures, f"{count} more answers")

    def stop(self) -> list[str]:
        self._ended.set()
        for thread in self._threads:
            thread.join()
        return self.failures


def version(server: RoostServer) -> str:
    return httpx.get(f"{server.url}/version").text


def rewrite(server: RoostServer, number: int) -> None:
    server.config.write_text(CONFIGURATION.replace("version 1", f"version {number}"))


def test_no_request_fails_while_reloading(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(CONFIGURATION, {"www/a.txt": "a"})
    load = Load(server)
    for number in range(2, 7):
        load.more(100)
        rewrite(server, number)
        server.signal(signal.SIGHUP)
        server.wait_ready(number)
        assert version(server) == f"version {number}"
    load.more(100)
    assert load.stop() == []


def test_request_in_its_handler_is_answered_by_the_old_generation(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(CONFIGURATION.replace("processes: 2", "processes: 1"), {"www/a.txt": "a"})
    with server.connect() as running, server.connect() as opener:
        opener.send(b"GET /version HTTP/1.1\r\nHost: a\r\n\r\nGET /open HTTP/1.1\r\n")
        assert opener.read_response().body == b"version 1"
        running.send(b"GET /late HTTP/1.1\r\nHost: a\r\n\r\n")
        rewrite(server, 2)
        server.wait_for(
            lambda: httpx.get(f"{server.url}/counts").text.startswith("waiting 1 "), "it to be in its handler"
        )
        server.signal(signal.SIGHUP)
        server.wait_ready(2)
        server.wait_for(lambda: version(server) == "version 2", "the new generation to answer")
        opener.send(b"Host: a\r\n\r\n")
        assert opener.read_response().headers["connection"] == "close"
        response = running.read_response()
        assert (response.body, response.headers["connection"]) == (b"late", "close")


def test_broken_configuration_changes_nothing(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(CONFIGURATION, {"www/a.txt": "a"})
    workers = server.leaves()
    for broken in ("routes: [", "nonsense: 1", CONFIGURATION.replace("libroost_probe", "libroost_none")):
        server.config.write_text(broken)
        count = server.log().count("roost.yaml:")
        server.signal(signal.SIGHUP)
        server.wait_for(lambda count=count: server.log().count("roost.yaml:") > count, "the error in the log")
        assert version(server) == "version 1"
    assert set(workers) <= set(server.leaves())
    rewrite(server, 2)
    server.signal(signal.SIGHUP)
    server.wait_ready(2)
    assert version(server) == "version 2"


def test_killed_worker_is_replaced_under_load(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(CONFIGURATION, {"www/a.txt": "a"})
    load = Load(server)
    for _ in range(3):
        load.more(50)
        before = set(server.leaves())
        os.kill(min(before), signal.SIGKILL)
        server.wait_for(lambda before=before: len(set(server.leaves()) - before) == 1, "a replacement")
    load.more(100)
    # At most what was in flight in the worker that died: one request of each client for each time.
    assert len(load.stop()) <= 3 * 4
    assert len(server.leaves()) == 2


def test_workers_die_with_their_master(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(CONFIGURATION, {"www/a.txt": "a"})
    children = server.descendants()
    os.kill(server.pid, signal.SIGKILL)
    server.wait_for(lambda: all(not alive(pid) for pid in children), "every child to end")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.long
def test_hundred_reloads_under_load(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(CONFIGURATION, {"www/a.txt": "a"})
    load = Load(server)
    for number in range(2, 102):
        rewrite(server, number)
        server.signal(signal.SIGHUP)
        server.wait_ready(number)
    assert load.stop() == []
    server.wait_for(lambda: len(server.leaves()) == 2, "the old generations to end")
