"""The body of a streamed response whose handler has dependencies that `yield`: closing it closes them."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from roost.dependencies import Opened

_END = object()


def keep(response: Any, opened: Opened) -> Any:
    """The response, with a body that closes what was opened when it has ended, raised, or is closed."""
    body = response.body
    plain = hasattr(body, "__next__") and not opened.asynchronous
    response.body = _KeptStream(body, opened) if plain else _KeptAsyncStream(body, opened)
    return response


class _KeptStream:
    def __init__(self, body: Any, opened: Opened) -> None:
        self._body = body
        self._opened = opened

    def __iter__(self) -> _KeptStream:
        return self

    def __next__(self) -> Any:
        try:
            return next(self._body)
        except StopIteration:
            self._opened.close()
            raise
        except BaseException as error:
            self._opened.close(error)
            raise

    def close(self) -> None:
        """As a generator's: at most once for all of them."""
        try:
            if hasattr(self._body, "close"):
                self._body.close()
        finally:
            self._opened.close()


class _KeptAsyncStream:
    def __init__(self, body: Any, opened: Opened) -> None:
        self._body = body
        self._next = self._of_thread if hasattr(body, "__next__") else aiter(body).__anext__
        self._opened = opened

    def __aiter__(self) -> _KeptAsyncStream:
        return self

    async def _of_thread(self) -> Any:
        from roost._chain import beside

        piece = await beside(next, self._body, _END)
        if piece is _END:
            raise StopAsyncIteration
        return piece

    async def __anext__(self) -> Any:
        try:
            return await self._next()
        except StopAsyncIteration:
            await self._opened.close_async()
            raise
        except BaseException as error:
            await self._opened.close_async(error)
            raise

    async def aclose(self) -> None:
        """As a generator's: at most once for all of them."""
        try:
            if hasattr(self._body, "aclose"):
                await self._body.aclose()
            elif hasattr(self._body, "close"):
                self._body.close()
        finally:
            await self._opened.close_async()
