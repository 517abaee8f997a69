"""A Redis server of a test's own, and servers of Roost that share it."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest

import websocket_rooms
from server_process import PATIENCE

REDIS = shutil.which("redis-server")
needs_redis = pytest.mark.skipif(REDIS is None, reason="Debian's redis-server is not installed")


class Redis:
    """A Redis server of the test's own, on a socket in a directory of its own and, where `tcp`, on a port.

    One that is stopped and started again has no port: another process may take that meanwhile.
    """

    def __init__(self, directory: Path, password: str = "", tcp: bool = True) -> None:
        self.directory = directory
        self.password = password
        self.port = 0
        if tcp:
            with socket.socket() as free:
                free.bind(("127.0.0.1", 0))
                self.port = free.getsockname()[1]
        self.path = directory / "redis.sock"
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        """Returns when it answers."""
        options = f"port {self.port}\nbind 127.0.0.1\nunixsocket {self.path}\nsave ''\nappendonly no\n"
        options += f"dir {self.directory}\n" + (f"requirepass {self.password}\n" if self.password else "")
        (self.directory / "redis.conf").write_text(options)
        assert REDIS is not None
        self.process = subprocess.Popen([REDIS, str(self.directory / "redis.conf")], stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self.command("PING")
                return
            except OSError:
                assert time.monotonic() < deadline, "redis-server does not answer"

    def stop(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def command(self, *words: str) -> str:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE)
            connection.connect(str(self.path))
            if self.password:
                connection.sendall(f"AUTH {self.password}\r\n".encode())
                assert connection.recv(100).startswith(b"+OK")
            connection.sendall(" ".join(words).encode() + b"\r\n")
            return connection.recv(65536).decode()

    def listeners(self, channel: str = "roost") -> int:
        found = re.search(r":(\d+)\r\n$", self.command("PUBSUB", "NUMSUB", channel))
        assert found
        return int(found[1])


def yaml(redis: str, processes: int = 2, more: str = "") -> str:
    """A server with the rooms of the test plugin; `redis`: the value of that key."""
    return websocket_rooms.yaml(processes, more=f"{more}redis: {redis}\n")
