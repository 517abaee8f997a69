"""Responses that are more than a status, headers and a body: streams, server-sent events, files, redirects."""

from __future__ import annotations

from roost import _streaming  # noqa: F401  (needed for each stream: imported once, before workers are forked)
from roost._native import Headers, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import AsyncIterable, Iterable, Mapping
    from typing import Any

    Fields = Headers | Mapping[str, Any]


class StreamingResponse(Response):
    """A response that is sent piece by piece, as its content yields them, and no faster than the client reads.

    A generator is closed when it ends, raises or the client goes away: its `finally` blocks run. Plain iterators run in
    a thread of the pool, asynchronous ones on the event loop, both with the contextvars of the handler.

    When the server stops or reloads, streams of events, which could go on for ever, have a sixth of `timeouts.drain` to
    end (5 s; nothing in development). Then an asynchronous generator is cancelled where it waits, and may catch that to
    send a last message and end; a plain one is closed before its next piece. A stream that does not end is cut:
    browsers connect again, and nobody takes it for whole. Other streams are waited for, as long as `timeouts.drain`
    allows.

    Args:
        content: iterator or iterable of str and bytes, plain or asynchronous.
        status_code: 200 to 599.
        headers: with a Content-Length the body must be exactly so long; otherwise it is sent in chunks.
        media_type: the Content-Type, unless headers name one.
        background: runs when the response has been sent.
        ends_on_drain: whether it is ended when the server stops or reloads; by default as its media type says.

    Raises:
        TypeError: content is no iterable.
    """

    def __init__(
        self,
        content: Iterable[str | bytes] | AsyncIterable[str | bytes],
        status_code: int | None = None,
        headers: Fields | None = None,
        media_type: str = "text/event-stream",
        background: Any = None,
        ends_on_drain: bool | None = None,
    ) -> None:
        self.status_code = status_code or 200
        self.headers = Headers(headers)
        self.media_type = media_type
        self.background = background
        self.body = content if hasattr(content, "__aiter__") or hasattr(content, "__next__") else iter(content)
        if "content-type" not in self.headers:
            self.headers["Content-Type"] = media_type
        if media_type == "text/event-stream":
            for name, value in (("Cache-Control", "no-cache"), ("X-Accel-Buffering", "no")):
                if name not in self.headers:
                    self.headers[name] = value
        if ends_on_drain is None:
            ends_on_drain = str(self.headers["Content-Type"]).startswith("text/event-stream")
        self.ends_on_drain = ends_on_drain

    @property
    def content(self) -> Any:
        """The iterator."""
        return self.body


class SSEResponse(StreamingResponse):
    """A stream of server-sent events, see `StreamingResponse`; each is made with `SSEMessage`."""

    def __init__(
        self,
        content: Iterable[str | bytes] | AsyncIterable[str | bytes],
        status_code: int | None = None,
        headers: Fields | None = None,
        background: Any = None,
        ends_on_drain: bool = True,
    ) -> None:
        super().__init__(content, status_code, headers, "text/event-stream", background, ends_on_drain)


def SSEMessage(data: Any = "", event: str | None = None, id: str | int | None = None, retry: int | None = None) -> str:
    """One server-sent event as it is sent (WHATWG HTML, section 9.2.6).

    Args:
        data: shown as str; each of its lines becomes one of the event's.
        event: the type that the page listens to; "message" when there is none.
        id: what the browser sends as Last-Event-ID when it connects anew.
        retry: milliseconds after which it does so.

    Raises:
        ValueError: event or id holds a line break, id a NUL.
    """
    fields = []
    for name, value in (("event", event), ("id", id)):
        if value is None or (name == "event" and value == ""):
            continue
        text = str(value)
        if "\n" in text or "\r" in text or (name == "id" and "\0" in text):
            raise ValueError(f"{name} must be one line, not {text!r}")
        fields.append(f"{name}: {text}\n")
    if retry is not None:
        fields.append(f"retry: {int(retry)}\n")
    text = "" if data is None else str(data)
    for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        fields.append(f"data: {line}\n")
    fields.append("\n")
    return "".join(fields)


class FileResponse(Response):
    """A file, opened and sent by the server itself: ranges, conditional requests and HEAD are answered from it.

    ETag, Last-Modified, Accept-Ranges and, by the file's name, Content-Type are added where headers do not name them. A
    file that is not there is answered with 404.

    Args:
        file_path: absolute, or relative to the working directory.
        status_code: 200 to 599; with another than 200 the file is always sent whole.
        headers: {"Content-Disposition": "attachment"} when there are none.
        background: runs when the response has been handed to the server.
    """

    def __init__(
        self,
        file_path: str | os.PathLike[str],
        status_code: int | None = None,
        headers: Fields | None = None,
        background: Any = None,
    ) -> None:
        self.file_path = file_path
        self.status_code = status_code or 200
        self.headers = Headers({"Content-Disposition": "attachment"} if headers is None else headers)
        self.background = background


def html(html: str) -> Response:
    """A page."""
    return Response(200, {"Content-Type": "text/html; charset=utf-8"}, html)


def serve_html(file_path: str | os.PathLike[str]) -> FileResponse:
    """A page from a file, see `FileResponse`."""
    return FileResponse(file_path, headers={"Content-Type": "text/html; charset=utf-8"})


def serve_file(file_path: str | os.PathLike[str], file_name: str | None = None) -> FileResponse:
    """A file to be saved, see `FileResponse`.

    Args:
        file_path: absolute, or relative to the working directory.
        file_name: what the browser calls it; the name of the file when there is none.
    """
    path = str(file_path)
    name = file_name or path.rpartition("/")[2]
    headers = {"Content-Disposition": content_disposition(name)}
    if name.rpartition(".")[2] != path.rpartition(".")[2]:
        import mimetypes

        headers["Content-Type"] = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return FileResponse(path, headers=headers)


def content_disposition(file_name: str, kind: str = "attachment") -> str:
    """The field's value (RFC 6266): the name quoted where it is no token, in UTF-8 too where it is not plain ASCII."""
    from roost.cookies import TOKEN

    plain = "".join(c if " " <= c <= "~" and c not in '"\\/' else "_" for c in file_name)
    value = f"{kind}; filename={plain}" if plain and TOKEN.issuperset(plain) else f'{kind}; filename="{plain}"'
    if plain != file_name:
        from urllib.parse import quote

        value += f"; filename*=UTF-8''{quote(file_name, safe='')}"
    return value


def redirect(url: str, status_code: int = 307, headers: Fields | None = None) -> Response:
    """Sends the client elsewhere.

    Args:
        url: absolute, or relative to the request's; what is not allowed in one is percent-encoded.
        status_code: 301 and 302 let clients turn a POST into a GET, 303 has them do so, 307 and 308 keep the method.

    Raises:
        ValueError: status_code is no redirect.
    """
    if status_code not in (301, 302, 303, 307, 308):
        raise ValueError(f"a redirect's status is 301, 302, 303, 307 or 308, not {status_code}")
    from urllib.parse import quote

    fields = Headers(headers)
    fields["Location"] = quote(str(url), safe=":/%#?=@[]!$&'()*+,;~-._")
    return Response(status_code, fields, "")
