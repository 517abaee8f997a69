"""What a handler is, told once when it is registered: asynchronous or not, and what it wants to be called with."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType
    from typing import Any

_COROUTINE = 0x80  # inspect.CO_COROUTINE and the others: that module costs more memory than all of this package
_ITERABLE_COROUTINE = 0x100
_VARIADIC = 0x04

# Parameters that stand for a part of the request instead of the request.
PARTS = ("query_params", "headers", "path_params", "body", "method", "url", "ip_addr")

# A parameter with a default gets the request only by one of these names.
REQUEST_NAMES = ("request", "req", "r")


class Signature:
    """`names` of the parameters to pass by position, or None when it takes any number; `required` of them must be."""

    def __init__(self, names: Sequence[str] | None, required: int, keyword_only: Sequence[str]) -> None:
        self.names = names
        self.required = required
        self.keyword_only = keyword_only


def _code(function: object) -> tuple[CodeType, int, int] | None:
    """The code below a function, method, partial or callable object; how many arguments are bound, have defaults."""
    bound = 0
    for _ in range(32):
        # Methods first: they pass on their function's attributes.
        if hasattr(function, "__func__") and hasattr(function, "__self__"):
            bound += 1
            function = function.__func__
        elif hasattr(function, "__code__"):
            return function.__code__, bound, len(getattr(function, "__defaults__", None) or ())
        elif hasattr(function, "func") and hasattr(function, "keywords"):  # functools.partial
            if function.keywords:
                return None
            bound += len(getattr(function, "args", ()))
            function = function.func
        elif not isinstance(function, type) and hasattr(type(function), "__call__"):  # noqa: B004
            call = type(function).__call__
            if not hasattr(call, "__code__"):
                return None
            bound += 1
            function = call
        else:
            return None
    return None


def _innermost(function: object) -> object:
    """What functools.wraps() says was wrapped."""
    for _ in range(32):
        wrapped = getattr(function, "__wrapped__", None)
        if wrapped is None:
            break
        function = wrapped
    return function


def _without_partials(function: object) -> object:
    while hasattr(function, "func") and hasattr(function, "keywords"):
        function = function.func
    return function


def is_async(function: object) -> bool:
    """Whether calling it gives a coroutine; of what functools.wraps() wrapped, the innermost decides."""
    for candidate in (function, _innermost(_without_partials(function))):
        found = _code(_without_partials(candidate))
        if found is not None and found[0].co_flags & (_COROUTINE | _ITERABLE_COROUTINE):
            return True
    return False


def is_certainly_async(function: object) -> bool:
    """Whether it is a coroutine function itself, so that its result can be awaited unseen."""
    found = _code(_without_partials(function))
    return found is not None and bool(found[0].co_flags & _COROUTINE)


def signature(function: Callable[..., Any]) -> Signature:
    """The parameters of `function`.

    Raises:
        TypeError: it cannot be called.
    """
    if not callable(function):
        raise TypeError(f"a handler must be callable, not {function!r}")
    function = _innermost(function)  # type: ignore[assignment]
    found = _code(function)
    if found is None:
        return _slow_signature(function)
    code, bound, defaults = found
    if code.co_flags & _VARIADIC:
        return Signature(None, max(code.co_argcount - bound - defaults, 0), ())
    names = code.co_varnames[bound : code.co_argcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return Signature(names, max(len(names) - defaults, 0), keyword_only)


def _slow_signature(function: Callable[..., Any]) -> Signature:
    """For classes, built-in functions and partials with keywords."""
    import inspect

    try:
        parameters = inspect.signature(function).parameters.values()
    except ValueError:  # a built-in function that does not tell
        return Signature(None, 0, ())
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return Signature(None, 0, ())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return Signature(
        [p.name for p in positional],
        sum(p.default is p.empty for p in positional),
        [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty],
    )


def name_of(function: object) -> str:
    """How log and `roost routes` call it."""
    inner = _innermost(function)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def adapt(handler: Callable[..., Any], path_names: Sequence[str]) -> tuple[Callable[..., Any], bool, bool]:
    """A handler as the bridge calls it: what to call, whether that is asynchronous, whether it takes the request.

    It may take nothing, the request, or parts of it by name: those in `PARTS`, and the parameters of the path.

    Raises:
        TypeError: it has parameters that nothing is known for.
    """
    asynchronous = is_async(handler)
    told = signature(handler)
    if asynchronous and not is_certainly_async(handler):
        handler = _awaiting(handler)
    names = told.names
    if names is None:
        return handler, asynchronous, True
    known = {*PARTS, *path_names}
    wanted = [name for i, name in enumerate(names) if i < told.required or name in known or name in REQUEST_NAMES]
    if not wanted and not told.keyword_only:
        return handler, asynchronous, False
    if len(wanted) == 1 and not told.keyword_only and wanted[0] not in known:
        return handler, asynchronous, True

    requests = [name for name in (*wanted, *told.keyword_only) if name not in known]
    if len(requests) > 1:
        raise TypeError(
            f"{name_of(handler)}: nothing is known for its parameter {requests[1]!r}; a handler takes the request,"
            f" and by name {', '.join(PARTS)} and the parameters of its path"
        )
    return _by_name(handler, [*wanted, *told.keyword_only], path_names), asynchronous, True


def _awaiting(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function of one that hands on another one's coroutine."""

    async def awaited(*args: Any) -> Any:
        result = handler(*args)
        return await result if hasattr(result, "__await__") else result

    awaited.__wrapped__ = handler  # type: ignore[attr-defined]
    return awaited


def _by_name(handler: Callable[..., Any], names: Sequence[str], path_names: Sequence[str]) -> Callable[..., Any]:
    def arguments(request: Any) -> dict[str, Any]:
        return {
            name: request.path_params[name]
            if name in path_names
            else getattr(request, name)
            if name in PARTS
            else request
            for name in names
        }

    if is_certainly_async(handler):

        async def call_async(request: Any) -> Any:
            return await handler(**arguments(request))

        call_async.__wrapped__ = handler  # type: ignore[attr-defined]
        return call_async

    def call(request: Any) -> Any:
        return handler(**arguments(request))

    call.__wrapped__ = handler  # type: ignore[attr-defined]
    return call
