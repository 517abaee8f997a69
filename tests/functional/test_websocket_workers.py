"""Groups and topics of WebSockets across workers and generations."""

from __future__ import annotations

import os
import re
import signal
import struct
from contextlib import ExitStack

import pytest
from conftest import StartServer
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from raw_websocket import CLOSE, RawWebSocket, closing
from server_process import PATIENCE, RoostServer
from websocket_rooms import Room, ask, events, ids, room, who, yaml


@pytest.fixture(scope="module")
def host(module_server: StartServer) -> RoostServer:
    """Four workers."""
    return module_server(yaml(processes=4))


@pytest.mark.tsan
def test_list_names_all_of_the_group_in_all_workers(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "list", stack)
    Room(host, "other", stack)
    for member in members.members:
        assert ids(member) == set(members.ids)
    members.members[0].close()
    _, j = members.apart()
    host.wait_for(lambda: ids(members.members[j]) == set(members.ids[1:]))


@pytest.mark.tsan
def test_broadcast_reaches_every_worker_once(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "broadcast", stack)
    for i, member in enumerate(members.members):
        member.send(f"all from {i}")
        assert members.receive() == [f"from {i}"] * len(members.members)
    members.members[0].send("others but me")
    members.members[0].send("all end")
    assert members.members[0].recv(PATIENCE) == "end"
    for member in members.members[1:]:
        assert [member.recv(PATIENCE), member.recv(PATIENCE)] == ["but me", "end"]


def test_large_broadcast(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "large", stack)
    for _ in range(3):
        members.members[0].send(f"large {1 << 20}")
        assert all(message == b"L" * (1 << 20) for message in members.receive())


@pytest.mark.tsan
def test_send_to_an_id_in_another_worker(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "to", stack)
    i, j = members.apart()
    assert ask(members.members[i], f"to {members.ids[j]} hello") == "sent"
    assert members.members[j].recv(PATIENCE) == "hello"
    assert ask(members.members[i], "to 0-1-1 hello") == "gone"
    assert ask(members.members[i], "to nonsense hello") == "gone"


@pytest.mark.tsan
def test_topics_across_workers(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "topics", stack)
    i, j = members.apart()
    a, b = members.members[i], members.members[j]
    assert ask(b, "sub news") == "ok"
    a.send("pub news one")
    assert b.recv(PATIENCE) == "one"
    assert ask(a, "sub news") == "ok"
    a.send("pub-others news two")
    assert b.recv(PATIENCE) == "two"
    b.send("pub news three")
    assert (a.recv(PATIENCE), b.recv(PATIENCE)) == ("three", "three")
    assert ask(b, "unsub news") == "ok"
    a.send("pub news four")
    assert a.recv(PATIENCE) == "four"
    assert ask(b, f"to {members.ids[j]} direct") == "direct"
    assert b.recv(PATIENCE) == "sent"


@pytest.mark.tsan
def test_order_of_one_publisher_across_workers(host: RoostServer, stack: ExitStack) -> None:
    members = Room(host, "order", stack)
    for member in members.members:
        assert ask(member, "sub burst") == "ok"
    members.members[0].send("burst 3000")
    for member in members.members:
        assert [member.recv(PATIENCE) for _ in range(3000)] == [str(i) for i in range(3000)]


def _lost(member: ClientConnection) -> bool:
    try:
        member.recv(PATIENCE)
    except ConnectionClosed:
        return True
    return False


def test_killed_worker_loses_only_its_own_connections(roost_server: StartServer, stack: ExitStack) -> None:
    server = roost_server(yaml(processes=4))
    members = Room(server, "kill", stack)
    i, j = members.apart()
    survivor, victim = members.members[i], members.pids[j]
    os.kill(victim, signal.SIGKILL)
    assert _lost(members.members[j])
    left = {own for own, pid in zip(members.ids, members.pids, strict=True) if pid != victim}
    server.wait_for(lambda: ids(survivor) == left)
    server.wait_for(lambda: len(server.leaves()) >= 4)
    # The replacement takes its slot, and hears of everybody.
    more = Room(server, "kill", stack, workers=1)
    for member in more.members:
        assert ids(member) == left | set(more.ids)
    survivor.send("all still here")
    kept = [m for m, pid in zip(members.members, members.pids, strict=True) if pid != victim]
    assert [member.recv(PATIENCE) for member in [*kept, *more.members]] == ["still here"] * (len(kept) + len(more.ids))


def test_generations_that_overlap_see_each_other(roost_server: StartServer, stack: ExitStack) -> None:
    server = roost_server(yaml(processes=2))
    before = set(server.leaves())
    old = stack.enter_context(RawWebSocket(server, "/room/reload"))
    found = re.fullmatch(rb"id (\S+) pid (\d+)", old.receive()[1])
    assert found
    server.signal(signal.SIGHUP)
    server.wait_ready(2)
    # The old generation says that it goes away, and waits for the answer.
    assert old.receive() == (CLOSE, struct.pack("!H", 1001))
    # Its other threads may take a connection still, until they hear of it.
    member = stack.enter_context(room(server, "reload"))
    while (told := who(member))[1] in before:
        assert _lost(member)
        member = stack.enter_context(room(server, "reload"))
    server.wait_for(lambda: ids(member) == {told[0], found[1].decode()})
    old.send(closing(1001))
    assert old.raw.closed()
    server.wait_for(lambda: ids(member) == {told[0]})


@pytest.mark.tsan
def test_counts_come_back_to_zero(roost_server: StartServer) -> None:
    server = roost_server(yaml())
    for _ in range(3):
        with ExitStack() as stack:
            for _ in range(50):
                who(stack.enter_context(room(server)))
        with room(server) as member:
            own, _ = who(member)
            server.wait_for(lambda m=member, o=own: ids(m) == {o})  # type: ignore[misc]
    lines = events(server)
    assert sum(line.startswith("open") for line in lines) == 153
    server.wait_for(lambda: sum(line.startswith("close") for line in events(server)) == 153)
