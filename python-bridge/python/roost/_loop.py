"""The tasks of a worker's event loop: none is lost while it runs, none is left when it ends."""

from __future__ import annotations

import asyncio

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def keep_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Has the loop hold its tasks until they are done: asyncio itself does not, and those of `asyncio.create_task` that
    nobody keeps could be collected in the middle."""
    kept: set[asyncio.Task[Any]] = set()

    def make(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, **more)
        if not task.done():  # as eager ones may be
            kept.add(task)
            task.add_done_callback(kept.discard)
        return task

    loop.set_task_factory(make)


def end(loop: asyncio.AbstractEventLoop) -> None:
    """Cancels the tasks that are left, waits until they have ended, and logs what they raise."""
    loop.run_until_complete(_end(loop))


async def _end(loop: asyncio.AbstractEventLoop) -> None:
    left = asyncio.all_tasks(loop) - {asyncio.current_task()}
    for task in left:
        task.cancel()
    for task, outcome in zip(left, await asyncio.gather(*left, return_exceptions=True), strict=True):
        if isinstance(outcome, Exception) and not isinstance(outcome, asyncio.CancelledError):
            loop.call_exception_handler(
                {"message": "a task raised while it was ended", "exception": outcome, "task": task}
            )
    await loop.shutdown_asyncgens()
    await loop.shutdown_default_executor()
