"""WebSockets as one coroutine for each connection: `@app.websocket(path)`."""

from __future__ import annotations

import asyncio

from roost import _native, _pattern
from roost._callable import is_async, name_of
from roost._socket_params import Arguments, BadArgument
from roost.websocket import WebSocketDisconnect
from roost.websocket_adapter import WebSocketAdapter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Literal, TypeVar

    Handler = TypeVar("Handler", bound=Callable[..., Any])


class WebSocketHandler:
    """An endpoint whose connections are served by one coroutine each; `App.websocket` makes it.

    The bridge calls on_connect, on_message, on_drain and on_close on the event loop, with the native connection.
    """

    steered: Literal[True] = True

    def __init__(
        self,
        group: str,
        endpoint: str,
        handler: Callable[..., Any],
        accept: bool = True,
        subprotocols: Sequence[str] = (),
        grace: float = 5.0,
    ) -> None:
        self.endpoint = _pattern.checked(endpoint)
        self.group = f"{group} {self.endpoint}"
        self.handler = handler
        if not is_async(handler):
            raise TypeError(f"{name_of(handler)}: the handler of a WebSocket must be `async def`")
        self.connected: Callable[..., Any] | None = None
        self.disconnected: Callable[..., Any] | None = None
        self._accept = accept
        self._subprotocols = tuple(subprotocols)
        self._grace = grace
        self._arguments: dict[Callable[..., Any], Arguments] = {}
        self._dependencies: Callable[[], dict[str, dict[str, Any]]] = dict

    def bind(self, pattern: str, dependencies: Callable[[], dict[str, dict[str, Any]]]) -> None:
        """Looks at what the handlers want, at the mount.

        Raises:
            TypeError: one wants what cannot be had.
        """
        self._dependencies = dependencies
        for function in (self.handler, self.connected, self.disconnected):
            if function is not None:
                injected = [name for values in dependencies().values() for name in values]
                self._arguments[function] = Arguments(function, _pattern.names(pattern), injected)

    # From the bridge, on the loop -------------------------------------------------------------------------------

    def on_connect(self, native: Any) -> None:
        native.adapter = adapter = WebSocketAdapter(self, native)
        adapter._task = asyncio.get_running_loop().create_task(self._serve(adapter))

    def on_message(self, native: Any) -> None:
        native.adapter._wake()

    def on_drain(self, native: Any) -> None:
        native.adapter._drained()

    def on_close(self, native: Any) -> None:
        adapter: WebSocketAdapter = native.adapter
        del native.adapter
        adapter._wake(over=True)
        task = adapter._task
        if task is not None and not task.done():
            # It has been told by WebSocketDisconnect if it receives or sends; what else it does is ended.
            asyncio.get_running_loop().call_later(self._grace, _cancel_weakly, _weak(task))

    # ------------------------------------------------------------------------------------------------------------

    async def _serve(self, adapter: WebSocketAdapter) -> None:
        code = 1000
        try:
            arguments = self._gather(self.handler, adapter)
            if self._accept:
                await adapter.accept(self._choose(adapter))
            await self.handler(adapter, **arguments)
        except WebSocketDisconnect:
            pass
        except BadArgument as error:
            adapter._refuse(_native.Response(400, None, {"error": str(error)}))
            return
        except asyncio.CancelledError:
            if not adapter._over:
                code = 1001
                adapter._native.close(code)
                raise
        except Exception as error:
            code = 1011
            if adapter._pending and hasattr(error, "__roost_response__"):
                adapter._refuse(error.__roost_response__())
                return
            _native.log_exception(error, f"{name_of(self.handler)} raised")
        finally:
            adapter._task = None
        if adapter._pending:
            adapter._refuse(_native.Response(500 if code == 1011 else 403, None, ""))
        if not adapter._accepted:
            return
        adapter._native.close(code)
        if self.disconnected is None:
            return
        if not adapter._over:
            adapter._end = asyncio.get_running_loop().create_future()
            await adapter._end
        await self._call_hook(self.disconnected, adapter)

    def _choose(self, adapter: WebSocketAdapter) -> str | None:
        if not self._subprotocols:
            return None
        offered = adapter.offered_subprotocols
        return next((name for name in self._subprotocols if name in offered), None)

    def _gather(self, function: Callable[..., Any], adapter: WebSocketAdapter) -> dict[str, Any]:
        arguments = self._arguments.get(function)
        return arguments.gather(adapter, self._dependencies) if arguments is not None else {}

    async def _call_hook(self, function: Callable[..., Any] | None, adapter: WebSocketAdapter) -> None:
        """Calls on_connect's or on_close's handler; what it returns is sent."""
        if function is None:
            return
        try:
            arguments = self._arguments.get(function)
            takes = arguments is None or arguments.takes_connection
            result = function(*((adapter,) if takes else ()), **self._gather(function, adapter))
            if hasattr(result, "__await__"):
                result = await result
            if result and not adapter._over:
                if not isinstance(result, str | bytes | bytearray):
                    result = _native.json_encode(result).decode()
                adapter._native.send_status(result)
        except Exception as error:
            _native.log_exception(error, f"{name_of(function)} raised")


def _weak(task: asyncio.Task[None]) -> Callable[[], asyncio.Task[None] | None]:
    import weakref

    return weakref.ref(task)


def _cancel_weakly(reference: Callable[[], asyncio.Task[None] | None]) -> None:
    task = reference()
    if task is not None and not task.done():
        task.cancel()


def register(
    group: str,
    add: Callable[[Any], None],
    endpoint: str,
    handler: Handler,
    accept: bool,
    subprotocols: Sequence[str],
    grace: float,
) -> Handler:
    """What `App.websocket` does to a handler: adds it, and gives it `on_connect` and `on_close`."""
    made = WebSocketHandler(group, endpoint, handler, accept, subprotocols, grace)

    def on_connect(function: Callable[..., Any]) -> Callable[..., Any]:
        made.connected = function
        return function

    def on_close(function: Callable[..., Any]) -> Callable[..., Any]:
        made.disconnected = function
        return function

    target: Any = getattr(handler, "__func__", handler)
    target.on_connect = on_connect
    target.on_close = on_close
    add(made)
    return handler
