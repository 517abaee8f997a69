"""What the handlers of `@app.websocket` take beside the connection: parameters of path and query, by name."""

from __future__ import annotations

from roost._callable import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

_PARTS = ("query_params", "headers", "path_params", "path", "ip_addr", "subprotocol")
_DEPENDENCIES = ("global_dependencies", "router_dependencies")
_TRUE, _FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")


class BadArgument(Exception):
    """A parameter that the client left out, or that is not of its type."""


class Arguments:
    """How one handler is called.

    Raises:
        TypeError: it takes no connection, or any number of arguments by name.
    """

    def __init__(self, handler: Callable[..., Any], path_names: Sequence[str], injected: Sequence[str] = ()) -> None:
        # `inspect` costs memory that applications without such handlers do not pay for.
        import inspect

        self.path_names = path_names
        self.wanted: list[tuple[str, Callable[[list[str]], Any] | None, Any]] = []
        told = list(inspect.signature(handler).parameters.values())
        self.takes_connection = bool(told) and told[0].kind is not told[0].KEYWORD_ONLY
        rest = told[1:] if self.takes_connection else told
        rest = [p for p in rest if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        if not rest:
            return
        hints = _hints(handler)
        for parameter in rest:
            name = parameter.name
            annotation = hints.get(name, parameter.annotation)
            if name in _PARTS or name in _DEPENDENCIES or name in injected:
                self.wanted.append((name, None, parameter.empty))
                continue
            if getattr(annotation, "__name__", "") in ("QueryParams", "Headers"):
                part = "query_params" if annotation.__name__ == "QueryParams" else "headers"
                self.wanted.append((name, _part(part), parameter.empty))
                continue
            default = parameter.default
            read = _reader(annotation if annotation is not parameter.empty else str)
            if read is None:
                raise TypeError(f"{name_of(handler)}: no text can become the {annotation!r} of its parameter {name!r}")
            self.wanted.append((name, read, default))

    def gather(self, connection: Any, dependencies: Callable[[], dict[str, dict[str, Any]]]) -> dict[str, Any]:
        """The arguments beside the connection.

        Raises:
            BadArgument: the client left one out, or gave one that is not of its type.
        """
        found: dict[str, Any] = {}
        for name, read, default in self.wanted:
            if read is None:
                given = dependencies() if name not in _PARTS else {}
                if name in given:
                    found[name] = given[name]
                elif name in _DEPENDENCIES or name in _PARTS:
                    found[name] = {} if name in _DEPENDENCIES else getattr(connection, name)
                else:
                    found[name] = next(values[name] for values in reversed(given.values()) if name in values)
                continue
            if isinstance(read, _Part):
                found[name] = getattr(connection, read.name)
                continue
            if name in self.path_names:
                values = [connection.path_params[name]]
            else:
                values = connection.query_params.get_all(name)
            if not values:
                if default is not _empty():
                    found[name] = default
                    continue
                raise BadArgument(f"Missing required query parameter: '{name}'")
            try:
                found[name] = read(values)
            except (ValueError, KeyError):
                kind = "path" if name in self.path_names else "query"
                raise BadArgument(f"Invalid value for {kind} parameter '{name}': {values[-1]!r}") from None
        return found


class _Part:
    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, values: list[str]) -> Any:
        return values


def _part(name: str) -> _Part:
    return _Part(name)


def _empty() -> Any:
    import inspect

    return inspect.Parameter.empty


def _hints(handler: Callable[..., Any]) -> dict[str, Any]:
    import typing

    try:
        return typing.get_type_hints(handler)
    except NameError:
        return getattr(handler, "__annotations__", {})


def _reader(annotation: Any) -> Callable[[list[str]], Any] | None:
    """What makes the type of the annotation from the values of a name."""
    import typing

    origin = typing.get_origin(annotation)
    if origin is list or annotation is list:
        inner = _reader((typing.get_args(annotation) or (str,))[0])
        return inner and (lambda values: [inner([value]) for value in values])
    arguments = [a for a in typing.get_args(annotation) if a is not type(None)]
    if arguments and origin is not None and origin is not list:
        return _reader(arguments[0]) if len(arguments) == 1 else None
    if annotation is str or annotation is typing.Any or isinstance(annotation, str):
        return lambda values: values[-1]
    if annotation is bool:
        return lambda values: _boolean(values[-1])
    if isinstance(annotation, type):
        if annotation in (int, float):
            return lambda values: annotation(values[-1])
        if annotation.__module__ == "datetime":
            return lambda values: annotation.fromisoformat(values[-1])  # type: ignore[attr-defined]
        if hasattr(annotation, "__members__"):  # an Enum, by value
            return lambda values: _member(annotation, values[-1])
        if annotation.__name__ in ("UUID", "Decimal"):
            return lambda values: annotation(values[-1])
    return None


def _boolean(text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise ValueError


def _member(enum: Any, text: str) -> Any:
    for member in enum:
        if str(member.value) == text:
            return member
    raise ValueError
