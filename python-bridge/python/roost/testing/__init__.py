"""Calls an application in process, for its tests: no server, no port.

from roost.testing import TestClient

def test_note_is_created():
    with TestClient(app) as client:
        assert client.post("/notes", json={"title": "Bread"}).status_code == 201

The clients are httpx's, so that what is known of them holds here; `AsyncTestClient` is for tests that are coroutines.
With pytest the fixtures `roost_client` and `roost_server` are there without an import, see `roost.pytest_plugin`.
"""

from __future__ import annotations

try:
    import httpx as _httpx  # noqa: F401
except ModuleNotFoundError as _error:
    raise ModuleNotFoundError(
        "roost.testing is built on httpx, which is not installed: pip install httpx, or the extra roost[test]",
        name="httpx",
    ) from _error

from roost.testing._async_client import AsyncTestClient
from roost.testing._client import TestClient
from roost.testing._response import TestResponse
from roost.testing._server import RunningServer
from roost.testing._websocket import AsyncWebSocketSession, WebSocketRefused, WebSocketSession

__all__ = [
    "AsyncTestClient",
    "AsyncWebSocketSession",
    "RunningServer",
    "TestClient",
    "TestResponse",
    "WebSocketRefused",
    "WebSocketSession",
]
