"""Development mode: what is saved is served, without a request that fails."""

from __future__ import annotations

import html
import signal
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


def test_mistake_is_shown_and_its_correction_served(roost_server: StartServer) -> None:
    development = ", mode: development"
    server = roost_server(YAML.format(body="one", more=development))
    server.config.write_text("routes: [{ path: / }]\n")
    server.wait_log("reload failed")

    def told() -> bool:
        return httpx.get(server.url).status_code == 500

    server.wait_for(told, "the worker to hear of it")
    text = httpx.get(f"{server.url}/anything")
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "roost.yaml:1:10: routes[0]" in text.text
    page = httpx.get(server.url, headers={"Accept": "text/html"})
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "roost.yaml:1:10: routes[0]" in page.text
    assert "What was saved cannot be served" in page.text
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


def test_syntax_error_is_shown_in_the_browser(roost_server: StartServer) -> None:
    files = {"code/shop.py": price(1), "code/shelf/__init__.py": "", "code/shelf/prices.py": "SHIFT = 0\n"}
    server = roost_server(PYTHON, files)
    (server.directory / "code/shelf/prices.py").write_text("SHIFT = (1,\n")
    server.wait_log("reload failed")
    browser = {"Accept": "text/html,application/xhtml+xml"}
    server.wait_for(lambda: httpx.get(server.url, headers=browser).status_code == 500, "the worker to hear of it")
    page = httpx.get(server.url, headers=browser).text
    assert "SyntaxError: '(' was never closed</h1>" in html.unescape(page)
    assert "code/shelf/prices.py" in page
    assert "importlib" not in page
    (server.directory / "code/shelf/prices.py").write_text("SHIFT = 1\n")
    server.wait_ready(2)
    assert httpx.get(server.url).json() == {"price": 2}


def test_in_production_a_mistake_changes_nothing(roost_server: StartServer) -> None:
    server = roost_server(YAML.format(body="one", more=""))
    server.config.write_text("routes: [{ path: / }]\n")
    server.signal(signal.SIGHUP)
    server.wait_log("reload failed")
    assert [httpx.get(server.url).text for _ in range(20)] == ["one"] * 20


def test_production_does_not_watch(roost_server: StartServer) -> None:
    server = roost_server(YAML.format(body="one", more=""))
    inodes = [link for fd in Path(f"/proc/{server.pid}/fd").iterdir() if "inotify" in (link := str(fd.readlink()))]
    assert inodes == []
