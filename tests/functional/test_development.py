"""Development mode: what is saved is served, without a request that fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import httpx

from server_process import RoostServer

StartServer = Callable[..., RoostServer]

YAML = """
server: {{ listen: 127.0.0.1:0, access_log: {{ format: none }}{more} }}
routes:
  - {{ path: /, respond: {{ body: "{body}" }} }}
"""
PYTHON = """
server: { listen: 127.0.0.1:0, mode: development, access_log: { format: none } }
python: { venv: "${ROOST_VENV}", path: [code] }
routes:
  - { path: /, python: shop:price }
"""


def price(value: int) -> str:
    return f"from shelf.prices import SHIFT\n\n\ndef price() -> dict:\n    return {{'price': {value} + SHIFT}}\n"


def test_saved_configuration_is_served(roost_server: StartServer) -> None:
    server = roost_server(YAML.format(body="one", more=""), args=["--dev"])
    assert httpx.get(server.url).text == "one"
    server.config.write_text(YAML.format(body="two", more=""))
    server.wait_ready(2)
    assert httpx.get(server.url).text == "two"


def test_mistake_is_logged_and_its_correction_served(roost_server: StartServer) -> None:
    development = ", mode: development"
    server = roost_server(YAML.format(body="one", more=development))
    server.config.write_text("routes: [{ path: / }]\n")
    server.wait_log("reload failed")
    assert httpx.get(server.url).text == "one"
    server.config.write_text(YAML.format(body="three", more=development))
    server.wait_ready(2)
    assert httpx.get(server.url).text == "three"


def test_saved_python_source_is_served_also_from_a_package(roost_server: StartServer) -> None:
    files = {"code/shop.py": price(1), "code/shelf/__init__.py": "", "code/shelf/prices.py": "SHIFT = 0\n"}
    server = roost_server(PYTHON, files)
    assert httpx.get(server.url).json() == {"price": 1}
    (server.directory / "code/shop.py").write_text(price(2))
    server.wait_ready(2)
    assert httpx.get(server.url).json() == {"price": 2}
    (server.directory / "code/shelf/prices.py").write_text("SHIFT = 40\n")
    server.wait_ready(3)
    assert httpx.get(server.url).json() == {"price": 42}


def test_production_does_not_watch(roost_server: StartServer) -> None:
    server = roost_server(YAML.format(body="one", more=""))
    inodes = [link for fd in Path(f"/proc/{server.pid}/fd").iterdir() if "inotify" in (link := str(fd.readlink()))]
    assert inodes == []
