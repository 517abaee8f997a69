"""WebSocket endpoints of an application."""

from __future__ import annotations

from roost import _native, _pattern
from roost._callable import is_certainly_async, signature

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Literal, TypeVar

    from roost.router import Router

    Handler = TypeVar("Handler", bound=Callable[..., Any])

_EVENTS = ("connect", "message", "close", "drain")


class WebSocketDisconnect(Exception):
    """The connection is closed: `code` is what the client gave, 1005 when it gave none, 1006 when it vanished."""

    def __init__(self, code: int = 1000, reason: str = "") -> None:
        super().__init__(f"WebSocket disconnected with code {code}: {reason}")
        self.code = code
        self.reason = reason


def publish(topic: str, data: str | bytes, exclude: str | None = None) -> None:
    """Sends to every connection that has subscribed to the topic: in all workers and, with `redis:`, on all machines.

    What one thread publishes arrives in that order.

    Args:
        exclude: the id of one connection that is left out.
    """
    _native.publish(topic, data, exclude or "")


class WebSocket:
    """An endpoint, and its connections in all worker processes of this host.

    chat = WebSocket(app, "/chat/:room")

    @chat.on("message")
    async def heard(ws, message):
        chat.broadcast(message)

    Handlers take the connection (`id`, `path_params`, `query_params`, `headers`, `send_text`, `send_bytes`, `close`,
    `subscribe`, `unsubscribe`, `buffered`), for "message" also the text or bytes. A str or bytes that they return is
    sent; None and the empty one are not. Those of one connection run one at a time and in order; while they do not keep
    up the client has to wait. "drain" comes when the send buffer has emptied to half of its limit after being fuller.
    """

    steered: Literal[False] = False

    def __init__(self, app: Router, endpoint: str) -> None:
        self.endpoint = _pattern.checked(endpoint)
        # The same in every worker: they run the same code.
        self.group = f"{app.group} {self.endpoint}"
        self.on_connect: Callable[..., Any] | None = None
        self.on_message: Callable[..., Any] | None = None
        self.on_close: Callable[..., Any] | None = None
        self.on_drain: Callable[..., Any] | None = None
        app.add_web_socket(self)

    def on(self, event: str) -> Callable[[Handler], Handler]:
        """Decorates the handler of "connect", "message", "close" or "drain".

        Raises:
            ValueError: there is no such event, or it has a handler already.
        """
        if event not in _EVENTS:
            raise ValueError(f'{event!r} is no event of a WebSocket: "connect", "message", "close", "drain"')
        if getattr(self, f"on_{event}") is not None:
            raise ValueError(f"{self.endpoint}: the event {event!r} has a handler already")

        def register(handler: Handler) -> Handler:
            setattr(self, f"on_{event}", _with_arguments(handler, 2 if event == "message" else 1))
            return handler

        return register

    def send_to(self, connection_id: str, data: str | bytes) -> None:
        """Sends to one connection, whichever worker has it; to one that is gone, nothing happens."""
        _native.send_to(connection_id, data)

    def broadcast(self, data: str | bytes, exclude: str | None = None) -> None:
        """Sends to every connection of this endpoint in all workers, but to the one whose id is `exclude`."""
        _native.broadcast(self.group, data, exclude or "")

    def publish(self, topic: str, data: str | bytes, exclude: str | None = None) -> None:
        """See `roost.publish`."""
        _native.publish(topic, data, exclude or "")

    @property
    def active_connections(self) -> list[str]:
        """The ids of the connections of this endpoint in all workers of this host."""
        return _native.list_connections(self.group)


def _with_arguments(handler: Callable[..., Any], count: int) -> Callable[..., Any]:
    """The handler as it is called with `count` arguments, of which it may take fewer."""
    told = signature(handler)
    if told.required > count:
        raise TypeError(f"{handler!r} must take {'(ws, message)' if count == 2 else '(ws)'}")
    taken = count if told.names is None else min(len(told.names), count)
    if taken == count:
        return handler
    if is_certainly_async(handler):

        async def fewer_async(*args: Any) -> Any:
            return await handler(*args[:taken])

        return fewer_async

    def fewer(*args: Any) -> Any:
        return handler(*args[:taken])

    return fewer
