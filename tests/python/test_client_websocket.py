"""WebSocket sessions of the test clients, in both styles of handlers."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from roost import App, WebSocket, WebSocketDisconnect
from roost.testing import AsyncTestClient, TestClient, WebSocketRefused


@pytest.fixture
def app() -> App:
    app = App(__file__)
    app.state.closed = []
    chat = WebSocket(app, "/chat/:room")

    @chat.on("connect")
    def joined(ws: Any) -> str:
        return f"joined {ws.path_params['room']} {ws.query_params.get('q')} {ws.headers.get('x-one')}"

    @chat.on("message")
    async def heard(ws: Any, message: str | bytes) -> Any:
        if message == "all":
            chat.broadcast("to all")
        elif message == "count":
            return {"count": len(chat.active_connections)}
        elif message == "close":
            ws.close(4001, "enough")
        elif message == "self":
            chat.send_to(ws.id, "to you")
        else:
            return message
        return None

    @chat.on("close")
    def left(ws: Any) -> None:
        app.state.closed.append((ws.close_code, ws.close_reason))

    @app.websocket("/echo/:name", subprotocols=["b", "a"])
    async def echo(websocket: Any, q: int = 0) -> None:
        websocket.subscribe("news")
        try:
            async for message in websocket:
                if message == "news":
                    await websocket.publish("news", "published")
                elif message == "close":
                    await websocket.close(4002, "by coroutine")
                    return
                elif message == "json":
                    await websocket.send_json({"name": websocket.path_params["name"], "q": q})
                else:
                    await websocket.send(message)
        finally:
            app.state.closed.append("coroutine")

    @app.websocket("/refused")
    async def refused(websocket: Any, q: int) -> None:
        raise AssertionError("never called: q is missing")

    return app


def test_handlers_by_event(app: App) -> None:
    with TestClient(app) as client:
        with client.websocket_connect("/chat/a b?q=1", headers={"X-One": "1"}) as ws:
            assert ws.receive_text() == "joined a b 1 1"
            ws.send_text("text")
            assert ws.receive() == "text"
            ws.send_bytes(b"\x00")
            assert ws.receive_bytes() == b"\x00"
            ws.send("count")
            assert ws.receive_json() == {"count": 1}
            ws.send("self")
            assert ws.receive_text() == "to you"
            with client.websocket_connect("/chat/c") as other:
                other.receive_text()
                other.send("all")
                assert (ws.receive_text(), other.receive_text()) == ("to all", "to all")
            ws.send("count")
            assert ws.receive_json() == {"count": 1}
            ws.send("close")
            with pytest.raises(WebSocketDisconnect) as caught:
                ws.receive()
            assert (caught.value.code, ws.close_code, ws.close_reason) == (4001, 4001, "enough")
            with pytest.raises(WebSocketDisconnect):
                ws.send("late")
        with client.websocket_connect("/chat/c", params={"q": "2"}) as ws:
            assert ws.receive_text() == "joined c 2 None"
            ws.close(4003, "bye")
    assert app.state.closed == [(1000, ""), (4001, "enough"), (4003, "bye")]


def test_handler_as_a_coroutine(app: App) -> None:
    with TestClient(app) as client:
        with client.websocket_connect("/echo/me?q=7", subprotocols=["a", "c"]) as ws:
            assert ws.subprotocol == "a"
            ws.send_json({"a": 1})
            assert ws.receive_json() == {"a": 1}
            ws.send("json")
            assert ws.receive_json() == {"name": "me", "q": 7}
            ws.send("news")
            assert ws.receive_text() == "published"
            ws.send("close")
            with pytest.raises(WebSocketDisconnect):
                ws.receive()
        with client.websocket_connect("/echo/me") as ws:
            assert ws.subprotocol is None
    assert app.state.closed == ["coroutine"] * 2


def test_refused_handshakes(app: App) -> None:
    with TestClient(app) as client:
        with pytest.raises(WebSocketRefused) as caught, client.websocket_connect("/missing"):
            pass
        assert caught.value.status_code == 404
        with pytest.raises(WebSocketRefused) as caught, client.websocket_connect("/refused"):
            pass
        assert caught.value.status_code == 400
        assert "q" in caught.value.text


def test_asynchronous_twin(app: App) -> None:
    async def test() -> None:
        async with AsyncTestClient(app) as client:
            async with client.websocket_connect("/echo/me", subprotocols=["b"]) as ws:
                assert ws.subprotocol == "b"
                await ws.send("one")
                await ws.send_bytes(b"two")
                assert (await ws.receive_text(), await ws.receive_bytes()) == ("one", b"two")
                await ws.send("close")
                with pytest.raises(WebSocketDisconnect):
                    await ws.receive()
            async with client.websocket_connect("/chat/x") as ws:
                assert await ws.receive_text() == "joined x None None"
                await ws.send("all")
                assert await ws.receive_text() == "to all"
            with pytest.raises(WebSocketRefused):
                async with client.websocket_connect("/missing"):
                    pass

    asyncio.run(test())
