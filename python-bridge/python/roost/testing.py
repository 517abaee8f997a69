"""Calls an application in process, for its tests: no server, no socket.

from roost.testing import TestClient

def test_note_is_created():
    with TestClient(app) as client:
        assert client.post("/notes", json={"title": "Bread"}).status_code == 201
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from http import HTTPStatus
from types import TracebackType
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote_to_bytes, urlencode

from roost import _native, _pattern
from roost._native import Headers, Response
from roost.app import App

if TYPE_CHECKING:
    from roost.router import MountedRoute

Pairs = Mapping[str, Any] | Iterable[tuple[str, Any]]

# What stays as it is in a path that was given decoded; escapes in it are kept.
_PATH_SAFE = "/%:@!$&'()*+,;=-._~"


class TestResponse:
    """What the application answered: `status_code`, `headers` (any case, many values), `content` in bytes."""

    __test__ = False  # no test of pytest's

    def __init__(self, status_code: int, headers: Headers, content: bytes) -> None:
        self.status_code = status_code
        self.headers = headers
        self.content = content

    @property
    def text(self) -> str:
        """The body as UTF-8."""
        return self.content.decode("utf-8", errors="replace")

    @property
    def ok(self) -> bool:
        """Whether the status is one of success (2xx)."""
        return 200 <= self.status_code < 300

    def json(self) -> Any:
        """The body read as JSON.

        Raises:
            json.JSONDecodeError: it is none.
        """
        return _native.json_decode(self.content)

    def __repr__(self) -> str:
        return f"<TestResponse {self.status_code}, {len(self.content)} bytes>"


class TestClient:
    """Sends requests to an application, through its middleware, by the rules of the server's router.

    Startup handlers run when the client is entered with `with`, else before its first request; shutdown handlers when
    it is left or closed. `async def` handlers run on one event loop in a thread of the client's own, plain ones in the
    thread that asks. WebSockets and directories are the server's, and not here.

    Args:
        app: the application.
        raise_exceptions: an exception of a handler reaches the test; otherwise it becomes a 500, as in the server.
        client: the address that handlers see as `request.ip_addr`.
    """

    __test__ = False  # no test of pytest's

    def __init__(self, app: App, raise_exceptions: bool = True, client: str = "127.0.0.1") -> None:
        self.app = app
        self.headers: dict[str, str] = {}
        """Sent with every request."""
        self._raise_exceptions = raise_exceptions
        self._client = client
        self._mount = app.__roost_mount__()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    # Its life ---------------------------------------------------------------------------------------------------

    def __enter__(self) -> TestClient:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Runs the startup handlers, once."""
        if self._loop is not None:
            return
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="roost-test-loop", daemon=True)
        self._thread.start()
        try:
            for handler in self._mount.startup:
                self._run(_on_loop(handler))
        except BaseException:
            self._end_loop()
            raise

    def close(self) -> None:
        """Runs the shutdown handlers, if the startup handlers have run."""
        if self._loop is None:
            return
        try:
            for handler in self._mount.shutdown:
                self._run(_on_loop(handler))
        finally:
            self._end_loop()

    def _end_loop(self) -> None:
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return

        async def finish() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await loop.shutdown_asyncgens()
            await loop.shutdown_default_executor()

        asyncio.run_coroutine_threadsafe(finish(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    def _run(self, awaitable: Awaitable[Any]) -> Any:
        assert self._loop is not None

        async def awaited() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result()

    # Requests ---------------------------------------------------------------------------------------------------

    def request(
        self,
        method: str,
        url: str,
        *,
        json: Any = None,
        data: str | bytes | Pairs | None = None,
        params: Pairs | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> TestResponse:
        """Sends one request.

        Args:
            url: path and query, "/notes?limit=2".
            json: the body, written as JSON.
            data: the body: as it is, or the fields of a form.
            params: added to the query; a list as value gives several of that name.
        """
        self.start()
        path, _, query = url.partition("#")[0].partition("?")
        if "://" in path:
            path = "/" + path.split("://", 1)[1].partition("/")[2]
        path = quote(path or "/", safe=_PATH_SAFE)
        if params:
            query = "&".join(part for part in (query, urlencode(_pairs(params), doseq=True)) if part)
        target = f"{path}?{query}" if query else path

        sent: dict[str, str] = {"host": "testserver", **{k.lower(): v for k, v in self.headers.items()}}
        body = b""
        if isinstance(data, str | bytes):
            body = data.encode() if isinstance(data, str) else data
        elif data is not None:
            body = urlencode(_pairs(data), doseq=True).encode()
            sent["content-type"] = "application/x-www-form-urlencoded"
        elif json is not None:
            body = _native.json_encode(json)
            sent["content-type"] = "application/json"
        if body or method in ("POST", "PUT", "PATCH"):
            sent["content-length"] = str(len(body))
        sent |= {name.lower(): value for name, value in (headers or {}).items()}

        found = self._find(method, path)
        if isinstance(found, TestResponse):
            return found
        route, parameters = found
        request = _native.request_for_test(method, target, sent, body, parameters, self._client)
        arguments = (request,) if route.takes_request else ()
        try:
            result = self._run(route.call(*arguments)) if route.asynchronous else route.call(*arguments)
            if hasattr(result, "__await__"):  # of a plain function
                result = self._run(result)
            response = _native.to_response(result)
        except Exception:
            if self._raise_exceptions:
                raise
            return _short(500)
        return self._received(method, response)

    def get(self, url: str, **more: Any) -> TestResponse:
        """Sends GET, see `request`."""
        return self.request("GET", url, **more)

    def post(self, url: str, **more: Any) -> TestResponse:
        """Sends POST, see `request`."""
        return self.request("POST", url, **more)

    def put(self, url: str, **more: Any) -> TestResponse:
        """Sends PUT, see `request`."""
        return self.request("PUT", url, **more)

    def patch(self, url: str, **more: Any) -> TestResponse:
        """Sends PATCH, see `request`."""
        return self.request("PATCH", url, **more)

    def delete(self, url: str, **more: Any) -> TestResponse:
        """Sends DELETE, see `request`."""
        return self.request("DELETE", url, **more)

    def head(self, url: str, **more: Any) -> TestResponse:
        """Sends HEAD, see `request`."""
        return self.request("HEAD", url, **more)

    def options(self, url: str, **more: Any) -> TestResponse:
        """Sends OPTIONS, see `request`."""
        return self.request("OPTIONS", url, **more)

    # The server's part ------------------------------------------------------------------------------------------

    def _find(self, method: str, path: str) -> tuple[MountedRoute, dict[str, str]] | TestResponse:
        segments = _decoded_segments(path)
        if segments is None:
            return _short(400)
        allowed: set[str] = set()
        best: tuple[tuple[int, ...], int, MountedRoute, dict[str, str]] | None = None
        for route in self._mount.routes:
            matched = _pattern.match(route.pattern, segments)
            if matched is None:
                continue
            methods = route.methods.split()
            allowed.update(methods)
            # HEAD follows GET, but a handler of its own comes first.
            if method in methods:
                follows = 0
            elif method == "HEAD" and "GET" in methods:
                follows = 1
            else:
                continue
            if best is None or (matched[0], follows) < best[:2]:
                best = (matched[0], follows, route, matched[1])
        if best is not None:
            return best[2], best[3]
        if not allowed:
            return _short(404)
        allowed |= {"OPTIONS"} | ({"HEAD"} if "GET" in allowed else set())
        response = _short(204 if method == "OPTIONS" else 405)
        response.headers["Allow"] = ", ".join(sorted(allowed))
        return response

    def _received(self, method: str, response: Response) -> TestResponse:
        body = response.body
        if isinstance(body, dict | list):
            body = _native.json_encode(body)
        content = body.encode() if isinstance(body, str) else bytes(body)
        headers = Headers(response.headers)
        if response.status_code not in (204, 304) and "content-length" not in headers:
            headers["Content-Length"] = str(len(content))
        if method == "HEAD" or response.status_code in (204, 304):
            content = b""
        return TestResponse(response.status_code, headers, content)


async def _on_loop(handler: Callable[[], Any]) -> None:
    result = handler()
    if hasattr(result, "__await__"):
        await result


def _pairs(fields: Pairs) -> list[tuple[str, Any]]:
    return list(fields.items() if isinstance(fields, Mapping) else fields)


def _short(status: int) -> TestResponse:
    headers = Headers({})
    if status == 204:
        return TestResponse(status, headers, b"")
    headers["Content-Type"] = "text/plain; charset=utf-8"
    return TestResponse(status, headers, f"{HTTPStatus(status).phrase}\n".encode())


def _decoded_segments(path: str) -> list[str] | None:
    """Each segment decoded once, dot segments resolved; None for what the server refuses."""
    segments: list[str] = []
    raw = _pattern.segments(path)
    for i, part in enumerate(raw):
        try:
            segment = unquote_to_bytes(part).decode()
        except UnicodeDecodeError:
            return None
        if "\0" in segment:
            return None
        if segment in (".", ".."):
            if segment == "..":
                if not segments:
                    return None
                segments.pop()
            if i == len(raw) - 1:
                segments.append("")
        else:
            segments.append(segment)
    return segments
