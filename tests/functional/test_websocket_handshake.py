"""The handshake of WebSockets (RFC 6455 section 4), over the real server."""

from __future__ import annotations

import httpx
import pytest
from conftest import StartServer
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from raw_websocket import KEY, TEXT, RawWebSocket, frame
from server_process import RawResponse, RoostServer
from websocket_rooms import ask, who, yaml


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    """One worker, so that /events are those of every connection."""
    return module_server(yaml())


def test_handshake(server: RoostServer) -> None:
    with RawWebSocket(server) as ws:
        assert ws.response.headers["upgrade"].lower() == "websocket"
        assert ws.response.headers["connection"].lower() == "upgrade"
        assert ws.response.headers["sec-websocket-accept"] == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        assert "sec-websocket-extensions" not in ws.response.headers
        assert "content-length" not in ws.response.headers


def test_handler_sees_parameters_query_and_headers(server: RoostServer) -> None:
    with connect(f"{server.ws_url}/room/blue%20one?x=1&y", additional_headers={"X-Test": "yes"}) as member:
        who(member)
        assert ask(member, "about") == "room blue one query x=1&y header yes ip 127.0.0.1"
        assert member.response is not None
        assert member.response.headers["X-Room"] == "blue one"


def test_protocol_is_negotiated(server: RoostServer) -> None:
    with connect(f"{server.ws_url}/room/a?protocol=v2", subprotocols=[Subprotocol("v1"), Subprotocol("v2")]) as member:
        assert member.subprotocol == "v2"


def test_frames_sent_with_the_handshake(server: RoostServer) -> None:
    with server.connect() as raw:
        raw.send(
            f"GET /echo HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Key: {KEY}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            + frame(TEXT, b"early")
        )
        assert RawResponse(raw.read_until(b"\r\n\r\n")).status == 101
        assert raw.read_exactly(7) == b"\x81\x05early"


@pytest.mark.parametrize(
    ("path", "headers", "version", "key", "status"),
    [
        ("/echo", "", "8", KEY, 426),
        ("/echo", "", "13", "short", 400),
        ("/room/a?refuse", "", "13", KEY, 403),
        ("/room/a?throw", "", "13", KEY, 500),
        ("/room/a?protocol=never-offered", "", "13", KEY, 500),
        ("/nowhere", "", "13", KEY, 404),
    ],
)
def test_refused_handshake(server: RoostServer, path: str, headers: str, version: str, key: str, status: int) -> None:
    ws = RawWebSocket(server, path, headers, version, key)
    assert ws.response.status == status
    if status == 426:
        assert ws.response.headers["sec-websocket-version"] == "13"
    ws.raw.close()


def test_no_handshake_is_426(server: RoostServer) -> None:
    answer = httpx.get(server.url + "/echo")
    assert answer.status_code == 426
    assert answer.headers["sec-websocket-version"] == "13"
    assert answer.headers["upgrade"].lower() == "websocket"


def test_upgrade_to_an_ordinary_route_is_answered_by_it(server: RoostServer) -> None:
    ws = RawWebSocket(server, "/events")
    assert ws.response.status == 200
    ws.raw.close()


def test_origins(roost_server: StartServer) -> None:
    server = roost_server(yaml(websocket='origins: ["https://app.example.com"]'))
    with RawWebSocket(server, headers="Origin: https://app.example.com\r\n"), RawWebSocket(server):
        pass
    for origin in ("https://evil.example.com", "http://app.example.com", "null", "https://app.example.com.evil"):
        ws = RawWebSocket(server, headers=f"Origin: {origin}\r\n")
        assert ws.response.status == 403
        ws.raw.close()
    with pytest.raises(InvalidStatus):
        connect(server.ws_url + "/echo", origin=Origin("https://evil.example.com"))
