"""One WebSocket connection, as the coroutine that serves it holds it."""

from __future__ import annotations

import asyncio

from roost import _native
from roost.websocket import WebSocketDisconnect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from roost._native import Headers, QueryParams, WebSocketConnection
    from roost.websocket_handler import WebSocketHandler


class WebSocketAdapter:
    """One connection, as the coroutine that serves it holds it. Its methods are the event loop's alone.

    `id` is unique for this host, and empty until the handshake is accepted. `path_params`, `query_params`, `headers`,
    `path` and `ip_addr` are those of the handshake.
    """

    def __init__(self, endpoint: WebSocketHandler, native: WebSocketConnection) -> None:
        self._endpoint = endpoint
        self._native = native
        self._accepted = False
        self._pending = True  # the handshake was not answered
        self._over = False
        self._arrival: asyncio.Future[None] | None = None
        self._drain: asyncio.Future[None] | None = None
        self._end: asyncio.Future[None] | None = None
        self._task: asyncio.Task[None] | None = None
        self.subprotocol: str | None = None

    # The handshake ----------------------------------------------------------------------------------------------

    async def accept(
        self,
        subprotocol: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    ) -> None:
        """Accepts the handshake. Without effect when that was done already.

        Args:
            subprotocol: one of `offered_subprotocols`.
            headers: added to the response.

        Raises:
            ValueError: the subprotocol was not offered, or a header is malformed or the handshake's own.
            RuntimeError: it was accepted before, without this subprotocol and these headers.
            WebSocketDisconnect: the client has gone.
        """
        if not self._pending:
            if headers or (subprotocol is not None and subprotocol != self.subprotocol):
                raise RuntimeError(
                    "the handshake was answered before the handler began: to choose a subprotocol or headers in it, "
                    "register it with @app.websocket(path, accept=False)"
                )
            return
        pairs = [] if headers is None else list(headers.items() if hasattr(headers, "items") else headers)
        if not self._native.accept(subprotocol, pairs):
            self._pending = False
            raise WebSocketDisconnect(1006)
        self._pending = False
        self._accepted = True
        self.subprotocol = subprotocol
        await self._endpoint._call_hook(self._endpoint.connected, self)

    @property
    def offered_subprotocols(self) -> list[str]:
        """What the client proposes, its favourite first."""
        return [
            name.strip()
            for field in self.headers.get_all("sec-websocket-protocol")
            for name in field.split(",")
            if name.strip()
        ]

    # Receiving --------------------------------------------------------------------------------------------------

    async def receive(self) -> str | bytes:
        """The next message: str for text, bytes for binary. While nobody takes messages the client has to wait.

        Raises:
            WebSocketDisconnect: the connection is closed, and all messages were received.
            RuntimeError: another coroutine is waiting here.
        """
        message = self._native.next_message()
        while message is None:
            if self._over or self._native.close_code is not None:
                raise self._disconnect()
            self._require_accepted()
            if self._arrival is not None and not self._arrival.done():
                raise RuntimeError("another coroutine waits for a message of this connection already")
            self._arrival = asyncio.get_running_loop().create_future()
            await self._arrival
            message = self._native.next_message()
        return message

    async def receive_text(self) -> str:
        """The next message as text; a binary one is decoded as UTF-8. See `receive`."""
        message = await self.receive()
        return message if isinstance(message, str) else message.decode()

    async def receive_bytes(self) -> bytes:
        """The next message as bytes; a text is encoded as UTF-8. See `receive`."""
        message = await self.receive()
        return message if isinstance(message, bytes) else message.encode()

    async def receive_json(self) -> Any:
        """The next message, decoded from JSON. See `receive`.

        Raises:
            ValueError: it is not JSON.
        """
        message = await self.receive()
        return _native.json_decode(message.encode() if isinstance(message, str) else message)

    def __aiter__(self) -> WebSocketAdapter:
        return self

    async def __anext__(self) -> str | bytes:
        try:
            return await self.receive()
        except WebSocketDisconnect:
            raise StopAsyncIteration from None

    # Sending ----------------------------------------------------------------------------------------------------

    async def send(self, data: str | bytes) -> None:
        """Sends a str as text, bytes as binary; waits while more than half of the send buffer waits for the client.

        Raises:
            WebSocketDisconnect: the connection is closed.
        """
        self._require_accepted()
        status = self._native.send_status(data)
        if status == 0:
            return
        if status == 2:
            raise self._disconnect()
        if self._drain is None:
            self._drain = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._drain)

    async def send_text(self, data: str) -> None:
        """Sends text, see `send`."""
        await self.send(data)

    async def send_bytes(self, data: bytes) -> None:
        """Sends bytes, see `send`."""
        await self.send(data)

    async def send_json(self, data: Any) -> None:
        """Sends what `data` is in JSON, as text, see `send`."""
        await self.send(_native.json_encode(data).decode())

    @property
    def buffered(self) -> int:
        """Bytes that wait for the client to take them."""
        return self._native.buffered

    async def broadcast(self, data: str | bytes, exclude: str | None = None) -> None:
        """Sends to every connection of this endpoint, in all workers.

        Args:
            exclude: the id of one that is left out, such as `self.id`.
        """
        _native.broadcast(self._endpoint.group, data, exclude or "")

    async def send_to(self, connection_id: str, data: str | bytes) -> None:
        """Sends to one connection, whichever worker has it; to one that is gone, nothing happens."""
        _native.send_to(connection_id, data)

    @property
    def active_connections(self) -> list[str]:
        """The ids of the connections of this endpoint, in all workers of this host."""
        return _native.list_connections(self._endpoint.group)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the connection; a handshake that was not accepted yet is answered 403.

        Args:
            code: 1000, 1001, 1003, 1007 to 1014 or 3000 to 4999.
            reason: at most 123 bytes.
        """
        if self._pending:
            self._refuse(_native.Response(403, None, reason or "Forbidden"))
        else:
            self._native.close(code, reason)

    # Topics -----------------------------------------------------------------------------------------------------

    def subscribe(self, topic: str) -> None:
        """Lets this connection receive what is published to the topic, until it is unsubscribed or closed."""
        self._require_accepted()
        self._native.subscribe(topic)

    def unsubscribe(self, topic: str) -> None:
        """No longer receives what is published to the topic."""
        self._native.unsubscribe(topic)

    async def publish(self, topic: str, data: str | bytes, exclude: str | None = None) -> None:
        """Sends to all that have subscribed to the topic, wherever they are connected, see `roost.publish`."""
        _native.publish(topic, data, exclude or "")

    # ------------------------------------------------------------------------------------------------------------

    @property
    def id(self) -> str:
        return self._native.id

    @property
    def path(self) -> str:
        return self._native.path

    @property
    def ip_addr(self) -> str:
        return self._native.ip_addr

    @property
    def path_params(self) -> dict[str, str]:
        return self._native.path_params

    @property
    def query_params(self) -> QueryParams:
        return self._native.query_params

    @property
    def headers(self) -> Headers:
        return self._native.headers

    @property
    def closed(self) -> bool:
        """Whether the connection has ended, or the client has gone before its handshake was answered."""
        return self._over

    def __repr__(self) -> str:
        return f"<WebSocketAdapter {self._endpoint.endpoint} {self.id or 'not accepted'}>"

    def _require_accepted(self) -> None:
        if self._over:
            raise self._disconnect()
        if self._pending:
            raise RuntimeError("accept() comes first, as the handler was registered with accept=False")

    def _disconnect(self) -> WebSocketDisconnect:
        return WebSocketDisconnect(self._native.close_code or 1006, self._native.close_reason)

    def _refuse(self, response: Any) -> None:
        self._pending = False
        self._native.refuse(response)

    def _wake(self, over: bool = False) -> None:
        arrival, self._arrival = self._arrival, None
        if arrival is not None and not arrival.done():
            arrival.set_result(None)
        if over:
            self._over = True
            self._drained()
            if self._end is not None and not self._end.done():
                self._end.set_result(None)

    def _drained(self) -> None:
        drain, self._drain = self._drain, None
        if drain is not None and not drain.done():
            drain.set_result(None)
