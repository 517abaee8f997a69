"""Middleware and handler made into one callable, when the application is mounted: nothing is looked up later.

Before handlers in order until one returns a response, else the handler; then the after handlers, which see every
response: the handler's, one of a before handler, one that stands for an exception. An exception that nobody answers is
a 500 to them, and then goes on to the bridge, which logs it.
"""

from __future__ import annotations

from roost import _pattern
from roost._callable import is_async, is_certainly_async, name_of, signature
from roost._native import Request, Response, to_response
from roost.exceptions import HTTPException

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from roost.exceptions import ErrorHandlers

    # function, how many arguments it takes, whether its result must be awaited, whether it is meant for a request's
    # path (None: always)
    Bound = tuple[Callable[..., Any], int, bool, Callable[[Request], bool] | None]


class Step:
    """A before or after handler: what to call, the paths it is for (None: all), and how many arguments it takes."""

    def __init__(self, function: Callable[..., Any], pattern: str | None, after: bool) -> None:
        told = signature(function)
        count = 2 if told.names is None else len(told.names)
        if told.required > (2 if after else 1):
            raise TypeError(
                f"{name_of(function)}: a before handler takes (request), an after handler (response) or"
                " (request, response)"
            )
        self.function = function
        self.pattern = pattern
        self.asynchronous = is_async(function)
        self.awaitable = is_certainly_async(function)
        self.arguments = min(count, 2) if after else min(count, 1)

    def on(self, prefix: str, route: str) -> Bound | None:
        """This step as it goes with that route, registered at a router with that prefix; None: not at all."""
        pattern = self.pattern
        if pattern is None:
            if not prefix:
                return self.function, self.arguments, self.awaitable, None
            pattern = prefix + "/*"
        elif prefix and not (pattern == prefix or pattern.startswith(prefix + "/")):
            pattern = _pattern.join(prefix, pattern)
        relation = _pattern.relate(pattern, route)
        if relation is False:
            return None
        return self.function, self.arguments, self.awaitable, None if relation else applies_to(pattern, route)


def applies_to(pattern: str, route: str) -> Callable[[Request], bool]:
    """Whether a request of that route is for a path of the pattern."""

    def applies(request: Request) -> bool:
        return _pattern.match(pattern, _pattern.fill(route, dict(request.path_params))) is not None

    return applies


def compose(
    handler: Callable[..., Any],
    asynchronous: bool,
    takes_request: bool,
    before: Sequence[Bound],
    after: Sequence[Bound],
    errors: Sequence[ErrorHandlers],
) -> tuple[Callable[..., Any], bool, bool]:
    """One callable with all that around `handler`; the same pair of facts about it.

    Args:
        errors: those of the innermost router first.
    """
    errors = [some for some in errors if some]
    if not before and not after and not errors:
        return handler, asynchronous, takes_request
    if asynchronous or any(is_async(step[0]) for step in (*before, *after)):
        return _async_chain(handler, asynchronous, takes_request, before, after, errors), True, True
    return _sync_chain(handler, takes_request, before, after, errors), False, True


def _sync_chain(
    handler: Callable[..., Any],
    takes_request: bool,
    before: Sequence[Bound],
    after: Sequence[Bound],
    errors: Sequence[ErrorHandlers],
) -> Callable[[Request], Any]:
    later = {f for some in errors for f in some.handlers() if is_async(f)}

    def chain(request: Request) -> Any:
        failure: BaseException | None = None
        response: Any
        try:
            for function, arguments, _, applies in before:
                if applies is None or applies(request):
                    outcome = function(request) if arguments else function()
                    if outcome is None or outcome is request:
                        continue
                    if isinstance(outcome, Request):
                        request = outcome
                        continue
                    response = to_response(outcome)
                    break
            else:
                response = handler(request) if takes_request else handler()
                if after:
                    response = to_response(response)
        except Exception as error:
            if later and _handler_of(errors, error) in later:
                return _answered_later(request, error, after, errors)
            response, failure = recover(request, error)
        for at, (function, arguments, _, applies) in enumerate(after):
            try:
                if applies is None or applies(request):
                    outcome = (
                        function(response)
                        if arguments == 1
                        else function(request, response)
                        if arguments
                        else function()
                    )
                    if outcome is not None and outcome is not response:
                        response = to_response(outcome)
            except Exception as error:
                if later and _handler_of(errors, error) in later:
                    return _answered_later(request, error, after[at + 1 :], errors)
                response, failure = recover(request, error)
        if failure is not None:
            if after:
                failure.__roost_response__ = response  # type: ignore[attr-defined]
            try:
                raise failure
            finally:
                del failure  # whose traceback has this frame: they would keep each other
        return response

    def recover(request: Request, error: Exception) -> tuple[Response, BaseException | None]:
        try:
            answer = _handler_of(errors, error)
            if answer is not None:
                try:
                    return to_response(_call(answer, request, error)), None
                except Exception as another:
                    error = another
            return _answer(error)
        finally:
            del error

    chain.__wrapped__ = handler  # type: ignore[attr-defined]
    return chain


def _async_chain(
    handler: Callable[..., Any],
    asynchronous: bool,
    takes_request: bool,
    before: Sequence[Bound],
    after: Sequence[Bound],
    errors: Sequence[ErrorHandlers],
) -> Callable[[Request], Any]:
    async def chain(request: Request) -> Any:
        failure: BaseException | None = None
        response: Any
        try:
            for function, arguments, awaitable, applies in before:
                if applies is None or applies(request):
                    outcome = function(request) if arguments else function()
                    if awaitable or hasattr(outcome, "__await__"):
                        outcome = await outcome
                    if outcome is None or outcome is request:
                        continue
                    if isinstance(outcome, Request):
                        request = outcome
                        continue
                    response = to_response(outcome)
                    break
            else:
                if asynchronous:
                    response = await (handler(request) if takes_request else handler())
                else:
                    response = await beside(handler, *((request,) if takes_request else ()))
                if after:
                    response = to_response(response)
        except Exception as error:
            response, failure = await _recover(request, error, errors)
        for function, arguments, awaitable, applies in after:
            try:
                if applies is None or applies(request):
                    outcome = (
                        function(response)
                        if arguments == 1
                        else function(request, response)
                        if arguments
                        else function()
                    )
                    if awaitable or hasattr(outcome, "__await__"):
                        outcome = await outcome
                    if outcome is not None and outcome is not response:
                        response = to_response(outcome)
            except Exception as error:
                response, failure = await _recover(request, error, errors)
        if failure is not None:
            if after:
                failure.__roost_response__ = response  # type: ignore[attr-defined]
            try:
                raise failure
            finally:
                del failure  # whose traceback has this frame: they would keep each other
        return response

    chain.__wrapped__ = handler  # type: ignore[attr-defined]
    return chain


async def _recover(
    request: Request, error: Exception, errors: Sequence[ErrorHandlers]
) -> tuple[Response, BaseException | None]:
    try:
        answer = _handler_of(errors, error)
        if answer is not None:
            try:
                outcome = _call(answer, request, error)
                return to_response(await outcome if hasattr(outcome, "__await__") else outcome), None
            except Exception as another:
                error = another
        return _answer(error)
    finally:
        del error


async def _answered_later(
    request: Request, error: Exception, after: Sequence[Bound], errors: Sequence[ErrorHandlers]
) -> Response:
    """What is left to do of a chain of plain functions whose exception has an asynchronous handler.

    Only then is a plain handler's request taken to the loop.
    """
    try:
        response, failure = await _recover(request, error, errors)
    finally:
        del error
    for function, arguments, _, applies in after:
        try:
            if applies is None or applies(request):
                outcome = function(*(request, response)[2 - arguments :])
                if outcome is not None:
                    response = to_response(outcome)
        except Exception as another:
            response, failure = await _recover(request, another, errors)
    if failure is not None:
        failure.__roost_response__ = response  # type: ignore[attr-defined]
        try:
            raise failure
        finally:
            del failure
    return response


async def beside(function: Callable[..., Any], *args: Any) -> Any:
    """Calls a plain handler, which may block, beside the loop; what it sets in the context is there afterwards.

    Middleware, which is short, is called on the loop.
    """
    from roost._threads import call_in_pool

    outcome = await call_in_pool(function, *args)
    return await outcome if hasattr(outcome, "__await__") else outcome


def _handler_of(errors: Sequence[ErrorHandlers], error: BaseException) -> Callable[..., Any] | None:
    for some in errors:
        found = some.find(error)
        if found is not None:
            return found
    return None


def _call(answer: Callable[..., Any], request: Request, error: BaseException) -> Any:
    names = signature(answer).names
    return answer(request, error) if names is None or len(names) > 1 else answer(error)


def _answer(error: Exception) -> tuple[Response, BaseException | None]:
    """The response of an HTTPException; for another one a 500 for the after handlers, and what is to be raised."""
    if isinstance(error, HTTPException):
        return error.__roost_response__(), None
    return Response(500, {"Content-Type": "text/plain; charset=utf-8"}, "Internal Server Error\n"), error
