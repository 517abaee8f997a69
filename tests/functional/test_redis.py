"""Topics across servers that share a Redis server: two of this machine stand for two machines."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from conftest import StartServer
from websockets.sync.client import ClientConnection, connect

from redis_server import Redis, needs_redis, yaml
from server_process import PATIENCE, RoostServer

pytestmark = needs_redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path)
    yield server
    server.stop()


@pytest.fixture
def local_redis(tmp_path: Path) -> Iterator[Redis]:
    server = Redis(tmp_path, tcp=False)
    yield server
    server.stop()


class Member:
    """A client in the room; its server's answers are told from what is published."""

    def __init__(self, server: RoostServer, stack: ExitStack) -> None:
        self.socket: ClientConnection = stack.enter_context(
            connect(f"{server.ws_url}/room/a", open_timeout=PATIENCE, max_size=None, compression=None)
        )
        found = re.fullmatch(r"id (\S+) pid (\d+)", str(self.socket.recv(PATIENCE)))
        assert found
        self.id, self.pid = found[1], int(found[2])

    def ask(self, command: str) -> str:
        self.socket.send(command)
        return self.next()

    def next(self) -> str:
        return str(self.socket.recv(PATIENCE))


def subscribed(servers: list[RoostServer], stack: ExitStack, each: int = 4) -> list[list[Member]]:
    """Members of each server, on all of its workers, subscribed to "news"."""
    members = []
    for server in servers:
        mine: list[Member] = []
        while len(mine) < each or len({member.pid for member in mine}) < 2:
            mine.append(Member(server, stack))
            assert mine[-1].ask("sub news") == "ok"
        members.append(mine)
    return members


def until(condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline


def test_published_to_both_servers_once_and_in_order(roost_server: StartServer, redis: Redis) -> None:
    servers = [roost_server(yaml(f"redis://127.0.0.1:{redis.port}")) for _ in range(2)]
    with ExitStack() as stack:
        here, there = subscribed(servers, stack)
        count = 200
        for i in range(count):
            for publisher in (here[0], there[0], here[1]):
                publisher.socket.send(f"pub news {publisher.id} {i}")
        for member in (*here, *there):
            heard = [member.next().split() for _ in range(3 * count)]
            for publisher in (here[0], there[0], here[1]):
                assert [int(i) for who, i in heard if who == publisher.id] == list(range(count))
        # No message came twice: the next one is the answer.
        for member in (*here, *there):
            assert member.ask("list").startswith("ids ")


def test_broadcast_and_send_to_reach_the_other_server(roost_server: StartServer, redis: Redis) -> None:
    servers = [roost_server(yaml(f"unix:{redis.path}")) for _ in range(2)]
    with ExitStack() as stack:
        here, there = subscribed(servers, stack)
        here[0].socket.send("others hello")
        for member in (*here[1:], *there):
            assert member.next() == "hello"
        assert here[0].ask(f"to {there[-1].id} for you") == "sent"
        assert there[-1].next() == "for you"
        here[0].socket.send("pub-others news mine")
        for member in (*here[1:], *there):
            assert member.next() == "mine"
        large = "x" * 3_000_000
        here[0].socket.send("sub large")
        assert here[0].next() == "ok"
        there[0].socket.send("sub large")
        assert there[0].next() == "ok"
        del large
        here[0].socket.send("large 3000000")
        for member in (*here, *there):
            assert len(member.socket.recv(PATIENCE)) == 3_000_000


def test_another_channel_is_another_world(roost_server: StartServer, redis: Redis) -> None:
    url = f"redis://127.0.0.1:{redis.port}/3"
    servers = [roost_server(yaml(f"{{ url: '{url}', channel: {name} }}")) for name in ("one", "two")]
    with ExitStack() as stack:
        here, there = subscribed(servers, stack)
        here[0].socket.send("pub news one")
        there[0].socket.send("pub news two")
        for members, text in ((here, "one"), (there, "two")):
            for member in members:
                assert member.next() == text
                assert member.ask("list").startswith("ids ")


def test_password(roost_server: StartServer, tmp_path: Path) -> None:
    redis = Redis(tmp_path, password="p@ss")
    try:
        servers = [roost_server(yaml(f"redis://:p%40ss@127.0.0.1:{redis.port}")) for _ in range(2)]
        with ExitStack() as stack:
            here, there = subscribed(servers, stack)
            here[0].socket.send("pub news hello")
            for member in (*here, *there):
                assert member.next() == "hello"
        wrong = roost_server(yaml(f"redis://:wrong@127.0.0.1:{redis.port}"))
        wrong.wait_log(r"redis.*WRONGPASS")
    finally:
        redis.stop()


def test_redis_comes_back(roost_server: StartServer, local_redis: Redis) -> None:
    servers = [roost_server(yaml(f"unix:{local_redis.path}")) for _ in range(2)]
    with ExitStack() as stack:
        here, there = subscribed(servers, stack)
        local_redis.stop()
        servers[0].wait_log(r"redis.*not connected, to speak")
        # The own host needs no Redis, and nobody waits for it.
        here[0].socket.send("pub news alone")
        for member in here:
            assert member.next() == "alone"
        local_redis.start()
        until(lambda: local_redis.listeners() == 4)
        # What was published meanwhile waited, but not for those who were not connected yet: then it is lost, whole.
        here[0].socket.send("pub news together")
        for member in here:
            assert member.next() == "together"
        for member in there:
            heard = member.next()
            assert heard in ("alone", "together")
            if heard == "alone":
                assert member.next() == "together"


def test_started_before_redis(roost_server: StartServer, local_redis: Redis) -> None:
    local_redis.stop()
    servers = [roost_server(yaml(f"unix:{local_redis.path}")) for _ in range(2)]
    local_redis.start()
    until(lambda: local_redis.listeners() == 4)
    with ExitStack() as stack:
        here, there = subscribed(servers, stack)
        until(lambda: local_redis.command("CLIENT", "LIST").count("cmd=ping") >= 4)
        here[0].socket.send("pub news hello")
        for member in (*here, *there):
            assert member.next() == "hello"


def test_queue_drops_the_oldest(roost_server: StartServer, redis: Redis) -> None:
    limited = yaml(f"{{ url: 'redis://127.0.0.1:{redis.port}', queue: 16KiB }}", processes=1)
    here = roost_server(limited)
    there = roost_server(yaml(f"redis://127.0.0.1:{redis.port}", processes=1))
    with ExitStack() as stack:
        member, other = Member(here, stack), Member(there, stack)
        assert other.ask("sub news") == "ok"
        assert redis.process is not None
        # Stopped, not gone: a broken connection is not what is looked at here.
        redis.process.send_signal(signal.SIGSTOP)
        count = 20_000  # more than the sockets between may hold
        for i in range(count):
            member.socket.send(f"pub news {i} " + "x" * 1000)
        assert member.ask("list").startswith("ids ")
        redis.process.send_signal(signal.SIGCONT)
        heard = []
        while not heard or heard[-1] != count - 1:
            heard.append(int(other.next().split()[0]))
        assert heard == sorted(set(heard))
        assert len(heard) < count
        here.wait_log(r"more waits than `redis: { queue }` holds: \d+ messages dropped")


def test_a_lost_worker_loses_only_its_own(roost_server: StartServer, redis: Redis) -> None:
    servers = [roost_server(yaml(f"redis://127.0.0.1:{redis.port}")) for _ in range(2)]
    with ExitStack() as stack:
        here, there = subscribed(servers, stack, each=6)
        lost = here[0].pid
        here[0].socket.send("crash")
        staying = [member for member in here if member.pid != lost]
        servers[0].wait_for(lambda: lost not in servers[0].leaves())
        there[0].socket.send("pub news still here")
        for member in (*staying, *there):
            assert member.next() == "still here"
        # The replacement hears the others, too.
        servers[0].wait_for(lambda: redis.listeners() == 4)
        fresh = Member(servers[0], stack)
        while fresh.pid in {member.pid for member in staying}:
            fresh = Member(servers[0], stack)
        assert fresh.ask("sub news") == "ok"
        there[0].socket.send("pub news welcome")
        for member in (fresh, *staying, *there):
            assert member.next() == "welcome"


@pytest.mark.parametrize(
    ("redis", "problem"),
    [
        ("localhost", "no address of a Redis server"),
        ("rediss://host", "TLS to Redis is not supported yet"),
        ("redis://", "the host is missing"),
        ("redis://host:port", '"port" is no port'),
        ("redis://host:70000", '"70000" is no port'),
        ("redis://user@host", "a user needs a password"),
        ("redis://:%zz@host", "'%' in the user's name or password"),
        ("redis://host/zero", 'database "zero" is no number'),
        ("unix:relative.sock", '"unix:" needs a path'),
        ("{ channel: x }", 'redis: the key "url" is missing'),
        ("{ url: 'redis://host', channel: '' }", "redis.channel: an empty name"),
        ("{ url: 'redis://host', que: 1 }", 'no key "que" (known: url, channel, queue)'),
    ],
)
def test_check_finds_mistakes(
    roost_cli: Callable[..., subprocess.CompletedProcess[str]], redis: str, problem: str
) -> None:
    config = f"redis: {redis}\nroutes: [{{ path: /, respond: {{ body: x }} }}]\n"
    done = roost_cli("check", "roost.yaml", files={"roost.yaml": config})
    assert done.returncode == 1
    assert problem in done.stderr
    assert "roost.yaml:1:" in done.stderr
