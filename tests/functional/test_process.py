"""Master, prototypes and workers: crashes, reloads, drains, signals and logs, with the real binary."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from server_process import BINARY, REPOSITORY, RoostServer, environment

StartServer = Callable[..., RoostServer]

BASE = """
server: {{ listen: 127.0.0.1:0, processes: {processes}, access_log: {{ format: none }} }}
routes:
  - {{ path: /, respond: {{ body: "{body}" }} }}
"""


def configuration(body: str = "one", processes: int = 2) -> str:
    return BASE.format(body=body, processes=processes)


def command(server: RoostServer, name: str) -> subprocess.CompletedProcess[str]:
    """`roost NAME` for that server."""
    return subprocess.run(
        [str(BINARY), name, str(server.config)], capture_output=True, text=True, check=False, env=environment()
    )


def workers(server: RoostServer, state: str = "serving") -> list[int]:
    """The process ids of the workers in that state, as `roost status` tells them."""
    status = command(server, "status").stdout
    return [int(pid) for pid in re.findall(rf"^ +(\d+)  {state} ", status, re.MULTILINE)]


def wait_connection(server: RoostServer) -> None:
    """Until some worker has one open connection."""
    status = re.compile(r" 1 +0 +\d+$", re.MULTILINE)
    server.wait_for(lambda: status.search(command(server, "status").stdout), "a connection")


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Load:
    """Clients that ask again and again, each request on a connection of its own or all on one; counts what fails."""

    def __init__(self, server: RoostServer, clients: int = 4, keep_alive: bool = True) -> None:
        self._url = server.url
        self._keep_alive = keep_alive
        self._stop = threading.Event()
        self.answered = 0
        self.bodies: set[str] = set()
        self.failures: list[str] = []
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        headers = {} if self._keep_alive else {"Connection": "close"}
        with httpx.Client(headers=headers, timeout=60) as client:
            while not self._stop.is_set():
                try:
                    response = client.get(f"{self._url}/")
                    problem = "" if response.status_code == 200 else f"status {response.status_code}"
                except httpx.HTTPError as error:
                    problem = repr(error)
                with self._lock:
                    if problem:
                        self.failures.append(problem)
                    else:
                        self.answered += 1
                        self.bodies.add(response.text)

    def wait_answered(self, more: int, server: RoostServer) -> None:
        goal = self.answered + more
        server.wait_for(lambda: self.answered + len(self.failures) >= goal, f"{more} more answers")

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


# Workers ------------------------------------------------------------------------------------------------------------


def test_status_names_the_processes_that_are_there(roost_server: StartServer) -> None:
    server = roost_server(configuration(processes=3))
    status = command(server, "status")
    assert status.returncode == 0, status.stderr
    assert f"process {server.pid}" in status.stdout
    assert sorted(workers(server)) == sorted(server.leaves())
    assert server.url in status.stdout


def test_killed_worker_is_replaced_and_only_its_own_requests_fail(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    load = Load(server)
    for _ in range(3):
        load.wait_answered(50, server)
        victim = workers(server)[0]
        os.kill(victim, signal.SIGKILL)
        server.wait_for(lambda gone=victim: len(workers(server)) == 2 and gone not in workers(server), "a replacement")
    load.wait_answered(50, server)
    load.stop()
    # Each death cuts at most the request that each client had on that worker.
    assert len(load.failures) <= 3 * 4, load.failures
    assert len(re.findall(r"signal 9 \(Killed\); replaced", server.log())) == 3


def test_worker_told_to_terminate_is_replaced_without_a_failed_request(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    load = Load(server)
    load.wait_answered(20, server)
    victim = workers(server)[0]
    os.kill(victim, signal.SIGTERM)
    server.wait_for(lambda: not alive(victim) and len(workers(server)) == 2, "a replacement")
    load.wait_answered(20, server)
    load.stop()
    assert load.failures == []


def test_killed_prototype_leads_to_a_new_generation(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    old = server.leaves()
    prototype = next(pid for pid in server.descendants() if pid not in old)
    os.kill(prototype, signal.SIGKILL)
    server.wait_for(lambda: len(workers(server)) == 2 and not set(workers(server)) & set(old), "new workers")
    assert httpx.get(server.url).text == "one"


def test_ttin_and_ttou_add_and_remove_a_worker(roost_server: StartServer) -> None:
    server = roost_server(configuration(processes=1))
    server.signal(signal.SIGTTIN)
    server.wait_for(lambda: len(workers(server)) == 2, "a second worker")
    server.signal(signal.SIGTTOU)
    server.wait_for(lambda: len(server.leaves()) == 1, "one worker")
    server.signal(signal.SIGTTOU)  # the last one stays
    assert command(server, "status").returncode == 0
    assert httpx.get(server.url).status_code == 200


def test_children_die_with_a_killed_master(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    children = server.descendants()
    assert len(children) == 3
    os.kill(server.pid, signal.SIGKILL)
    server.process.wait()
    server.wait_for(lambda: not any(alive(pid) for pid in children), "the end of its children")


# Reloads ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("keep_alive", [True, False])
def test_reload_under_load_fails_no_request(roost_server: StartServer, keep_alive: bool) -> None:
    server = roost_server(configuration("generation 1"))
    load = Load(server, keep_alive=keep_alive)
    for number in range(2, 6):
        load.wait_answered(20, server)
        server.config.write_text(configuration(f"generation {number}"))
        done = command(server, "reload")
        assert done.returncode == 0, done.stderr
        # No old worker takes a connection any more.
        assert {httpx.get(server.url).text for _ in range(10)} == {f"generation {number}"}
    load.wait_answered(20, server)
    load.stop()
    assert load.failures == []
    assert {f"generation {number}" for number in range(1, 6)} <= load.bodies
    server.wait_for(lambda: len(server.leaves()) == 2, "the end of old generations")


def test_reload_does_not_wait_for_a_worker_that_is_held_up(roost_server: StartServer) -> None:
    server = roost_server(configuration(processes=1).replace("processes", "timeouts: { drain: 1h }, processes"))
    old = workers(server)[0]
    os.kill(old, signal.SIGSTOP)
    assert command(server, "reload").returncode == 0
    assert workers(server, "draining") == [old]
    os.kill(old, signal.SIGCONT)
    server.wait_for(lambda: len(server.leaves()) == 1, "the old worker's end")


def test_failed_reload_keeps_the_old_generation(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    before = sorted(workers(server))
    server.config.write_text(configuration().replace("respond", "respnd"))
    done = command(server, "reload")
    assert done.returncode == 1
    assert "roost.yaml:4:" in done.stderr
    assert 'did you mean "respond"?' in done.stderr
    assert sorted(workers(server)) == before
    assert httpx.get(server.url).text == "one"
    assert "failed: " in command(server, "status").stdout
    assert 'did you mean "respond"?' in server.log()
    server.config.write_text(configuration("two"))
    assert command(server, "reload").returncode == 0
    assert httpx.get(server.url).text == "two"


def test_hup_reloads_and_a_burst_of_requests_ends_in_the_last_file(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    for number in range(10):
        server.config.write_text(configuration(f"body {number}"))
        server.signal(signal.SIGHUP)
    server.wait_for(lambda: httpx.get(server.url).text == "body 9", "the last configuration")


def test_reload_adds_and_removes_addresses(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    port = server.port
    path = server.directory / "new.sock"
    text = configuration("two").replace("127.0.0.1:0", f"[127.0.0.1:0, unix:{path}]")
    server.config.write_text(text)
    assert command(server, "reload").returncode == 0
    assert httpx.get(server.url).text == "two"  # the first one stayed, with its port
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        assert client.get("http://server/").text == "two"
    server.config.write_text(configuration("three").replace("127.0.0.1:0", f"unix:{path}"))
    assert command(server, "reload").returncode == 0
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port))
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        assert client.get("http://server/").text == "three"
    assert server.stop() == 0
    assert not path.exists()


# The end ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_drains_a_running_request(roost_server: StartServer, number: signal.Signals) -> None:
    server = roost_server(configuration(processes=1))
    with server.connect() as idle, server.connect() as slow:
        idle.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        assert idle.read_response().body == b"one"
        # Half a request: its first byte has arrived, so it is answered.
        slow.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        server.wait_for(
            lambda: re.search(r" 2 +0 +\d+$", command(server, "status").stdout, re.MULTILINE), "two connections"
        )
        server.signal(number)
        assert idle.read_all() == b""  # closed: the worker has heard of the drain
        slow.send(b"\r\n")
        response = slow.read_response()
        assert (response.status, response.body) == (200, b"one")
        assert response.headers["connection"] == "close"
    assert server.wait() == 0


def test_drain_ends_at_its_timeout(roost_server: StartServer) -> None:
    server = roost_server(configuration().replace("processes", "timeouts: { drain: 200ms }, processes"))
    with server.connect() as slow:
        slow.send(b"GET / HTTP/1.1\r\nHost: a\r\n")
        wait_connection(server)
        server.signal(signal.SIGTERM)
        assert server.wait() == 0
        assert not slow.read_all().startswith(b"HTTP/1.1 200")


def test_stop_waits_until_the_server_is_gone(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    children = server.descendants()
    done = command(server, "stop")
    assert done.returncode == 0, done.stderr
    assert not any(alive(pid) for pid in children)
    assert command(server, "status").returncode == 1
    assert server.wait() == 0


# Sockets, logs ------------------------------------------------------------------------------------------------------


def test_port_in_use_is_an_error_with_its_place(roost_server: StartServer) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        server = roost_server(configuration().replace(":0", f":{port}"), wait_ready=False)
        assert server.wait() == 1
        assert re.search(rf'roost.yaml:2:\d+: server.listen: "127.0.0.1:{port}": the port is in use', server.log())


def test_second_server_of_the_same_file_is_refused(roost_server: StartServer) -> None:
    server = roost_server(configuration())
    second = RoostServer(server.config, wait_ready=False)
    assert second.wait() == 1
    assert f"runs already, process {server.pid}" in second.log()
    assert httpx.get(server.url).status_code == 200


def test_stale_unix_socket_is_replaced_and_a_live_one_is_not(roost_server: StartServer, tmp_path: Path) -> None:
    path = tmp_path / "s.sock"
    text = configuration().replace("127.0.0.1:0", f"unix:{path}")
    first = roost_server(text)
    second = roost_server(text, wait_ready=False)
    assert second.wait() == 1
    assert "another program listens there" in second.log()
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert path.exists()
    third = roost_server(text)
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(path))) as client:
        assert client.get("http://server/").text == "one"
    assert third.stop() == 0
    assert not path.exists()


def test_usr1_reopens_the_access_log_in_running_workers(roost_server: StartServer) -> None:
    server = roost_server(configuration().replace("{ format: none }", "{ path: access.log, format: json }"))
    log, old = server.directory / "access.log", server.directory / "access.log.1"

    def lines(path: Path) -> int:
        return path.read_text().count("\n") if path.exists() else 0

    for _ in range(5):
        httpx.get(server.url)
    server.wait_for(lambda: lines(log) == 5, "five lines")
    log.rename(old)
    server.signal(signal.SIGUSR1)
    server.wait_log("logs are reopened")
    before = set(workers(server))

    def answered_after_rotation() -> bool:
        httpx.get(server.url)
        return lines(log) >= 20

    server.wait_for(answered_after_rotation, "twenty lines in the new file")
    assert set(workers(server)) == before
    assert lines(old) <= 7  # those under way while the workers were told


def test_connections_that_cannot_fit_are_refused_at_start(roost_server: StartServer) -> None:
    text = configuration().replace("processes", "limits: { connections: 9000000 }, processes")
    server = roost_server(text, wait_ready=False)
    assert server.wait() == 1
    assert re.search(
        r"server.limits.connections: 9000000 connections do not fit: a process may have \d+ open files", server.log()
    )


def test_user_must_exist(roost_server: StartServer) -> None:
    server = roost_server(configuration().replace("processes", "user: nobody-at-all, processes"), wait_ready=False)
    assert server.wait() == 1
    assert re.search(r'\.yaml:\d+:\d+: server\.user: "nobody-at-all": there is no such user', server.log())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may become another user")
def test_prototype_and_workers_run_as_the_user(roost_server: StartServer) -> None:
    server = roost_server(configuration().replace("processes", "user: nobody, processes"))
    for pid in server.descendants():
        status = Path(f"/proc/{pid}/status").read_text()
        assert re.search(r"^Uid:\s+65534\s+65534\s+65534", status, re.MULTILINE), status
    assert Path(f"/proc/{server.pid}").stat().st_uid == 0
    children = server.descendants()
    os.kill(server.pid, signal.SIGKILL)  # changing the user takes the parent-death signal back; it is set afterwards
    server.process.wait()
    server.wait_for(lambda: not any(alive(pid) for pid in children), "the end of its children")


def test_smallest_configuration_serves(roost_server: StartServer) -> None:
    text = (REPOSITORY / "conf" / "minimal.yaml").read_text()
    server = roost_server("server: { listen: 127.0.0.1:0 }\n" + text)
    assert httpx.get(server.url).text == "Hello from Roost\n"
