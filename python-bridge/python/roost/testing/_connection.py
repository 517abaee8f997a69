"""The server's end of a WebSocket in process: what handlers are given, and what drives them."""

from __future__ import annotations

import asyncio
import queue
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from roost import _native
from roost._native import Headers, Request, Response
from roost.testing import _hub

Event = tuple[Any, ...]


class Connection:
    """A twin of the native connection. What the server sends goes to `events`; its methods may be called anywhere.

    Args:
        target: the endpoint, as the application mounts it.
        request: the handshake.
        arrived: called when there is an event.
    """

    def __init__(self, target: Any, request: Request, arrived: Callable[[], None] | None = None) -> None:
        self.target = target
        self.group: str = target.group
        self.topics: set[str] = set()
        self.id = ""
        self.path = request.path
        self.ip_addr = request.ip_addr
        self.path_params = request.path_params
        self.query_params = request.query_params
        self.headers: Headers = request.headers
        self.buffered = 0
        self.close_code: int | None = None
        self.close_reason = ""
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        """("accept", subprotocol, headers), ("refuse", response), ("message", data), ("close", code, reason)."""
        self._arrived = arrived
        self._messages: deque[str | bytes] = deque()
        self._over = False

    def _put(self, *event: Any) -> None:
        self.events.put(event)
        if self._arrived is not None:
            self._arrived()

    # For handlers -----------------------------------------------------------------------------------------------

    def accept(self, subprotocol: str | None, headers: Iterable[tuple[str, str]]) -> bool:
        self.id = uuid.uuid4().hex
        _hub.add(self)
        self._put("accept", subprotocol, list(headers))
        return True

    def refuse(self, response: Any) -> None:
        self._put("refuse", _native.to_response(response))
        self.ended(1006, "")

    def next_message(self) -> str | bytes | None:
        return self._messages.popleft() if self._messages else None

    def send_status(self, data: str | bytes) -> int:
        if self._over or self.close_code is not None:
            return 2
        self._put("message", data if isinstance(data, str) else bytes(data))
        return 0

    def send(self, data: str | bytes) -> bool:
        return self.send_status(data) == 0

    send_text = send
    send_bytes = send

    def close(self, code: int = 1000, reason: str = "") -> None:
        if self._over or self.close_code is not None:
            return
        self._put("close", code, reason)
        self.ended(code, reason)

    def subscribe(self, topic: str) -> None:
        self.topics.add(topic)

    def unsubscribe(self, topic: str) -> None:
        self.topics.discard(topic)

    # From the client, on the loop -------------------------------------------------------------------------------

    async def open(self) -> None:
        """The handshake has come."""
        self._loop = asyncio.get_running_loop()
        if self.target.steered:
            self.target.on_connect(self)
        else:
            self.accept(None, ())
            await self._call(self.target.on_connect)

    async def received(self, data: str | bytes) -> None:
        """The client has sent a message."""
        if self._over:
            return
        if self.target.steered:
            self._messages.append(data)
            self.target.on_message(self)
        else:
            await self._call(self.target.on_message, data)

    async def left(self, code: int, reason: str) -> None:
        """The client has closed."""
        self.ended(code, reason)
        if not self.target.steered and self._closing is not None:
            await self._closing

    _closing: asyncio.Task[None] | None = None

    def ended(self, code: int, reason: str) -> None:
        """Closed, by whichever side: tells the endpoint, once."""
        if self._over:
            return
        self._over = True
        self.close_code, self.close_reason = code, reason
        _hub.remove(self)

        def tell() -> None:
            if self.target.steered:
                self.target.on_close(self)
            else:
                self._closing = asyncio.ensure_future(self._call(self.target.on_close))

        # Never within the handler that closes.
        self._loop.call_soon_threadsafe(tell)

    async def _call(self, handler: Callable[..., Any] | None, *args: Any) -> None:
        if handler is None:
            return
        result = handler(self, *args)
        if hasattr(result, "__await__"):
            result = await result
        if result:
            self.send(result if isinstance(result, str | bytes) else _native.json_encode(result).decode())


def refusal(response: Response) -> tuple[int, str]:
    """Status and body of the answer to a handshake that was not accepted."""
    body = response.body
    if isinstance(body, dict | list):
        body = _native.json_encode(body)
    return response.status_code, body if isinstance(body, str) else bytes(body or b"").decode(errors="replace")
