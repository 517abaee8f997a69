"""The client for tests that are plain functions."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from roost.testing import _site
from roost.testing._lifespan import LoopThread, run_hooks
from roost.testing._response import TestResponse
from roost.testing._websocket import WebSocketSession, handshake

if TYPE_CHECKING:
    from roost.app import App


class TestClient(httpx.Client):
    """An `httpx.Client` whose requests are answered by an application, through its middleware, in process.

    Startup handlers run when the client is entered with `with`, else before its first request; shutdown handlers when
    it is left or closed. `async def` handlers run on one event loop in a thread of the client's own, plain ones in the
    thread that asks.

    Args:
        app: the application.
        raise_exceptions: an exception of a handler reaches the test; otherwise it becomes a 500, as in the server.
        client: the address that handlers see as `request.ip_addr`.
        base_url: what paths are relative to; its host is the request's.
        options: further arguments of `httpx.Client`: headers, cookies, follow_redirects, auth...
    """

    __test__ = False  # no test of pytest's

    def __init__(
        self,
        app: App,
        raise_exceptions: bool = True,
        client: str = "127.0.0.1",
        *,
        base_url: str = "http://testserver",
        **options: Any,
    ) -> None:
        self.app = app
        self.site = _site.Site(app, raise_exceptions, client)
        self._thread: LoopThread | None = None
        options.setdefault("timeout", None)
        super().__init__(base_url=base_url, transport=_Transport(self), **options)
        if "user-agent" not in httpx.Headers(options.get("headers")):
            self.headers["user-agent"] = "roost-testclient"

    def __enter__(self) -> TestClient:
        self.start()
        super().__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        try:
            self._stop()
        finally:
            super().__exit__(kind, error, trace)

    def start(self) -> LoopThread:
        """Runs the startup handlers, once."""
        if self._thread is None:
            self._thread = LoopThread()
            try:
                self._thread.run(run_hooks(self.site.mount.startup))
            except BaseException:
                self._thread.close()
                self._thread = None
                raise
        return self._thread

    def close(self) -> None:
        """Runs the shutdown handlers, if the startup handlers have run."""
        try:
            self._stop()
        finally:
            super().close()

    def _stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            try:
                thread.run(run_hooks(self.site.mount.shutdown))
            finally:
                thread.close()

    def request(self, method: str, url: httpx.URL | str, **more: Any) -> TestResponse:
        """Sends one request; takes what `httpx.Client.request` takes, and `data` may be str or bytes as well.

        Raises:
            Exception: what the handler raised, unless exceptions are to become responses.
        """
        if isinstance(more.get("data"), str | bytes):
            more["content"] = more.pop("data")
        answer = super().request(method, url, **more)
        assert isinstance(answer, TestResponse)
        return answer

    def websocket_connect(
        self,
        url: str,
        subprotocols: Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Any = None,
        timeout: float | None = 30.0,
    ) -> WebSocketSession:
        """A session, opened by `with`, with the client's cookies and headers.

        Args:
            url: path and query of the endpoint.
            subprotocols: what is proposed; `session.subprotocol` is the server's choice.
            timeout: seconds that receiving may wait before it raises `queue.Empty`.

        Raises:
            WebSocketRefused: there is no such endpoint; or, once it is entered, the application refused.
        """
        request = self.build_request("GET", url, headers=headers, params=params)
        return WebSocketSession(self.start(), handshake(self.site, request, list(subprotocols or ())), timeout)


class _Transport(httpx.BaseTransport):
    def __init__(self, client: TestClient) -> None:
        self._client = client

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        thread = self._client.start()
        answer = self._answer(thread, request)
        body = answer.body
        if isinstance(body, bytes):
            if answer.background is not None:
                self._background(thread, answer.background)
            return TestResponse(answer.status, headers=answer.headers, content=body)
        return TestResponse(answer.status, headers=answer.headers, stream=_Stream(self, thread, answer))

    def _answer(self, thread: LoopThread, request: httpx.Request) -> _site.Answer:
        site = self._client.site
        target = request.url.raw_path.decode("ascii")
        found = site.find(request.method, target.partition("?")[0])
        if isinstance(found, _site.Answer):
            return found
        route, parameters = found
        body = request.read()
        made = site.request(request.method, target, request.headers.multi_items(), body, parameters)
        arguments = (made,) if route.takes_request else ()
        try:
            result = route.call(*arguments)
            if route.asynchronous or _site.is_awaitable(result):  # a plain function may return a coroutine, once
                result = thread.run(result)
            return site.answer(request.method, result)
        except Exception as error:
            result = site.raised(error)
            return site.answer(request.method, thread.run(result) if _site.is_awaitable(result) else result)

    @staticmethod
    def _background(thread: LoopThread, background: Any) -> None:
        # A task's plain functions run in the worker's pool in the server, here where the test is.
        plain = hasattr(background, "run") and not background.asynchronous
        result = background.run() if plain else background()
        if _site.is_awaitable(result):
            thread.run(result)

    def finish(self, thread: LoopThread, answer: _site.Answer) -> None:
        body, background = answer.body, answer.background
        answer.background = None
        if hasattr(body, "aclose"):
            thread.run(body.aclose())
        elif hasattr(body, "close"):
            body.close()
        if background is not None:
            self._background(thread, background)


class _Stream(httpx.SyncByteStream):
    """A body that is made while it is read."""

    def __init__(self, transport: _Transport, thread: LoopThread, answer: _site.Answer) -> None:
        self._transport, self._thread, self._answer = transport, thread, answer

    def __iter__(self) -> Iterator[bytes]:
        body: Any = self._answer.body
        if hasattr(body, "__aiter__"):
            iterator = body.__aiter__()
            while True:
                try:
                    yield _site.piece(self._thread.run(iterator.__anext__()))
                except StopAsyncIteration:
                    return
        for value in body:
            yield _site.piece(value)

    def close(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            self._transport.finish(self._thread, self._answer)
