"""Text of a path or a query made into the type that a handler asks for."""

from __future__ import annotations

import sys

from roost import _types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Convert = Callable[[str], Any]

_TRUE = frozenset(("true", "1", "yes", "on", "t", "y"))
_FALSE = frozenset(("false", "0", "no", "off", "f", "n", ""))


class Unknown(TypeError):
    """A class of which no text of a request is to be made."""

    def __init__(self, cls: type) -> None:
        super().__init__(f"no text of a request can be made into {cls.__name__}, and nothing of this name is injected")


def _bool(text: str) -> bool:
    lowered = text.lower()
    if lowered in _TRUE:
        return True
    if lowered in _FALSE:
        return False
    raise ValueError(text)


def _int(text: str) -> int:
    # int() also takes "1_000" and " 5 ", and digits of other scripts.
    if not text.isascii() or "_" in text or text != text.strip():
        raise ValueError(text)
    return int(text)


def _float(text: str) -> float:
    if not text.isascii() or "_" in text or text != text.strip():
        raise ValueError(text)
    return float(text)


def converter(annotation: Any) -> Convert | None:
    """What makes text into it, raising ValueError, TypeError or what pydantic raises; None when text is wanted.

    Raises:
        TypeError: nothing can.
    """
    annotation, metadata = _types.annotated(annotation)
    if _types.constrains(metadata):
        return _of_pydantic(annotation, metadata)
    annotation, _ = _types.without_none(annotation)
    if _types.is_any(annotation) or annotation is str:
        return None
    if annotation is int:
        return _int
    if annotation is float:
        return _float
    if annotation is bool:
        return _bool
    values = _types.literals(annotation)
    if values is not None:
        return _one_of({_text(value): value for value in values})
    if _types.is_enum(annotation):
        # By value, as Robyn and FastAPI do; by name where no member has that value.
        return _one_of(
            {member.name: member for member in annotation} | {_text(member.value): member for member in annotation}
        )
    if _types.is_union(annotation):
        return _first_of([(converter(member), member) for member in _types.arguments(annotation)])
    if isinstance(annotation, type) and not _types.arguments(annotation):
        return _of_class(annotation)
    underlying = getattr(annotation, "__supertype__", None)  # NewType
    if underlying is not None:
        return converter(underlying)
    raise TypeError(f"no value of a path or a query can be made into {_types.name(annotation)}")


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _of_class(cls: type) -> Convert:
    if cls.__module__ == "datetime" and hasattr(cls, "fromisoformat"):
        return cls.fromisoformat  # type: ignore[no-any-return]
    if cls.__module__ == "datetime" and cls.__name__ == "timedelta":
        return lambda text: cls(seconds=float(text))
    if cls.__module__ == "decimal":
        return _decimal(cls)
    if cls is bytes:
        return str.encode
    # Those of the standard library are made of their text (UUID, IPv4Address, Path, ...); one of the application's is
    # something to inject, not for a client to make.
    if issubclass(cls, str | int | float) or (
        cls is not object and cls.__module__.partition(".")[0] in sys.stdlib_module_names
    ):
        return cls
    raise Unknown(cls)


def _decimal(cls: type) -> Convert:
    def convert(text: str) -> Any:
        try:
            return cls(text)
        except ArithmeticError as error:
            raise ValueError(text) from error

    return convert


def _one_of(values: dict[str, Any]) -> Convert:
    def convert(text: str) -> Any:
        try:
            return values[text]
        except KeyError:
            raise ValueError(text) from None

    return convert


def _first_of(converters: list[tuple[Convert | None, Any]]) -> Convert | None:
    if all(convert is None for convert, _ in converters):
        return None
    ordered = sorted(converters, key=lambda pair: pair[0] is None)  # text takes anything: last

    def convert(text: str) -> Any:
        for candidate, _ in ordered:
            if candidate is None:
                return text
            try:
                return candidate(text)
            except (ValueError, TypeError):
                continue
        raise ValueError(text)

    return convert


def _of_pydantic(annotation: Any, metadata: tuple[Any, ...]) -> Convert:
    """With constraints such as `Annotated[int, Field(gt=0)]`."""
    from typing import Annotated

    from pydantic import TypeAdapter

    return TypeAdapter(Annotated[(annotation, *metadata)]).validate_python


def element(annotation: Any) -> tuple[Any, Callable[[list[Any]], Any]] | None:
    """The type of the elements of `list[T]`, `set[T]`, `tuple[T, ...]`, `frozenset[T]`, and what collects them."""
    annotation, _ = _types.without_none(_types.annotated(annotation)[0])
    kind = _types.origin(annotation) or annotation
    if kind not in (list, set, frozenset, tuple):
        abstract = _types.loaded("collections.abc")
        if abstract is None or kind not in (abstract.Sequence, abstract.Iterable, abstract.Collection):
            return None
        kind = list
    arguments = _types.arguments(annotation)
    if kind is tuple and arguments and arguments[1:] != (...,):
        return None
    return (arguments[0] if arguments else str), kind


def why(error: Exception) -> str:
    """What pydantic says is wrong with the value, or nothing."""
    if type(error).__module__.partition(".")[0] in ("pydantic", "pydantic_core"):
        return str(error.errors()[0]["msg"])  # type: ignore[attr-defined]
    return ""
