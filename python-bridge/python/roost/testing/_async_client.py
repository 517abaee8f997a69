"""The client for tests that are coroutines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

from roost.testing import _site
from roost.testing._lifespan import run_hooks
from roost.testing._response import TestResponse
from roost.testing._websocket import AsyncWebSocketSession

if TYPE_CHECKING:
    from roost.app import App


class AsyncTestClient(httpx.AsyncClient):
    """An `httpx.AsyncClient` whose requests are answered by an application, on the event loop of the test.

    async with AsyncTestClient(app) as client:
        assert (await client.get("/")).status_code == 200

    Plain handlers run in a thread, so that they may block. The arguments are those of `TestClient`.
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
        self._started: asyncio.Future[None] | None = None
        options.setdefault("timeout", None)
        super().__init__(base_url=base_url, transport=_AsyncTransport(self), **options)
        if "user-agent" not in httpx.Headers(options.get("headers")):
            self.headers["user-agent"] = "roost-testclient"

    async def __aenter__(self) -> AsyncTestClient:
        await self.start()
        await super().__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None = None,
        error: BaseException | None = None,
        trace: TracebackType | None = None,
    ) -> None:
        try:
            await self._stop()
        finally:
            await super().__aexit__(kind, error, trace)

    async def start(self) -> None:
        """Runs the startup handlers, once."""
        if self._started is None:
            self._started = asyncio.ensure_future(run_hooks(self.site.mount.startup))
        await asyncio.shield(self._started)

    async def aclose(self) -> None:
        """Runs the shutdown handlers, if the startup handlers have run."""
        try:
            await self._stop()
        finally:
            await super().aclose()

    async def _stop(self) -> None:
        started, self._started = self._started, None
        if started is not None and started.done() and started.exception() is None:
            await run_hooks(self.site.mount.shutdown)

    async def request(self, method: str, url: httpx.URL | str, **more: Any) -> TestResponse:
        """Sends one request, see `TestClient.request`."""
        if isinstance(more.get("data"), str | bytes):
            more["content"] = more.pop("data")
        answer = await super().request(method, url, **more)
        assert isinstance(answer, TestResponse)
        return answer

    def websocket_connect(
        self,
        url: str,
        subprotocols: Sequence[str] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Any = None,
    ) -> AsyncWebSocketSession:
        """A session, opened by `async with`, see `TestClient.websocket_connect`."""
        request = self.build_request("GET", url, headers=headers, params=params)
        return AsyncWebSocketSession(self.site, request, list(subprotocols or ()))


class _AsyncTransport(httpx.AsyncBaseTransport):
    def __init__(self, client: AsyncTestClient) -> None:
        self._client = client

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await self._client.start()
        answer = await self._answer(request)
        body = answer.body
        if isinstance(body, bytes):
            if answer.background is not None:
                await _background(answer.background)
            return TestResponse(answer.status, headers=answer.headers, content=body)
        return TestResponse(answer.status, headers=answer.headers, stream=_AsyncStream(answer))

    async def _answer(self, request: httpx.Request) -> _site.Answer:
        site = self._client.site
        target = request.url.raw_path.decode("ascii")
        found = site.find(request.method, target.partition("?")[0])
        if isinstance(found, _site.Answer):
            return found
        route, parameters = found
        body = await request.aread()
        made = site.request(request.method, target, request.headers.multi_items(), body, parameters)
        arguments = (made,) if route.takes_request else ()
        try:
            result = await self._call(route.call, route.asynchronous, arguments)
            return site.answer(request.method, result)
        except Exception as error:
            result = site.raised(error)
            return site.answer(request.method, await result if _site.is_awaitable(result) else result)

    @staticmethod
    async def _call(call: Any, asynchronous: bool, arguments: tuple[Any, ...]) -> Any:
        # In a Task of its own, as in the server: what it does to the context is its own.
        if asynchronous:
            return await asyncio.ensure_future(_site.awaited(call(*arguments)))
        result = await asyncio.to_thread(call, *arguments)
        return await result if _site.is_awaitable(result) else result


async def _background(background: Any) -> None:
    if hasattr(background, "run") and not background.asynchronous:
        return await asyncio.to_thread(background.run)
    result = background()
    if _site.is_awaitable(result):
        await result


_END = object()


class _AsyncStream(httpx.AsyncByteStream):
    """A body that is made while it is read."""

    def __init__(self, answer: _site.Answer) -> None:
        self._answer = answer

    async def __aiter__(self) -> AsyncIterator[bytes]:
        body: Any = self._answer.body
        if hasattr(body, "__aiter__"):
            async for value in body:
                yield _site.piece(value)
            return
        iterator = iter(body)
        while (value := await asyncio.to_thread(next, iterator, _END)) is not _END:
            yield _site.piece(value)

    async def aclose(self) -> None:
        body: Any = self._answer.body
        background, self._answer.background = self._answer.background, None
        if hasattr(body, "aclose"):
            await body.aclose()
        elif hasattr(body, "close"):
            body.close()
        if background is not None:
            await _background(background)
