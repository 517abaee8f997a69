"""Who the client is: behind a trusted proxy whom it names, otherwise whoever holds the connection."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from server_process import RoostServer

CONFIGURATION = """
server: { listen: 127.0.0.1:0, processes: 1, trusted_proxies: TRUSTED }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /, plugin: probe.describe }
"""


@pytest.fixture(scope="module")
def trusting(module_server: Callable[..., RoostServer]) -> RoostServer:
    return module_server(CONFIGURATION.replace("TRUSTED", "[127.0.0.0/8, 10.0.0.0/8, '2001:db8:1::/48']"))


@pytest.fixture(scope="module")
def suspicious(module_server: Callable[..., RoostServer]) -> RoostServer:
    return module_server(CONFIGURATION.replace("TRUSTED", "[10.0.0.0/8]"))


def seen(server: RoostServer, *fields: str) -> tuple[str, str, str]:
    """Address, scheme and host of the client as a handler sees them."""
    with server.connect() as connection:
        connection.send("\r\n".join(["GET / HTTP/1.1", "Host: front.example", *fields, "", ""]).encode())
        lines = dict(
            line.split(" ", 1) for line in connection.read_response().body.decode().splitlines() if " " in line
        )
    assert (lines["secure"] == "yes") == (lines["scheme"] == "https")
    return lines["ip"], lines["scheme"], lines["host"]


DIRECT = ("127.0.0.1", "http", "front.example")


@pytest.mark.parametrize(
    "fields, expected",
    [
        ([], DIRECT),
        (["X-Real-IP: 203.0.113.7"], ("203.0.113.7", "http", "front.example")),
        (["X-Forwarded-For: 203.0.113.7"], ("203.0.113.7", "http", "front.example")),
        (["X-Forwarded-For: 203.0.113.7, 10.1.2.3"], ("203.0.113.7", "http", "front.example")),
        (["X-Forwarded-For: 198.51.100.1, 203.0.113.7, 10.1.2.3"], ("203.0.113.7", "http", "front.example")),
        (["X-Forwarded-For: 203.0.113.7", "X-Forwarded-For: 10.1.2.3"], ("203.0.113.7", "http", "front.example")),
        (["X-Forwarded-For: 10.1.2.3"], ("10.1.2.3", "http", "front.example")),
        (["X-Forwarded-For: 203.0.113.7:4711"], ("203.0.113.7", "http", "front.example")),
        (["X-Forwarded-For: 2001:db8::7"], ("2001:db8::7", "http", "front.example")),
        (["X-Forwarded-For: 2001:db8::7, 2001:db8:1::1"], ("2001:db8::7", "http", "front.example")),
        (["X-Forwarded-For: nonsense"], DIRECT),
        (["X-Forwarded-Proto: https"], ("127.0.0.1", "https", "front.example")),
        (["X-Forwarded-Host: shop.example:8443"], ("127.0.0.1", "http", "shop.example:8443")),
        (["X-Forwarded-Host: bad host"], DIRECT),
        (
            ['Forwarded: for="[2001:db8::7]:80";proto=https;host=shop.example'],
            ("2001:db8::7", "https", "shop.example"),
        ),
        (["Forwarded: for=203.0.113.7, for=10.1.2.3;proto=https"], ("203.0.113.7", "https", "front.example")),
        (["Forwarded: for=unknown"], DIRECT),
        (["Forwarded: for=203.0.113.7", "X-Forwarded-For: 198.51.100.1"], ("203.0.113.7", "http", "front.example")),
        (["X-Forwarded-For: 203.0.113.7", "X-Real-IP: 198.51.100.1"], ("203.0.113.7", "http", "front.example")),
    ],
)
def test_trusted_proxy_is_believed(trusting: RoostServer, fields: list[str], expected: tuple[str, str, str]) -> None:
    assert seen(trusting, *fields) == expected


@pytest.mark.parametrize(
    "field",
    [
        "X-Real-IP: 203.0.113.7",
        "X-Forwarded-For: 203.0.113.7",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: shop.example",
        "Forwarded: for=203.0.113.7;proto=https;host=shop.example",
    ],
)
def test_anybody_else_is_not(suspicious: RoostServer, field: str) -> None:
    assert seen(suspicious, field) == DIRECT


def test_access_log_names_the_client(trusting: RoostServer) -> None:
    seen(trusting, "X-Forwarded-For: 203.0.113.99")
    trusting.wait_output(r'"client":"203\.0\.113\.99"')
