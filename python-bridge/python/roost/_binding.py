"""A handler made into a callable that takes the request: what its parameters stand for is decided once, at mount.

The callable is written as source, one line for each parameter, and compiled: nothing is looked up or looked at again
for a request. Errors here name the handler, its file and line.
"""

from __future__ import annotations

from roost import _native, _types
from roost._callable import awaiting, is_async, is_certainly_async, name_of
from roost._parameters import Parameter, parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from roost.router import Route

# Parameters that stand for the request, or for a part of it, by these names.
REQUEST_NAMES = ("request", "req", "r")
PARTS = (
    "query_params",
    "headers",
    "path_params",
    "body",
    "method",
    "url",
    "ip_addr",
    "identity",
    "form_data",
    "files",
)
_MISSING = _types.MISSING


class BindingError(TypeError):
    """A handler has a parameter that nothing is known for."""


class Bound:
    """What the bridge calls: `call`, whether that is asynchronous, whether it takes the request or nothing."""

    __slots__ = ("asynchronous", "call", "takes_request")

    def __init__(self, call: Callable[..., Any], asynchronous: bool, takes_request: bool) -> None:
        self.call = call
        self.asynchronous = asynchronous
        self.takes_request = takes_request


class Input:
    """One parameter of a handler or of a dependency of its, and what it stands for.

    where: "request", "part", "path", "query", "body", "json", "file", "injected" or "depends"; name: of the part or the
    value.
    """

    __slots__ = ("annotation", "default", "function", "name", "where")

    def __init__(self, where: str, name: str, annotation: Any, default: Any, function: Any = None) -> None:
        self.where = where
        self.name = name
        self.annotation = annotation
        self.default = default
        self.function = function  # of "depends": a Dependency


class Injected:
    """What is injected for a route: its router's values before the application's. Read again for each request.

    Args:
        later: a startup handler may inject more, so that what is not there yet is no error.
    """

    def __init__(self, router: Mapping[str, Any], everywhere: Mapping[str, Any], later: bool = False) -> None:
        self.router = router
        self.everywhere = everywhere
        self.later = later

    def __contains__(self, name: str) -> bool:
        return name in self.router or name in self.everywhere

    def __getitem__(self, name: str) -> Any:
        if name in self.router:
            return self.router[name]
        if name in self.everywhere:
            return self.everywhere[name]
        raise LookupError(f"nothing is injected as {name!r}")


def bind(route: Route, overrides: dict[Any, Any] | None = None, later: bool = False) -> Bound:
    """The handler of a route.

    Args:
        overrides: what is called in place of dependencies, see `App.dependency_overrides`; may change later.
        later: there are startup handlers, which may inject more.

    Raises:
        BindingError: it, or a dependency of it, has a parameter that nothing is known for.
    """
    from roost import _pattern

    injected = Injected(route.router_dependencies, route.global_dependencies, later)
    finish = None
    if route.response_model is not None or route.status_code is not None:
        from roost._body import finisher

        try:
            finish = finisher(route.name, route.response_model, route.status_code)
        except TypeError as error:
            raise BindingError(f"{place(route.handler)}: {route.name}: response_model: {error}") from None
    names = _pattern.names(route.pattern)
    return bind_function(route.handler, names, injected, {} if overrides is None else overrides, finish)


def place(function: Any) -> str:
    """Where it is written: "file:line"."""
    from roost._callable import innermost

    inner: Any = innermost(function)
    inner = getattr(inner, "__func__", inner)
    code = getattr(inner, "__code__", None) or getattr(getattr(inner, "__init__", None), "__code__", None)
    return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else "?"


def bind_function(
    handler: Callable[..., Any],
    path_names: Sequence[str],
    injected: Injected | None = None,
    overrides: dict[Any, Any] | None = None,
    finish: Callable[[Any], Any] | None = None,
) -> Bound:
    """As `bind`, for a function whose path has these names, and whose result goes through `finish`."""
    if not callable(handler):
        raise TypeError(f"a handler must be callable, not {handler!r}")
    asynchronous = is_async(handler)
    if asynchronous and not is_certainly_async(handler):
        handler = awaiting(handler)
    found = parameters(handler)
    if found is None:
        return _finished(Bound(handler, asynchronous, True), finish)
    injected = injected or Injected({}, {})
    inputs = [meaning(handler, parameter, path_names, injected) for parameter in found]
    if not inputs:
        return _finished(Bound(handler, asynchronous, False), finish)
    if len(inputs) == 1 and inputs[0].where == "request" and not found[0].by_keyword:
        return _finished(Bound(handler, asynchronous, True), finish)
    from roost._written import Writer

    writer = Writer(path_names, injected, {} if overrides is None else overrides, finish)
    call = writer.write(handler, asynchronous)
    return Bound(call, writer.asynchronous, True)


def _finished(bound: Bound, finish: Callable[[Any], Any] | None) -> Bound:
    if finish is None:
        return bound
    call = bound.call
    if bound.asynchronous:

        async def finished_async(*args: Any) -> Any:
            return finish(await call(*args))

        finished_async.__wrapped__ = call  # type: ignore[attr-defined]
        bound.call = finished_async
    else:
        finish_any = finishing(finish)

        def finished(*args: Any) -> Any:
            return finish_any(call(*args))

        finished.__wrapped__ = call  # type: ignore[attr-defined]
        bound.call = finished
    return bound


def finishing(finish: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """`finish` for the result of a plain function, which may be another one's coroutine."""

    async def later(result: Any) -> Any:
        return finish(await result)

    return lambda result: later(result) if hasattr(result, "__await__") else finish(result)


def meaning(function: Any, parameter: Parameter, path_names: Sequence[str], injected: Injected) -> Input:
    """What a parameter stands for: by a dependency in it, its annotation, its name; else it is a value of the query.

    Raises:
        BindingError: nothing.
    """
    name, default = parameter.name, parameter.default
    annotation, metadata = _types.annotated(parameter.annotation)
    full = parameter.annotation
    dependencies = _types.loaded("roost.dependencies")
    if dependencies is not None:
        for candidate in (default, *metadata):
            if isinstance(candidate, dependencies.Dependency):
                return Input("depends", name, annotation, _MISSING, candidate)
    told = _by_annotation(_types.without_none(annotation)[0])
    if told is not None:
        return Input(*told, annotation, default)
    if is_file(annotation):
        return Input("file", name, annotation, default)
    if name in path_names:
        return Input("path", name, full, default)
    if not isinstance(annotation, _types.Unresolved) and not _types.is_any(annotation):
        from roost._body import is_body

        known = name in injected or name in ("global_dependencies", "router_dependencies")
        if not known and (is_body(annotation) or (name == "body" and _is_collection(annotation))):
            if name in PARTS and name != "body" and not _is_model(annotation):
                return Input("part", name, annotation, default)
            return Input("body", name, full, default)
    if name in PARTS:
        return Input("part", name, annotation, default)
    if name in REQUEST_NAMES or (name.startswith("_") and default is _MISSING and annotation is _MISSING):
        return Input("request", name, annotation, default)
    if name in ("global_dependencies", "router_dependencies"):
        return Input("injected", name, annotation, default)
    if name in injected:
        return Input("injected", name, annotation, default)
    if isinstance(annotation, _types.Unresolved):
        raise BindingError(
            f"{place(function)}: {name_of(function)}: the annotation {annotation.text!r} of {name!r} is not known"
            f" where the function is written: {annotation.error}"
        )
    return Input("query", name, full, default)


def _is_collection(annotation: Any) -> bool:
    """Of plain values: in the query, but for a parameter named `body`."""
    from roost._values import element

    return element(annotation) is not None


def is_file(annotation: Any) -> bool:
    """Whether it is `UploadFile`, or a list of these."""
    forms = _types.loaded("roost.forms")
    if forms is None:
        return False
    inner = _types.without_none(annotation)[0]
    return inner is forms.UploadFile or (
        _types.origin(inner) is list and _types.arguments(inner) == (forms.UploadFile,)
    )


def _is_model(annotation: Any) -> bool:
    annotation, _ = _types.without_none(annotation)
    return _types.is_pydantic(annotation) or _types.is_dataclass(annotation) or _types.is_typed_dict(annotation)


def _by_annotation(annotation: Any) -> tuple[str, str] | None:
    """What a type says by itself: where it is found, and its name there."""
    if isinstance(annotation, _types.Unresolved):  # behind `if TYPE_CHECKING:`, most often
        last = annotation.text.rpartition(".")[2]
        return {
            "Request": ("request", "request"),
            "Headers": ("part", "headers"),
            "QueryParams": ("part", "query_params"),
            "Url": ("part", "url"),
            "Identity": ("part", "identity"),
            "FormData": ("part", "form_data"),
            "Files": ("part", "files"),
        }.get(last)
    types = _types.loaded("roost.types")
    if types is not None:
        for known, part in (
            (types.PathParams, "path_params"),
            (types.Method, "method"),
            (types.FormData, "form_data"),
            (types.Files, "files"),
            (types.IPAddress, "ip_addr"),
        ):
            if annotation is known:
                return "part", part
    if not isinstance(annotation, type):
        return None
    if annotation is _native.Request:
        return "request", "request"
    if types is not None:
        if issubclass(annotation, types.JsonBody):
            return "json", "body"
        if issubclass(annotation, types.Body):
            return "part", "body"
    if issubclass(annotation, _native.QueryParams):
        return "part", "query_params"
    if annotation is _native.Headers:
        return "part", "headers"
    if annotation is getattr(_native, "Url", None):
        return "part", "url"
    forms = _types.loaded("roost.forms")
    if forms is not None and annotation in (forms.FormData, forms.Files):
        return "part", "form_data" if annotation is forms.FormData else "files"
    authentication = _types.loaded("roost.authentication")
    if authentication is not None and annotation is getattr(authentication, "Identity", None):
        return "part", "identity"
    return None
