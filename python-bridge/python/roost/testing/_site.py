"""The server's part of a request in process: which route it is, and what is made of a handler's result."""

from __future__ import annotations

from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from roost import _native, _pattern
from roost._native import Headers, Request, Response
from roost.testing import _directory

if TYPE_CHECKING:
    from roost._headers import Pairs
    from roost.app import App
    from roost.router import MountedRoute


class Answer:
    """A response as it leaves: `body` is whole, or yields its pieces, at once or asynchronously."""

    def __init__(
        self, status: int, headers: list[tuple[str, str]], body: bytes | Iterable[Any] | AsyncIterable[Any]
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.background: Any = None


Found = tuple["MountedRoute", dict[str, str]]


class Site:
    """An application's routes and directories, by the rules of the server's router.

    Args:
        raise_exceptions: an exception of a handler reaches the test; otherwise it becomes a 500, as in the server.
        address: what handlers see as `request.ip_addr`.
    """

    def __init__(self, app: App, raise_exceptions: bool, address: str) -> None:
        self.mount = app.__roost_mount__()
        self.raise_exceptions = raise_exceptions
        self._address = address

    def find(self, method: str, path: str) -> Found | Answer:
        """The route that answers, with the parameters in its path, or the server's own answer.

        Args:
            path: as in the request, undecoded.
        """
        segments = _decoded_segments(path)
        if segments is None:
            return short(400)
        found = self._matched(method, path, segments)
        if isinstance(found, set) and not found and len(segments) > 1 and not segments[-1]:
            # A route of an application answers its path with a final slash more, too.
            found = self._matched(method, path, segments[:-1], directories=False)
        if not isinstance(found, set):
            return found
        allowed = found | ({"OPTIONS"} if found else set()) | ({"HEAD"} if "GET" in found else set())
        fallback = self._fallback(segments)
        if fallback is not None:
            if allowed:
                fallback[1]["allow"] = ", ".join(sorted(allowed))
            return fallback
        if not allowed:
            return short(404)
        response = short(204 if method == "OPTIONS" else 405)
        response.headers.append(("Allow", ", ".join(sorted(allowed))))
        return response

    def _fallback(self, segments: list[str]) -> Found | None:
        best: tuple[int, MountedRoute, dict[str, str]] | None = None
        for route in self.mount.routes:
            matched = _pattern.match(route.pattern, segments) if route.fallback else None
            if matched is not None and (best is None or len(matched[0]) > best[0]):
                best = (len(matched[0]), route, matched[1])
        return (best[1], best[2]) if best is not None else None

    def _matched(
        self, method: str, path: str, segments: list[str], directories: bool = True
    ) -> Found | Answer | set[str]:
        """The route or directory that answers; else the methods that the path takes."""
        allowed: set[str] = set()
        best: tuple[tuple[int, ...], int, MountedRoute | Callable[[], Answer], dict[str, str]] | None = None
        for route in self.mount.routes:
            matched = _pattern.match(route.pattern, segments) if not route.fallback else None
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
        for prefix, directory, index, listing, added, defaults, excluded in (
            self.mount.directories if directories else ()
        ):
            matched = _pattern.match(prefix.rstrip("/") + "/*", segments)
            if matched is None:
                continue
            allowed.add("GET")
            if method in ("GET", "HEAD") and (best is None or matched[0] < best[0]):
                rest = matched[1]["*"]
                below = len(segments) > len(_pattern.segments(prefix.rstrip("/")))
                served = _serve(directory, rest if below else None, path, index, listing)
                best = (matched[0], 0, _with_fields(served, segments, added, defaults, excluded), {})
        if best is not None:
            return best[2]() if callable(best[2]) else (best[2], best[3])
        return allowed

    def find_websocket(self, path: str) -> tuple[Any, dict[str, str]] | None:
        """The endpoint that answers a handshake, with the parameters in its path."""
        segments = _decoded_segments(path)
        best: tuple[tuple[int, ...], Any, dict[str, str]] | None = None
        for pattern, target, _ in self.mount.websockets if segments is not None else ():
            matched = _pattern.match(pattern, segments or [])
            if matched is not None and (best is None or matched[0] < best[0]):
                best = (matched[0], target, matched[1])
        return (best[1], best[2]) if best is not None else None

    def request(
        self, method: str, target: str, headers: list[tuple[str, str]], body: bytes, parameters: dict[str, str]
    ) -> Request:
        """The request as handlers see it."""
        return _native.request_for_test(method, target, headers, body, parameters, self._address)

    def raised(self, error: Exception) -> Any:
        """The result (it may be awaitable) in place of that of a handler that raised; or raises it."""
        meant = getattr(error, "__roost_response__", None)
        if callable(meant):
            return meant()
        if self.raise_exceptions:
            raise error
        return meant if meant is not None else Response(500, {"Content-Type": "text/plain"}, "Internal Server Error\n")

    def answer(self, method: str, result: Any) -> Answer:
        """What is sent for a handler's result."""
        response = _native.to_response(result)
        path = getattr(response, "file_path", None)
        body: Any = response.body if path is None else None
        if isinstance(body, dict | list):
            body = _native.json_encode(body)
        headers = _fields(response.headers)
        status = response.status_code
        if path is not None:
            body = _directory.file(str(path), headers)
            if body is None:
                return short(404)
        if isinstance(body, str):
            body = body.encode()
        elif body is None:
            body = b""
        elif isinstance(body, bytearray | memoryview):
            body = bytes(body)
        if isinstance(body, bytes):
            named = any(name.lower() == "content-length" for name, _ in headers)
            if status not in (204, 304) and not named:
                headers.append(("Content-Length", str(len(body))))
        answer = Answer(status, headers, b"" if method == "HEAD" or status in (204, 304) else body)
        answer.background = getattr(response, "background", None)
        return answer


def short(status: int) -> Answer:
    """As the server answers by itself."""
    if status == 204:
        return Answer(status, [], b"")
    text = f"{HTTPStatus(status).phrase}\n".encode()
    return Answer(status, [("Content-Type", "text/plain; charset=utf-8"), ("Content-Length", str(len(text)))], text)


def piece(value: str | bytes) -> bytes:
    """One piece of a streamed body."""
    return value.encode() if isinstance(value, str) else bytes(value)


def is_awaitable(value: Any) -> bool:
    """Whether it is to be awaited."""
    return hasattr(value, "__await__")


async def awaited(value: Awaitable[Any]) -> Any:
    """The value, in a coroutine."""
    return await value


def _fields(headers: Headers) -> list[tuple[str, str]]:
    return list(headers.items())


def _serve(directory: str, rest: str | None, path: str, index: str, listing: bool) -> Callable[[], Answer]:
    def serve() -> Answer:
        status, headers, body = _directory.serve(directory, rest, path, index, listing)
        return Answer(status, headers, body) if body is not None else short(status)

    return serve


def _with_fields(
    serve: Callable[[], Answer], segments: list[str], added: Pairs, defaults: Pairs, excluded: Iterable[str]
) -> Callable[[], Answer]:
    def answer() -> Answer:
        served = serve()
        if not any(_pattern.match(pattern, segments) is not None for pattern in excluded):
            names = {name.lower() for name, _ in served.headers}
            served.headers += [field for field in defaults if field[0].lower() not in names]
            served.headers += added
        return served

    return answer


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
