"""What `WebSocket(app, path)` takes, without a server."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("roost")

from roost import App, WebSocket


def test_websocket_handlers_may_take_less(app: App) -> None:
    socket = WebSocket(app, "/ws")
    socket.on("message")(lambda: "nothing")

    @socket.on("connect")
    async def connected() -> str:
        return "hello"

    mounted = app.__roost_mount__().websockets[0][1]
    assert mounted.on_message is not None
    assert mounted.on_message("ws", "text") == "nothing"
    assert mounted.on_connect is not None
    assert asyncio.run(mounted.on_connect("ws")) == "hello"
    assert mounted.on_close is None


def test_websocket_refuses_unknown_and_second_handlers(app: App) -> None:
    socket = WebSocket(app, "/ws")
    with pytest.raises(ValueError, match="open"):
        socket.on("open")
    socket.on("close")(lambda ws: None)
    with pytest.raises(ValueError, match="close"):
        socket.on("close")
    with pytest.raises(TypeError):
        socket.on("connect")(lambda ws, message: None)


def test_websocket_outside_of_a_server_has_no_connections(app: App) -> None:
    socket = WebSocket(app, "/ws")
    socket.broadcast("text")
    socket.send_to("id", "text")
    assert socket.active_connections == []


def test_two_applications_of_a_file_have_their_own_connections() -> None:
    one, two = WebSocket(App(__file__), "/ws"), WebSocket(App(__file__), "/ws")
    assert one.group != two.group
