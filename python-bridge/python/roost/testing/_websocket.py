"""WebSocket sessions of the test clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from roost.testing._connection import Connection, Event, refusal
from roost.websocket import WebSocketDisconnect

if TYPE_CHECKING:
    from roost.testing._lifespan import LoopThread
    from roost.testing._site import Site


class WebSocketRefused(Exception):
    """The handshake was not accepted: `status_code` and `text` are the answer's."""

    def __init__(self, status_code: int, text: str) -> None:
        self.status_code = status_code
        self.text = text
        super().__init__(f"the handshake was answered {status_code}: {text.strip()}")


def handshake(site: Site, request: httpx.Request, subprotocols: list[str] | None, arrived: Any = None) -> Connection:
    """The server's end for a request, not opened yet.

    Raises:
        WebSocketRefused: there is no endpoint.
    """
    target = request.url.raw_path.decode("ascii")
    found = site.find_websocket(target.partition("?")[0])
    if found is None:
        raise WebSocketRefused(404, "Not Found")
    endpoint, parameters = found
    headers = request.headers.multi_items()
    headers += [("connection", "Upgrade"), ("upgrade", "websocket"), ("sec-websocket-version", "13")]
    if subprotocols:
        headers.append(("sec-websocket-protocol", ", ".join(subprotocols)))
    made = site.request("GET", target, headers, b"", parameters)
    return Connection(endpoint, made, arrived)


class _Session:
    subprotocol: str | None = None
    headers: httpx.Headers
    """Of the answer to the handshake."""
    close_code: int | None = None
    close_reason = ""

    def _opened(self, event: Event) -> None:
        if event[0] == "refuse":
            raise WebSocketRefused(*refusal(event[1]))
        assert event[0] == "accept", event
        self.subprotocol, self.headers = event[1], httpx.Headers(event[2])

    def _message(self, event: Event) -> str | bytes:
        if event[0] == "close":
            self.close_code, self.close_reason = event[1], event[2]
            raise WebSocketDisconnect(event[1], event[2])
        data: str | bytes = event[1]
        return data


def _text(data: str | bytes) -> str:
    assert isinstance(data, str), f"not a text but {data!r}"
    return data


def _bytes(data: str | bytes) -> bytes:
    assert isinstance(data, bytes), f"not bytes but {data!r}"
    return data


class WebSocketSession(_Session):
    """One connection to an application, opened by `with`. Receiving waits for the next message.

    Its methods raise `roost.WebSocketDisconnect` once the server has closed and all was received.
    """

    def __init__(self, thread: LoopThread, connection: Connection, timeout: float | None) -> None:
        self._thread = thread
        self._connection = connection
        self._timeout = timeout

    def __enter__(self) -> WebSocketSession:
        self._run(self._connection.open())
        self._opened(self._connection.events.get(timeout=self._timeout))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._thread.run(coroutine)

    def send(self, data: str | bytes) -> None:
        """Sends a str as text, bytes as binary."""
        if self._connection.close_code is not None:
            raise WebSocketDisconnect(self._connection.close_code, self._connection.close_reason)
        self._run(self._connection.received(data))

    def send_text(self, data: str) -> None:
        """Sends text."""
        self.send(data)

    def send_bytes(self, data: bytes) -> None:
        """Sends bytes."""
        self.send(data)

    def send_json(self, data: Any) -> None:
        """Sends JSON, as text."""
        self.send(json.dumps(data))

    def receive(self) -> str | bytes:
        """The next message: str for text, bytes for binary."""
        return self._message(self._connection.events.get(timeout=self._timeout))

    def receive_text(self) -> str:
        """The next message, which is text."""
        return _text(self.receive())

    def receive_bytes(self) -> bytes:
        """The next message, which is bytes."""
        return _bytes(self.receive())

    def receive_json(self) -> Any:
        """The next message, read as JSON."""
        return json.loads(self.receive())

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the connection, unless it is closed."""
        self._run(self._connection.left(code, reason))


class AsyncWebSocketSession(_Session):
    """As `WebSocketSession`, in coroutines."""

    def __init__(self, site: Site, request: httpx.Request, subprotocols: list[str] | None) -> None:
        self._arrivals: asyncio.Queue[None] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def arrived() -> None:
            loop.call_soon_threadsafe(self._arrivals.put_nowait, None)

        self._connection = handshake(site, request, subprotocols, arrived)

    async def _event(self) -> Event:
        await self._arrivals.get()
        return self._connection.events.get_nowait()

    async def __aenter__(self) -> AsyncWebSocketSession:
        await self._connection.open()
        self._opened(await self._event())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def send(self, data: str | bytes) -> None:
        """Sends a str as text, bytes as binary."""
        if self._connection.close_code is not None:
            raise WebSocketDisconnect(self._connection.close_code, self._connection.close_reason)
        await self._connection.received(data)

    async def send_text(self, data: str) -> None:
        """Sends text."""
        await self.send(data)

    async def send_bytes(self, data: bytes) -> None:
        """Sends bytes."""
        await self.send(data)

    async def send_json(self, data: Any) -> None:
        """Sends JSON, as text."""
        await self.send(json.dumps(data))

    async def receive(self) -> str | bytes:
        """The next message: str for text, bytes for binary."""
        return self._message(await self._event())

    async def receive_text(self) -> str:
        """The next message, which is text."""
        return _text(await self.receive())

    async def receive_bytes(self) -> bytes:
        """The next message, which is bytes."""
        return _bytes(await self.receive())

    async def receive_json(self) -> Any:
        """The next message, read as JSON."""
        return json.loads(await self.receive())

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Closes the connection, unless it is closed."""
        await self._connection.left(code, reason)
