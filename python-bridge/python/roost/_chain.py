"""Middleware and handler made into one callable, when the application is mounted: nothing is looked up later."""

from __future__ import annotations

from roost import _pattern
from roost._callable import is_async, is_certainly_async, signature
from roost._native import Request, Response, to_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


class Step:
    """A before or after handler: what to call, the paths it is for (None: all), and what it is called with."""

    def __init__(self, function: Callable[..., Any], pattern: str | None, after: bool, always: bool = False) -> None:
        told = signature(function)
        count = 2 if told.names is None else len(told.names)
        if max(told.required, 0) > (2 if after else 1):
            raise TypeError(f"{function!r}: a before handler takes (request), an after handler (request, response)")
        self.function = function
        self.pattern = pattern
        self.asynchronous = is_async(function)
        self.awaitable = is_certainly_async(function)
        self.arguments = min(count, 2) if after else min(count, 1)
        self.always = always  # an after handler that also runs for the Response of a before handler

    def on(self, route: str) -> Step | None:
        """This step as it goes with that route; None when none of its paths is meant."""
        if self.pattern is None:
            return self
        relation = _pattern.relate(self.pattern, route)
        if relation is False:
            return None
        return self if relation else _Sometimes(self, route)

    def applies(self, request: Request) -> bool:
        """Whether it is meant for this request's path."""
        return True


class _Sometimes(Step):
    """A step of a route some of whose paths are meant."""

    def __init__(self, step: Step, route: str) -> None:
        self.__dict__.update(step.__dict__)
        self._route = route

    def applies(self, request: Request) -> bool:
        assert self.pattern is not None
        return _pattern.match(self.pattern, _pattern.fill(self._route, dict(request.path_params))) is not None


def compose(
    route: str,
    handler: Callable[..., Any],
    asynchronous: bool,
    takes_request: bool,
    before: Sequence[Step],
    after: Sequence[Step],
    on_error: Callable[..., Any] | None,
) -> tuple[Callable[..., Any], bool, bool]:
    """One callable with what is meant for `route` around `handler`; the same pair of facts about it."""
    first = [step for step in (step.on(route) for step in before) if step]
    last = [step for step in (step.on(route) for step in after) if step]
    if not first and not last and on_error is None:
        return handler, asynchronous, takes_request
    if asynchronous or any(s.asynchronous for s in (*first, *last)) or (on_error is not None and is_async(on_error)):
        return _async_chain(handler, asynchronous, takes_request, first, last, on_error), True, True
    return _sync_chain(handler, takes_request, first, last, on_error), False, True


def _after_arguments(step: Step, request: Request, response: Response) -> tuple[Any, ...]:
    return (request, response)[2 - step.arguments :]


def _sync_chain(
    handler: Callable[..., Any],
    takes_request: bool,
    before: Sequence[Step],
    after: Sequence[Step],
    on_error: Callable[..., Any] | None,
) -> Callable[[Request], Response]:
    def answer(request: Request) -> tuple[Request, Response, bool]:
        for step in before:
            if step.applies(request):
                outcome = step.function(request) if step.arguments else step.function()
                if isinstance(outcome, Response):
                    return request, outcome, True
                if isinstance(outcome, Request):
                    request = outcome
        return request, to_response(handler(request) if takes_request else handler()), False

    def chain(request: Request) -> Response:
        try:
            request, response, ended = answer(request)
            for step in after:
                if (step.always or not ended) and step.applies(request):
                    outcome = step.function(*_after_arguments(step, request, response))
                    if outcome is not None:
                        response = to_response(outcome)
            return response
        except Exception as error:
            if on_error is None:
                raise
            return to_response(on_error(error))

    chain.__wrapped__ = handler  # type: ignore[attr-defined]
    return chain


def _async_chain(
    handler: Callable[..., Any],
    asynchronous: bool,
    takes_request: bool,
    before: Sequence[Step],
    after: Sequence[Step],
    on_error: Callable[..., Any] | None,
) -> Callable[[Request], Any]:
    async def blocking(function: Callable[..., Any], *args: Any) -> Any:
        """A plain function may block: beside the loop. Middleware, which is short, is called on it."""
        import asyncio

        return await asyncio.to_thread(function, *args)

    async def answer(request: Request) -> tuple[Request, Response, bool]:
        for step in before:
            if step.applies(request):
                outcome = step.function(request) if step.arguments else step.function()
                if step.awaitable or hasattr(outcome, "__await__"):
                    outcome = await outcome
                if isinstance(outcome, Response):
                    return request, outcome, True
                if isinstance(outcome, Request):
                    request = outcome
        args = (request,) if takes_request else ()
        result = await handler(*args) if asynchronous else await blocking(handler, *args)
        if hasattr(result, "__await__"):
            result = await result
        return request, to_response(result), False

    async def chain(request: Request) -> Response:
        try:
            request, response, ended = await answer(request)
            for step in after:
                if (step.always or not ended) and step.applies(request):
                    outcome = step.function(*_after_arguments(step, request, response))
                    if step.awaitable or hasattr(outcome, "__await__"):
                        outcome = await outcome
                    if outcome is not None:
                        response = to_response(outcome)
            return response
        except Exception as error:
            if on_error is None:
                raise
            outcome = on_error(error)
            return to_response(await outcome if hasattr(outcome, "__await__") else outcome)

    chain.__wrapped__ = handler  # type: ignore[attr-defined]
    return chain
