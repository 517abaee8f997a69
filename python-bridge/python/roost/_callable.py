"""What a handler is: asynchronous or not, its parameters' names, and what the log calls it."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType
    from typing import Any

_COROUTINE = 0x80  # inspect.CO_COROUTINE and the others: that module costs more memory than all of this package
_ITERABLE_COROUTINE = 0x100
_VARIADIC = 0x04


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


def innermost(function: object) -> object:
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
    for candidate in (function, innermost(_without_partials(function))):
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
    function = innermost(function)  # type: ignore[assignment]
    found = _code(function)
    if found is None:
        return _slow_signature(function)
    code, bound, defaults = found
    if code.co_flags & _VARIADIC:
        return Signature(None, max(code.co_argcount - bound - defaults, 0), ())
    names = code.co_varnames[bound : code.co_argcount]
    keyword_only = code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]
    return Signature(names, max(len(names) - defaults, 0), keyword_only)


def signature_of_inspect(function: Callable[..., Any]) -> list[Any] | None:
    """The inspect.Parameters of classes, built-in functions and partials; None when they do not tell."""
    import inspect

    try:
        return list(inspect.signature(function).parameters.values())
    except ValueError:
        return None


def _slow_signature(function: Callable[..., Any]) -> Signature:
    parameters = signature_of_inspect(function)
    if parameters is None or any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return Signature(None, 0, ())
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return Signature(
        [p.name for p in positional],
        sum(p.default is p.empty for p in positional),
        [p.name for p in parameters if p.kind is p.KEYWORD_ONLY and p.default is p.empty],
    )


def name_of(function: object) -> str:
    """How log and `roost routes` call it."""
    inner = innermost(function)
    return str(getattr(inner, "__qualname__", None) or type(inner).__qualname__)


def adapt(handler: Callable[..., Any], path_names: Sequence[str]) -> tuple[Callable[..., Any], bool, bool]:
    """A function mounted from a YAML file as the bridge calls it: see `_binding.bind_function`."""
    from roost._binding import bind_function

    bound = bind_function(handler, path_names)
    return bound.call, bound.asynchronous, bound.takes_request


def awaiting(handler: Callable[..., Any]) -> Callable[..., Any]:
    """A coroutine function of one that hands on another one's coroutine."""

    async def awaited(*args: Any, **kwargs: Any) -> Any:
        result = handler(*args, **kwargs)
        return await result if hasattr(result, "__await__") else result

    awaited.__wrapped__ = handler  # type: ignore[attr-defined]
    return awaited
