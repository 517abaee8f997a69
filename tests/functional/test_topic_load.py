"""Topics under load, judged by a client in C++: each receiver hears each message once, and in order."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
from conftest import StartServer

from redis_server import Redis, needs_redis, yaml
from server_process import TEST_PLUGINS, RoostServer


def load(servers: list[RoostServer], clients: int, publishers: int, rate: int, seconds: int) -> dict[str, int]:
    ports = ",".join(str(server.port) for server in servers)
    words = [str(TEST_PLUGINS / "topic_load"), ports, "/room/load", *map(str, (clients, publishers, rate, seconds))]
    done = subprocess.run(words, capture_output=True, text=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr
    print(done.stdout)
    figures = dict(re.findall(r"(\w+) (\d+)", done.stdout))
    return {name: int(value) for name, value in figures.items()}


@pytest.mark.parametrize(
    ("clients", "rate", "seconds"), [(100, 50, 1), pytest.param(1000, 20, 10, marks=pytest.mark.long)]
)
def test_four_workers(roost_server: StartServer, clients: int, rate: int, seconds: int) -> None:
    server = roost_server(yaml('""', processes=4))
    figures = load([server], clients, publishers=4, rate=rate, seconds=seconds)
    assert figures["workers"] == 4
    assert figures["published"] == rate * seconds
    assert figures["delivered"] == clients * rate * seconds


@needs_redis
@pytest.mark.parametrize(
    ("clients", "rate", "seconds"), [(100, 50, 1), pytest.param(1000, 20, 10, marks=pytest.mark.long)]
)
def test_two_servers_share_redis(
    roost_server: StartServer, tmp_path: Path, clients: int, rate: int, seconds: int
) -> None:
    redis = Redis(tmp_path)
    try:
        servers = [roost_server(yaml(f"redis://127.0.0.1:{redis.port}", processes=2)) for _ in range(2)]
        figures = load(servers, clients, publishers=4, rate=rate, seconds=seconds)
        assert figures["workers"] == 4
        assert figures["delivered"] == clients * rate * seconds
    finally:
        redis.stop()
