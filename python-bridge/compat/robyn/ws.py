"""WebSockets in both of Robyn's styles: `@app.websocket(path)`, and the older `WebSocket(app, path)` with `on(...)`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from roost import WebSocketDisconnect
from roost import websocket as native
from roost._native import QueryParams, WebSocketConnection
from roost.websocket_adapter import WebSocketAdapter


class WebSocketConnector:
    """One connection of the older style, and the way to the others of its endpoint."""

    def __init__(self, endpoint: WebSocket, connection: WebSocketConnection) -> None:
        self._endpoint = endpoint
        self._connection = connection
        self._closing = False

    @property
    def id(self) -> str:
        return self._connection.id

    @property
    def query_params(self) -> QueryParams:
        return self._connection.query_params

    def sync_send_to(self, recipient_id: str, message: str) -> None:
        """Sends text to one connection."""
        self._endpoint.send_to(recipient_id, message)

    def sync_send_bytes_to(self, recipient_id: str, data: bytes) -> None:
        """Sends bytes to one connection."""
        self._endpoint.send_to(recipient_id, data)

    def sync_broadcast(self, message: str) -> None:
        """Sends text to all connections of the endpoint."""
        self._endpoint.broadcast(message)

    def sync_broadcast_bytes(self, data: bytes) -> None:
        """Sends bytes to all connections of the endpoint."""
        self._endpoint.broadcast(data)

    async def async_send_to(self, recipient_id: str, message: str) -> None:
        """As `sync_send_to`."""
        self.sync_send_to(recipient_id, message)

    async def async_send_bytes_to(self, recipient_id: str, data: bytes) -> None:
        """As `sync_send_bytes_to`."""
        self.sync_send_bytes_to(recipient_id, data)

    async def async_broadcast(self, message: str) -> None:
        """As `sync_broadcast`."""
        self.sync_broadcast(message)

    async def async_broadcast_bytes(self, data: bytes) -> None:
        """As `sync_broadcast_bytes`."""
        self.sync_broadcast_bytes(data)

    def close(self) -> None:
        """Closes the connection, after what the handler returns was sent."""
        self._closing = True

    def _ends(self, returned: Any) -> Any:
        """What is left to send of it; a connection that was closed meanwhile gets it before."""
        if not self._closing:
            return returned
        if returned:
            self._connection.send(returned)
        self._connection.close()
        return None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class WebSocket(native.WebSocket):
    """Robyn's older style: handlers of "connect", "message" and "close" take a `WebSocketConnector`.

    They may also take `global_dependencies` and `router_dependencies`.
    """

    def __init__(self, app: Any, endpoint: str, config: Any = None, dependencies: Any = None) -> None:
        super().__init__(app, endpoint)
        self._app = app
        self.dependencies: dict[str, dict[str, Any]] = {"global_dependencies": {}, "router_dependencies": {}}

    def inject(self, **dependencies: Any) -> None:
        """For handlers that take `router_dependencies`."""
        self.dependencies["router_dependencies"].update(dependencies)

    def inject_global(self, **dependencies: Any) -> None:
        """For handlers that take `global_dependencies`."""
        self.dependencies["global_dependencies"].update(dependencies)

    def on(self, event: str) -> Callable[[Any], Any]:
        register = super().on(event)

        def decorate(handler: Callable[..., Any]) -> Callable[..., Any]:
            register(self._adapted(handler))
            return handler

        return decorate

    def _adapted(self, handler: Callable[..., Any]) -> Callable[..., Any]:
        named = [name for name in inspect.signature(handler).parameters if name in self.dependencies]
        count = len(inspect.signature(handler).parameters) - len(named)

        def arguments(
            given: tuple[Any, ...],
        ) -> tuple[WebSocketConnector, tuple[Any, ...], dict[str, Any]]:
            connector = WebSocketConnector(self, given[0])
            return connector, (connector, *given[1:])[:count], {name: self.dependencies[name] for name in named}

        if inspect.iscoroutinefunction(handler):

            async def later(*given: Any) -> Any:
                connector, positional, keywords = arguments(given)
                return connector._ends(await handler(*positional, **keywords))

            return later

        def now(*given: Any) -> Any:
            connector, positional, keywords = arguments(given)
            return connector._ends(handler(*positional, **keywords))

        return now


__all__ = ["WebSocket", "WebSocketAdapter", "WebSocketConnector", "WebSocketDisconnect"]
