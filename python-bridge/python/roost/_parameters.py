"""The parameters of a handler, with annotations and defaults; read from its code, without the module inspect."""

from __future__ import annotations

from roost import _types
from roost._callable import innermost, signature_of_inspect

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_VARARGS, _VARKEYWORDS = 0x04, 0x08  # inspect.CO_VARARGS, CO_VARKEYWORDS


class Parameter:
    """One parameter. `annotation` and `default` may be `_types.MISSING`; by_keyword: it must be passed by its name."""

    __slots__ = ("annotation", "by_keyword", "default", "name")

    def __init__(self, name: str, annotation: Any, default: Any, by_keyword: bool) -> None:
        self.name = name
        self.annotation = annotation
        self.default = default
        self.by_keyword = by_keyword

    def __repr__(self) -> str:
        return self.name


def parameters(function: Callable[..., Any]) -> list[Parameter] | None:
    """Those of `function`, or of what functools.wraps() says it wraps; None when it takes any, and tells no more."""
    inner = innermost(function)
    found = _plain(inner)
    if found is None:
        return _others(inner)  # type: ignore[arg-type]
    code_owner, bound = found
    code = code_owner.__code__
    if code.co_flags & _VARARGS and code.co_argcount == bound:
        return None
    annotations = getattr(code_owner, "__annotations__", {})
    defaults = code_owner.__defaults__ or ()
    first_default = code.co_argcount - len(defaults)
    result = []
    for i in range(bound, code.co_argcount):
        name = code.co_varnames[i]
        annotation = _types.resolve(annotations.get(name, _types.MISSING), code_owner)
        default = defaults[i - first_default] if i >= first_default else _types.MISSING
        result.append(Parameter(name, annotation, default, False))
    for name in code.co_varnames[code.co_argcount : code.co_argcount + code.co_kwonlyargcount]:
        annotation = _types.resolve(annotations.get(name, _types.MISSING), code_owner)
        result.append(Parameter(name, annotation, (code_owner.__kwdefaults__ or {}).get(name, _types.MISSING), True))
    return _passed(function, inner, result)


def _plain(function: Any) -> tuple[Any, int] | None:
    """The Python function below methods, callable objects and classes, and how many arguments are bound."""
    if isinstance(function, type):
        function = function.__init__  # type: ignore[misc]
        return (function, 1) if hasattr(function, "__code__") else None
    if hasattr(function, "__func__") and hasattr(function, "__self__"):
        function = function.__func__
        return (function, 1) if hasattr(function, "__code__") else None
    if hasattr(function, "__code__"):
        return function, 0
    if hasattr(function, "func") and hasattr(function, "keywords"):  # functools.partial
        return None
    call = getattr(type(function), "__call__", None)  # noqa: B004
    return (call, 1) if hasattr(call, "__code__") else None


def _passed(outer: Any, inner: Any, found: list[Parameter]) -> list[Parameter]:
    """How a wrapper that takes `**kwargs` wants them: by name, but for those that it names itself."""
    plain = _plain(outer) if outer is not inner else None
    if plain is not None and plain[0].__code__.co_flags & _VARKEYWORDS:
        own = plain[0].__code__.co_argcount - plain[1]
        for parameter in found[own:]:
            parameter.by_keyword = True
    return found


def _others(function: Callable[..., Any]) -> list[Parameter] | None:
    """For built-in functions, classes without an __init__ and functools.partial."""
    told = signature_of_inspect(function)
    if told is None or any(p.kind is p.VAR_POSITIONAL for p in told):
        return None
    result = []
    keywords = getattr(function, "keywords", {})
    keyword_seen = False
    while hasattr(function, "func"):
        function = function.func
    for p in told:
        if p.kind is p.VAR_KEYWORD or p.name in keywords:
            keyword_seen = True
            continue
        annotation = _types.MISSING if p.annotation is p.empty else _types.resolve(p.annotation, function)
        default = _types.MISSING if p.default is p.empty else p.default
        result.append(Parameter(p.name, annotation, default, keyword_seen or p.kind is p.KEYWORD_ONLY))
    return result


def return_annotation(function: Callable[..., Any]) -> Any:
    """What it says it returns, or `_types.MISSING`."""
    inner = innermost(function)
    plain = _plain(inner)
    if plain is None or isinstance(inner, type):
        return _types.MISSING
    return _types.resolve(getattr(plain[0], "__annotations__", {}).get("return", _types.MISSING), plain[0])
