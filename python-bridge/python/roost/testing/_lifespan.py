"""An event loop in a thread, as a worker has, for clients that are not asynchronous; an application's hooks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any


class LoopThread:
    """Runs until `close()`; its tasks are cancelled then."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="roost-test-loop", daemon=True)
        self._thread.start()

    def run(self, awaitable: Awaitable[Any]) -> Any:
        """What it gives, awaited on the loop. Thread-safe, but not for the loop's own thread."""

        async def awaited() -> Any:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), self.loop).result()

    def close(self) -> None:
        """Cancels what still runs, and ends the thread."""

        async def finish() -> None:
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.loop.shutdown_asyncgens()
            await self.loop.shutdown_default_executor()

        asyncio.run_coroutine_threadsafe(finish(), self.loop).result()
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()
        self.loop.close()


async def run_hooks(hooks: list[Callable[[], Any]]) -> None:
    """Calls each in turn, awaiting what is awaitable."""
    for hook in hooks:
        result = hook()
        if hasattr(result, "__await__"):
            await result
