"""The handlers of the test plugin ws_test: its server, and members of its rooms."""

from __future__ import annotations

import re
from contextlib import ExitStack

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from server_process import PATIENCE, RoostServer


def yaml(processes: int = 1, websocket: str = "", more: str = "") -> str:
    """A server with the test plugin's handlers."""
    return f"""\
server:
  listen: 127.0.0.1:0
  processes: {processes}
  threads: 2
  access_log: {{ format: none }}
  websocket: {{ {websocket} }}
  timeouts: {{ drain: 10s }}
{more}plugins:
  ws_test: {{ library: "${{ROOST_TEST_PLUGINS}}/libroost_ws_test.so" }}
routes:
  - {{ path: /echo, plugin: ws_test.echo }}
  - {{ path: /room/:room, plugin: ws_test.room }}
  - {{ path: /events, plugin: ws_test.events }}
"""


def code_of(closed: pytest.ExceptionInfo[ConnectionClosed]) -> int | None:
    """The code that the server's close frame had."""
    return closed.value.rcvd.code if closed.value.rcvd else None


def room(server: RoostServer, name: str = "a") -> ClientConnection:
    """A member of a room; its first message, with its id and its worker's pid, is still to come."""
    return connect(f"{server.ws_url}/room/{name}", open_timeout=PATIENCE, max_size=None)


def who(member: ClientConnection) -> tuple[str, int]:
    """Id and pid of the member's connection, as its first message says."""
    found = re.fullmatch(r"id (\S+) pid (\d+)", str(member.recv(PATIENCE)))
    assert found
    return found[1], int(found[2])


def ask(member: ClientConnection, command: str) -> str:
    member.send(command)
    return str(member.recv(PATIENCE))


def ids(member: ClientConnection) -> set[str]:
    word, *found = ask(member, "list").split()
    assert word == "ids"
    assert len(found) == len(set(found))
    return set(found)


def events(server: RoostServer) -> list[str]:
    """What the handler `events` has seen of its worker's connections, a line each."""
    return httpx.get(server.url + "/events").text.splitlines()


class Room:
    """Members of one room, in at least two workers."""

    def __init__(self, server: RoostServer, name: str, stack: ExitStack, workers: int = 2) -> None:
        self.members: list[ClientConnection] = []
        self.ids: list[str] = []
        self.pids: list[int] = []
        # A worker that has the other connections already steps aside sooner or later; a kernel wakes whom it likes.
        while len(set(self.pids)) < workers or len(self.members) < 6:
            assert len(self.members) < 400, f"all connections went to {set(self.pids)}"
            member = stack.enter_context(room(server, name))
            own, pid = who(member)
            self.members.append(member)
            self.ids.append(own)
            self.pids.append(pid)

    def receive(self) -> list[str | bytes]:
        return [member.recv(PATIENCE) for member in self.members]

    def apart(self) -> tuple[int, int]:
        """Two members of different workers."""
        return 0, next(i for i, pid in enumerate(self.pids) if pid != self.pids[0])
