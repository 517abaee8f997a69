"""What runs out: disk, descriptors, an address's share, a reader's patience. The server says so, goes on, and recovers.

Limits are put on running workers with prlimit(2) and taken off again.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from server_process import RawConnection, RoostServer

CONFIGURATION = """
server:
  listen: LISTEN
  processes: 1
  access_log: ACCESS_LOG
  limits: { body_bytes: 1GiB, spill: 16KiB, per_address: PER_ADDRESS }
  timeouts: { write: WRITE }
  trusted_proxies: [127.0.0.9]
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /, respond: { body: ok } }
  - { path: /echo, methods: [POST], plugin: probe.echo }
  - { path: /stream, plugin: probe.stream }
  - { path: /log, plugin: probe.log }
"""


@pytest.fixture
def start(roost_server: Callable[..., RoostServer]) -> Callable[..., RoostServer]:
    def with_settings(env: dict[str, str] | None = None, **given: str) -> RoostServer:
        defaults = {"listen": "127.0.0.1:0", "access_log": "{ format: none }", "per_address": "0", "write": "1h"}
        text = CONFIGURATION
        for name, value in (defaults | given).items():
            text = text.replace(name.upper(), value)
        return roost_server(text, env=env)

    return with_settings


@contextmanager
def limited(server: RoostServer, kind: int, value: int) -> Iterator[None]:
    """The worker's soft limit is `value` meanwhile."""
    pid = server.leaves()[0]
    soft, hard = resource.prlimit(pid, kind)
    resource.prlimit(pid, kind, (value, hard))
    yield
    resource.prlimit(pid, kind, (soft, hard))


def descriptors(pid: int) -> list[int]:
    return sorted(int(name) for name in os.listdir(f"/proc/{pid}/fd"))


def cpu_ticks(pid: int) -> int:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def served(server: RoostServer, source: str = "127.0.0.1") -> RawConnection | None:
    """A connection that was answered, or nothing when it was refused with 503 and closed."""
    sock = socket.create_connection(("127.0.0.1", server.port), source_address=(source, 0))
    connection = RawConnection(sock)
    connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    response = connection.read_response()
    if response.body == b"ok":
        return connection
    assert (response.status, response.headers["connection"], response.headers["retry-after"]) == (503, "close", "5")
    assert response.body == b"Too many connections from this address.\n"
    assert connection.closed()
    connection.close()
    return None


def admitted(server: RoostServer, held: list[RawConnection | None]) -> bool:
    held.append(served(server))
    return held[-1] is not None or held.pop() is not None


# Disk -------------------------------------------------------------------------------------------------------------


def test_upload_that_finds_no_space_is_507_and_the_next_one_is_taken(start: Callable[..., RoostServer]) -> None:
    server = start()
    with limited(server, resource.RLIMIT_FSIZE, 100_000):
        assert httpx.post(f"{server.url}/echo", content=b"x" * 50_000).status_code == 200
        for _ in range(3):
            refused = httpx.post(f"{server.url}/echo", content=iter([b"x" * 50_000] * 4))
            assert (refused.status_code, refused.headers["connection"]) == (507, "close")
        assert httpx.get(server.url).text == "ok"
        server.wait_log("bodies cannot be stored in temporary files: File too large")
        assert server.log().count("cannot be stored") == 1, "once in a while, not for each request"
    assert httpx.post(f"{server.url}/echo", content=b"x" * 200_000).text == f"200000 {200_000 * ord('x')}"


def test_uploads_given_up_halfway_leave_no_file_behind(start: Callable[..., RoostServer]) -> None:
    server = start()
    pid = server.leaves()[0]
    before = len(descriptors(pid))
    for framing in (b"Content-Length: 100000\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\nfffff\r\n"):
        for end in ("close", "reset", "half-close"):
            for _ in range(5):
                with server.connect() as connection:
                    connection.send(b"POST /echo HTTP/1.1\r\nHost: a\r\n" + framing + b"x" * 50_000)
                    server.wait_for(lambda: len(descriptors(pid)) == before + 2, "a connection and its file")
                    if end == "reset":
                        now = struct.pack("ii", 1, 0)
                        connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, now)
                    elif end == "half-close":
                        connection.shutdown_write()
                        assert connection.closed()
                server.wait_for(lambda: len(descriptors(pid)) == before, "both to be gone")


def test_upload_whose_folder_is_missing_is_500(start: Callable[..., RoostServer]) -> None:
    server = start(env={"TMPDIR": "/nowhere/at/all"})
    assert httpx.post(f"{server.url}/echo", content=b"x" * 200_000).status_code == 500
    server.wait_log("bodies cannot be stored in temporary files: No such file or directory")
    assert httpx.post(f"{server.url}/echo", content=b"x" * 1000).status_code == 200


def test_access_log_on_a_full_disk_holds_up_nobody(start: Callable[..., RoostServer]) -> None:
    server = start(access_log="{ path: /dev/full, format: json }")
    with httpx.Client() as client:
        for _ in range(50):
            assert client.get(server.url).text == "ok"
    server.wait_log("access_log: lines are lost: No space left on device")
    assert httpx.get(server.url).text == "ok"
    assert server.log().count("lines are lost") == 1


def test_logs_go_on_when_there_is_space_again(start: Callable[..., RoostServer]) -> None:
    server = start(access_log="{ path: access.log, format: combined }")
    path = server.directory / "access.log"
    httpx.get(f"{server.url}/log?before")
    server.wait_log("before")
    server.wait_for(lambda: path.read_text().endswith("\n"), "the first line")
    # Room for a part of a line in either log.
    with limited(server, resource.RLIMIT_FSIZE, path.stat().st_size + 10):
        assert httpx.get(f"{server.url}/log?meanwhile").text == "logged"
        server.wait_for(lambda: not path.read_text().endswith("\n"), "the line that is torn")
    httpx.get(f"{server.url}/log?after")
    server.wait_log("after")
    server.wait_for(lambda: "/log?after" in path.read_text(), "the line after it")
    assert any(line.startswith("127.0.0.1 ") and "after" in line for line in path.read_text().splitlines()), (
        "a line of its own"
    )
    assert "meanwhile" not in server.log()


# Descriptors ------------------------------------------------------------------------------------------------------


@pytest.mark.unsanitized  # UBSan looks whether memory can be read with a pipe of its own
def test_exhausted_descriptors_neither_spin_nor_stall(start: Callable[..., RoostServer]) -> None:
    server = start()
    pid = server.leaves()[0]
    httpx.get(server.url)
    with ExitStack() as stack:
        stack.enter_context(limited(server, resource.RLIMIT_NOFILE, descriptors(pid)[-1] + 1 + 3))
        held: list[RawConnection] = []
        waiting: list[RawConnection] = []
        for _ in range(12):
            connection = stack.enter_context(server.connect())
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            readable = select.select([connection.socket], [], [], 0.3)[0]
            (held if readable else waiting).append(connection)
        assert held
        assert waiting
        server.wait_log("no connection can be taken: Too many open files")
        assert server.log().count("no connection can be taken") == 1

        # Nothing can be accepted for a while: this costs next to nothing, and those that have a connection are served.
        before = cpu_ticks(pid)
        assert not select.select([connection.socket for connection in waiting], [], [], 1.0)[0]
        assert (cpu_ticks(pid) - before) / os.sysconf("SC_CLK_TCK") < 0.3
        for connection in held:
            connection.read_response()
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.read_response().body == b"ok"
        # An upload that needs a file is told so, and its connection makes room for one that waits.
        full = held.pop()
        full.send(b"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n" + b"x" * 200_000)
        assert full.read_response().status == 503
        full.close()
        # Each that goes lets another in.
        for connection in [*held, *waiting]:
            if connection in waiting:
                assert connection.read_response().body == b"ok"
            connection.close()
    assert httpx.get(server.url).text == "ok"


# One address ------------------------------------------------------------------------------------------------------


def test_per_address_limit_at_its_edge(start: Callable[..., RoostServer]) -> None:
    server = start(per_address="3")
    held = [served(server) for _ in range(3)]
    assert all(held)
    for _ in range(3):
        assert served(server) is None
    with server.connect() as silent:
        assert silent.read_response().status == 503, "nobody is waited for"
    server.wait_log(r"127\.0\.0\.1 has limits\.per_address connections")
    others = [served(server, "127.0.0.2") for _ in range(3)]
    assert all(others), "another address has a share of its own"
    assert served(server, "127.0.0.2") is None
    proxied = [served(server, "127.0.0.9") for _ in range(5)]
    assert all(proxied), "a trusted proxy stands for many"
    for connection in [*held, *others, *proxied]:
        assert connection is not None
        connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert connection.read_response().body == b"ok"
    for _ in range(20):  # what goes is given back, exactly once
        first = held.pop()
        assert first is not None
        first.close()
        server.wait_for(lambda: admitted(server, held), "the address to have room again")
        assert served(server) is None
    for connection in [*held, *others, *proxied]:
        if connection is not None:
            connection.close()


def test_per_address_limit_does_not_count_unix_sockets(start: Callable[..., RoostServer]) -> None:
    server = start(listen="[127.0.0.1:0, unix:here.sock]", per_address="1")
    with ExitStack() as stack:
        for _ in range(5):
            sock = stack.enter_context(socket.socket(socket.AF_UNIX))
            sock.connect(str(server.directory / "here.sock"))
            connection = RawConnection(sock)
            connection.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
            assert connection.read_response().body == b"ok"


# A reader that does not read ----------------------------------------------------------------------------------------


@pytest.mark.unsanitized
def test_client_that_does_not_read_costs_little_memory(start: Callable[..., RoostServer]) -> None:
    server = start(write="1500ms")
    httpx.get(f"{server.url}/stream?chunks=100&size=10000")
    pid = server.leaves()[0]

    def resident() -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon:"))

    before, most = resident(), 0
    with ExitStack() as stack:
        connections = [stack.enter_context(server.connect()) for _ in range(20)]
        for connection in connections:
            connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.send(b"GET /stream?chunks=100000&size=10000 HTTP/1.1\r\nHost: a\r\n\r\n")

        def all_cut() -> bool:
            nonlocal most
            most = max(most, resident())
            return all(connection.server_has_closed() for connection in connections)

        server.wait_for(all_cut, "the server to cut them")
    assert most - before < 20 * 1024, f"{most - before} KiB for 20 streams of 1 GB that nobody reads"
