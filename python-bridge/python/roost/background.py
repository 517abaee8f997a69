"""Work that is done once the response has been sent: the client does not wait for it.

@app.post("/signup")
async def sign_up(request):
    return Response(202, body="on its way", background=BackgroundTask(send_mail, request.json()["address"]))
"""

from __future__ import annotations

from roost._callable import is_async

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class BackgroundTask:
    """A call for `response.background`: `async def` on the event loop, plain functions in a thread of the pool.

    It runs with the contextvars of the handler. What it raises is logged. A worker that ends waits for it as long as
    `timeouts.drain` allows.

    Args:
        func: what to call, with args and kwargs.
    """

    def __init__(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        self.func = func
        self.args = args
        self.kwargs = kwargs

    @property
    def asynchronous(self) -> bool:
        """Whether it runs on the event loop."""
        return is_async(self.func)

    async def __call__(self) -> None:
        if not self.asynchronous:
            from roost._threads import call_in_pool

            return await call_in_pool(self.run)
        result = self.func(*self.args, **self.kwargs)
        if hasattr(result, "__await__"):
            await result

    def run(self) -> None:
        """Calls a plain function, here and now."""
        self.func(*self.args, **self.kwargs)


class BackgroundTasks(BackgroundTask):
    """Several tasks, done one after the other; when one raises, the others are not begun."""

    def __init__(self, tasks: Sequence[BackgroundTask] = ()) -> None:
        self.tasks = list(tasks)

    def add_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Adds a call, to be made after the others."""
        self.tasks.append(BackgroundTask(func, *args, **kwargs))

    @property
    def asynchronous(self) -> bool:
        """Whether one of them runs on the event loop."""
        return any(task.asynchronous for task in self.tasks)

    async def __call__(self) -> None:
        for task in self.tasks:
            await task()

    def run(self) -> None:
        """Calls plain functions, here and now."""
        for task in self.tasks:
            task.run()
