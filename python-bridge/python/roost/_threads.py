"""Plain functions called from coroutines: in a thread of the worker's pool, within the caller's own contextvars."""

from __future__ import annotations

import asyncio

from roost import _native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    Result = TypeVar("Result")


class _Outcome(asyncio.Future):  # type: ignore[type-arg]
    """Holds a pair of result and exception. A thread cannot be stopped: who cancels is told once it has ended, as the
    context is its own until then."""

    cancelled_by: tuple[Any] | None = None

    def cancel(self, msg: Any = None) -> bool:
        self.cancelled_by = (msg,)
        return not self.done()


async def call_in_pool(function: Callable[..., Result], *args: Any) -> Result:
    """Calls a function that may block, and waits for it; what it sets of contextvars the caller sees.

    Raises:
        asyncio.CancelledError: the caller was cancelled; the function has ended all the same.
    """
    loop = asyncio.get_running_loop()
    context = _native.current_context()
    outcome = _Outcome(loop=loop)

    def settle(result: Any, error: BaseException | None) -> None:
        if not outcome.done():
            outcome.set_result((result, error))

    def run() -> None:
        try:
            result = context.run(function, *args)
        except BaseException as error:
            loop.call_soon_threadsafe(settle, None, error)
        else:
            loop.call_soon_threadsafe(settle, result, None)

    def begin() -> None:
        if not _native.submit(run):
            loop.run_in_executor(None, run)

    # A context is in one thread at a time: it is free when this task waits.
    loop.call_soon(begin)
    result, error = await outcome
    if outcome.cancelled_by is not None:
        raise asyncio.CancelledError(*(m for m in outcome.cancelled_by if m is not None))
    if error is not None:
        try:
            raise error
        finally:
            del error  # its traceback holds this frame
    return result  # type: ignore[no-any-return]
