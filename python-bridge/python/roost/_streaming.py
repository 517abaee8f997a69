"""The asynchronous half of streamed bodies: what runs on the event loop for each of them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from roost._native import Request, StreamWriter

_GONE = 2


async def drive(writer: StreamWriter, content: AsyncIterable[str | bytes], wanted: bool) -> None:
    """Sends what `content` yields, no faster than the client reads; closes it however that ends.

    wanted: False when nothing of it is to be sent, as in answer to HEAD.
    """
    write = writer.write
    iterator = aiter(content)
    try:
        if wanted:
            async for piece in iterator:
                written = write(piece)
                if written:
                    if written == _GONE:
                        break
                    await writer.writable()
    finally:
        close = getattr(iterator, "aclose", None)
        if close is not None:
            await close()


async def read(request: Request) -> bytes:
    """`Request.read()`."""
    body = b"".join([piece async for piece in request.stream()])
    request._keep_body(body)
    return body
