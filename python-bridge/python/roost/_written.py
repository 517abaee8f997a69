"""The source of a bound handler: a line for each value that it, or a dependency of it, is called with."""

from __future__ import annotations

from roost import _types
from roost._binding import BindingError, Injected, Input, finishing, meaning, place
from roost._callable import is_certainly_async, name_of
from roost._parameters import parameters

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from roost.dependencies import Dependency

_GENERATOR, _ASYNC_GENERATOR = 0x20, 0x200  # inspect.CO_GENERATOR, CO_ASYNC_GENERATOR
_MISSING = _types.MISSING


class Writer:
    """Writes one handler. `asynchronous` tells, afterwards, whether what was written is a coroutine function."""

    def __init__(
        self,
        path_names: Sequence[str],
        injected: Injected,
        overrides: dict[Any, Any],
        finish: Callable[[Any], Any] | None,
        live: bool = True,
    ) -> None:
        self.asynchronous = False
        self._path_names = path_names
        self._injected = injected
        self._overrides = overrides
        self._finish = finish
        self._live = live  # overrides may come later; False: those that are there are meant
        self._lines: list[str] = []
        self._names: dict[str, Any] = {}
        self._made: dict[Any, str] = {}  # the variable of each dependency
        self._being_made: list[Any] = []
        self._body: tuple[Any, str, Any, str] | None = None  # function, name, type and source of what takes it
        self._has_dependencies = False
        self._has_generators = False

    def write(self, handler: Callable[..., Any], asynchronous: bool) -> Callable[..., Any]:
        """What takes a request and calls the handler.

        Raises:
            BindingError: a parameter stands for nothing.
        """
        arguments = self._arguments(handler)
        self._names["handler"] = handler
        result = f"handler({arguments})"
        awaits = any("await " in line for line in self._lines)
        self.asynchronous = asynchronous or awaits
        if asynchronous:
            result = f"await {result}"
        elif self.asynchronous:  # a plain function may block: beside the loop
            from roost._chain import beside

            self._names["beside"] = beside
            result = f"await beside(lambda: handler({arguments}))"
        if self._finish is not None:
            self._names["finish"] = self._finish if self.asynchronous else finishing(self._finish)
            result = f"finish({result})"
        source = self._source(result)
        exec(compile(source, f"<bound {name_of(handler)}>", "exec"), self._names)
        call: Callable[..., Any] = self._names["call"]
        call.__wrapped__ = handler  # type: ignore[attr-defined]
        return call

    def _source(self, result: str) -> str:
        word, wait = ("async def", "await ") if self.asynchronous else ("def", "")
        lines = [f"{word} call(request):"]
        if self._has_dependencies and self._live:
            self._names |= {"overrides": self._overrides, "overridden": self._overridden(self.asynchronous)}
            lines += ["    if overrides:", f"        return {wait}overridden(request)"]
        text = "\n".join(self._lines) + result
        for part, word in (("path_params", "path"), ("query_params", "query")):
            if f"{word}[" in text or f"({word}" in text:
                lines.append(f"    {word} = request.{part}")
        if not self._has_generators:
            return "\n".join([*lines, *(f"    {line}" for line in self._lines), f"    return {result}"])
        from roost import _native
        from roost._kept_stream import keep
        from roost.dependencies import Opened

        self._names |= {"Opened": Opened, "keep": keep, "to_response": _native.to_response}
        close = "await opened.close_async" if self.asynchronous else "opened.close"
        return "\n".join(
            [
                *lines,
                "    opened = Opened()",
                "    try:",
                *(f"        {line}" for line in self._lines),
                f"        result = {result}",
                "        if hasattr(result, '__await__'):",
                "            raise TypeError('a plain handler with dependencies that yield returned a coroutine')",
                "        result = to_response(result)",
                "    except BaseException as error:",
                f"        {close}(error)",
                "        raise",
                "    body = getattr(result, 'body', None)",
                "    if hasattr(body, '__next__') or hasattr(body, '__aiter__'):",
                "        return keep(result, opened)",
                f"    {close}()",
                "    return result",
            ]
        )

    def _overridden(self, asynchronous: bool) -> Callable[..., Any]:
        """The handler with what `overrides` has now."""
        kept: dict[tuple[Any, ...], Callable[..., Any]] = {}
        handler = self._names["handler"]

        def overridden(request: Any) -> Any:
            key = tuple(self._overrides.items())
            if key not in kept:
                kept.clear()
                writer = Writer(self._path_names, self._injected, dict(key), self._finish, live=False)
                kept[key] = writer.write(handler, is_certainly_async(handler))
                if writer.asynchronous and not asynchronous:
                    raise TypeError(f"{name_of(handler)}: a plain handler's dependencies cannot become asynchronous")
                if asynchronous and not writer.asynchronous:
                    from roost._chain import beside

                    plain = kept[key]
                    kept[key] = lambda request: beside(plain, request)
            return kept[key](request)

        return overridden

    # Values -----------------------------------------------------------------------------------------------------

    def _arguments(self, function: Any) -> str:
        """The arguments for a call of the function, as source."""
        found = parameters(function)
        if found is None:
            return "request"
        texts = []
        for parameter in found:
            value = self._value(function, meaning(function, parameter, self._path_names, self._injected))
            texts.append(f"{parameter.name}={value}" if parameter.by_keyword else value)
        return ", ".join(texts)

    def _value(self, function: Any, wanted: Input) -> str:
        name = wanted.name
        if wanted.where == "request":
            return "request"
        if wanted.where == "part":
            if name == "path_params":
                return "request.path_params"
            if name == "body" and wanted.annotation is bytes:
                from roost._body import read_bytes

                return f"{self._constant('read', read_bytes)}(request)"
            return f"request.{name}"
        if wanted.where == "file":
            return f"{self._constant('read', _file_reader(wanted))}(request)"
        if wanted.where == "injected":
            if name in ("global_dependencies", "router_dependencies"):
                whole = self._injected.everywhere if name.startswith("global") else self._injected.router
                return self._constant(name, whole)
            return f"{self._constant('injected', self._injected)}[{name!r}]"
        if wanted.where == "depends":
            return self._dependency(wanted)
        try:
            if wanted.where == "json":
                from roost._body import read_json

                return self._read_body(function, wanted, lambda: read_json)
            if wanted.where == "body":
                from roost._body import reader

                return self._read_body(function, wanted, lambda: reader(wanted.annotation, wanted.default))
            if wanted.where == "path":
                return self._path_value(wanted)
            return self._query_value(wanted)
        except TypeError as error:
            if isinstance(error, BindingError):
                raise
            raise BindingError(f"{place(function)}: {name_of(function)}: the parameter {name!r}: {error}") from None
        except ImportError as error:
            raise BindingError(
                f"{place(function)}: {name_of(function)}: the parameter {name!r} needs pydantic ({error}):"
                " pip install 'roost[pydantic]'"
            ) from None

    def _constant(self, stem: str, value: Any) -> str:
        name = f"{stem}_{len(self._names)}"
        self._names[name] = value
        return name

    def _read_body(self, function: Any, wanted: Input, make: Callable[[], Callable[[Any], Any]]) -> str:
        if self._body is not None:
            taker, name, annotation, source = self._body
            if annotation == wanted.annotation and taker is not function:
                return source
            raise TypeError(f"the body is read as {name!r} already: one parameter takes all of it")
        source = f"{self._constant('read', make())}(request)"
        self._body = function, wanted.name, wanted.annotation, source
        return source

    def _path_value(self, wanted: Input) -> str:
        from roost._values import converter, element

        name = wanted.name
        many = element(wanted.annotation)
        if many is not None:  # of a remainder: its segments
            one, collect = converter(many[0]), many[1]

            def split(text: str) -> Any:
                return collect([one(part) if one else part for part in text.split("/") if part])

            return f"{self._constant('convert', _path_reader(name, wanted.annotation, split))}(path[{name!r}])"
        convert = converter(wanted.annotation)
        if convert is None:
            return f"path[{name!r}]"
        return f"{self._constant('convert', _path_reader(name, wanted.annotation, convert))}(path[{name!r}])"

    def _query_value(self, wanted: Input) -> str:
        if self._injected.later:
            from roost._values import Unknown, converter, element

            try:
                converter((element(wanted.annotation) or (wanted.annotation,))[0])
            except Unknown:
                return f"{self._constant('injected', self._injected)}[{wanted.name!r}]"
        return f"{self._constant('read', _query_reader(wanted, self._injected))}(query)"

    # Dependencies -----------------------------------------------------------------------------------------------

    def _dependency(self, wanted: Input) -> str:
        """The variable that holds it; the lines that make it are written where they are not yet."""
        told: Dependency = wanted.function
        function = told.function if told.function is not None else wanted.annotation
        if not callable(function):
            raise BindingError(f"{wanted.name!r}: Depends() without a function needs a class as annotation")
        self._has_dependencies = True
        if not self._live:
            function = self._overrides.get(function, function)
        if told.use_cache and function in self._made:
            return self._made[function]
        if function in self._being_made:
            raise BindingError(f"{place(function)}: {name_of(function)} depends on itself")
        self._being_made.append(function)
        call = f"{self._constant('dependency', function)}({self._arguments(function)})"
        self._being_made.pop()
        flags = _flags(function)
        if flags & _GENERATOR:
            self._has_generators = True
            call = f"opened.enter({call})"
        elif flags & _ASYNC_GENERATOR:
            self._has_generators = True
            call = f"await opened.enter_async({call})"
        elif is_certainly_async(function):
            call = f"await {call}"
        variable = f"value_{len(self._lines)}"
        self._lines.append(f"{variable} = {call}")
        if told.use_cache:
            self._made[function] = variable
        return variable


def _flags(function: Any) -> int:
    while hasattr(function, "func"):
        function = function.func
    function = getattr(function, "__func__", function)
    code = getattr(function, "__code__", None)
    if code is None and not isinstance(function, type):
        code = getattr(getattr(type(function), "__call__", None), "__code__", None)  # noqa: B004
    return code.co_flags if code is not None else 0


def _expected(annotation: Any) -> str:
    bare = _types.without_none(_types.annotated(annotation)[0])[0]
    if _types.is_enum(bare):
        return f"{_types.name(bare)} ({', '.join(str(member.value) for member in bare)})"
    return _types.name(bare)


def _path_reader(name: str, annotation: Any, convert: Callable[[str], Any]) -> Callable[[str], Any]:
    from roost._invalid import ParameterError
    from roost._values import why

    expected = _expected(annotation)

    def read(text: str) -> Any:
        try:
            return convert(text)
        except (ValueError, TypeError) as error:
            raise ParameterError(name, text, expected, why(error)) from None

    return read


def _file_reader(wanted: Input) -> Callable[[Any], Any]:
    """A file of a form, by the name of its field."""
    from roost._invalid import ParameterError

    name, default = wanted.name, wanted.default
    inner, optional = _types.without_none(wanted.annotation)
    many = _types.origin(inner) is list
    if default is _MISSING and optional:
        default = None

    def read(request: Any) -> Any:
        found = request.files.get_all(name) if many else request.files.get(name)
        if found:
            return found
        if default is _MISSING:
            raise ParameterError(name, None, "file")
        return default

    return read


def _query_reader(wanted: Input, injected: Injected) -> Callable[[Any], Any]:
    from roost._invalid import ParameterError
    from roost._values import converter, element, why

    name, default, annotation = wanted.name, wanted.default, wanted.annotation
    if default is _MISSING and _types.without_none(_types.annotated(annotation)[0])[1]:
        default = None
    expected = _expected(annotation)
    many = element(annotation)

    def absent() -> Any:
        if name in injected:  # by a startup handler
            return injected[name]
        if default is not _MISSING:
            return default
        raise ParameterError(name, None, expected)

    if many is not None:
        one, collect = converter(many[0]), many[1]
        expected = _expected(many[0])

        def read_many(query: Any) -> Any:
            texts = query.get_all(name)
            if not texts:
                return absent()
            if one is None:
                return collect(texts)
            made = []
            for text in texts:
                try:
                    made.append(one(text))
                except (ValueError, TypeError) as error:
                    raise ParameterError(name, text, expected, why(error)) from None
            return collect(made)

        return read_many

    convert = converter(annotation)

    def read(query: Any) -> Any:
        if (injected.everywhere or injected.router) and name in injected:
            return injected[name]
        text = query.get(name)
        if text is None:
            return absent()
        if convert is None:
            return text
        try:
            return convert(text)
        except (ValueError, TypeError) as error:
            raise ParameterError(name, text, expected, why(error)) from None

    return read
