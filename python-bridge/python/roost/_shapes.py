"""JSON held against a dataclass, a TypedDict and the types in them, with errors in pydantic's form, without pydantic.

As pydantic's lax mode does: "5" is an int, 5.0 too, "yes" a bool; dates, UUIDs and enums come as text.
"""

from __future__ import annotations

import sys

from roost import _types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    # the value, where it is, the list that errors are added to; the value as it is wanted, or INVALID
    Check = Callable[[Any, tuple[Any, ...], list[dict[str, Any]]], Any]

INVALID = object()


def shape(annotation: Any, seen: dict[Any, Check] | None = None) -> Check:
    """What checks values against a type, and makes them into it.

    Raises:
        TypeError: a type in it is not known.
    """
    seen = {} if seen is None else seen
    annotation, metadata = _types.annotated(annotation)
    if _types.constrains(metadata):
        from typing import Annotated

        return _of_pydantic(Annotated[(annotation, *metadata)])
    if _types.is_any(annotation) or annotation is object:
        return lambda value, loc, errors: value
    if annotation is None or annotation is type(None):
        return _checked("none_required", "Input should be None", lambda value: value if value is None else INVALID)
    simple = _SIMPLE.get(annotation) if isinstance(annotation, type) else None
    if simple is not None:
        return simple
    if isinstance(annotation, _types.Unresolved):
        raise TypeError(f"{annotation.text!r} is not known where it is written: {annotation.error}")
    values = _types.literals(annotation)
    if values is not None:
        return _one_of("literal_error", {value: value for value in values})
    if _types.is_union(annotation):
        return _union(annotation, seen)
    if _types.name(_types.origin(annotation)).rpartition(".")[2] in ("Required", "NotRequired", "ReadOnly", "Final"):
        return shape(_types.arguments(annotation)[0], seen)
    kind = _types.origin(annotation) or annotation
    if kind in (list, set, frozenset, tuple) or _is_abstract(kind, "Sequence", "Iterable", "Collection"):
        return _collection(kind, _types.arguments(annotation), seen)
    if kind is dict or _is_abstract(kind, "Mapping", "MutableMapping"):
        return _dictionary(_types.arguments(annotation), seen)
    if _types.is_enum(annotation):
        return _one_of("enum", {member.value: member for member in annotation}, issubclass(annotation, int))
    if _types.is_pydantic(annotation) or hasattr(annotation, "__pydantic_validator__"):
        return _of_pydantic(annotation)
    if _types.is_dataclass(annotation) or _types.is_typed_dict(annotation):
        return seen[annotation] if annotation in seen else _record(annotation, seen)
    if hasattr(annotation, "__supertype__"):  # NewType
        return shape(annotation.__supertype__, seen)
    if isinstance(annotation, type):
        return _of_class(annotation)
    raise TypeError(f"JSON cannot be held against {_types.name(annotation)}")


def _is_abstract(kind: Any, *names: str) -> bool:
    abstract = _types.loaded("collections.abc")
    return abstract is not None and any(kind is getattr(abstract, name) for name in names)


def failure(kind: str, loc: tuple[Any, ...], message: str, value: Any, **context: Any) -> dict[str, Any]:
    """One error as pydantic describes it."""
    return {"type": kind, "loc": list(loc), "msg": message, "input": value, **({"ctx": context} if context else {})}


def _checked(kind: str, message: str, convert: Callable[[Any], Any]) -> Check:
    def check(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
        made = convert(value)
        if made is INVALID:
            errors.append(failure(kind, loc, message, value))
        return made

    return check


def _parsed(kind: str, wanted: str, parse: Callable[[str], Any], others: Callable[[Any], Any], how: str) -> Check:
    """Text is parsed (`kind`_parsing), other values are judged by `others` (`kind`_type)."""

    def check(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
        if isinstance(value, str):
            try:
                return parse(value)
            except (ValueError, ArithmeticError):
                errors.append(failure(f"{kind}_parsing", loc, f"Input should be {wanted}, {how}", value))
                return INVALID
        made = others(value)
        if made is INVALID:
            errors.append(failure(f"{kind}_type", loc, f"Input should be {wanted}", value))
        return made

    return check


def _int(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
    if type(value) is int:
        return value
    if isinstance(value, float) and not value.is_integer():
        message = "Input should be a valid integer, got a number with a fractional part"
        errors.append(failure("int_from_float", loc, message, value))
        return INVALID
    return _other_int(value, loc, errors)


_other_int = _parsed(
    "int",
    "a valid integer",
    int,
    lambda value: int(value) if isinstance(value, int | float) else INVALID,
    "unable to parse string as an integer",
)


def _bool_of_text(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "1", "yes", "on", "t", "y"):
        return True
    if lowered in ("false", "0", "no", "off", "f", "n"):
        return False
    raise ValueError(text)


def _bool(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool | int) and value in (0, 1):
        return bool(value)
    if isinstance(value, int):
        message = "Input should be a valid boolean, unable to interpret input"
        errors.append(failure("bool_parsing", loc, message, value))
        return INVALID
    return _other_bool(value, loc, errors)


_other_bool = _parsed("bool", "a valid boolean", _bool_of_text, lambda value: INVALID, "unable to interpret input")

_SIMPLE: dict[type, Check] = {
    str: _checked("string_type", "Input should be a valid string", lambda v: v if isinstance(v, str) else INVALID),
    int: _int,
    float: _parsed(
        "float",
        "a valid number",
        float,
        lambda value: float(value) if isinstance(value, int | float) else INVALID,
        "unable to parse string as a number",
    ),
    bool: _bool,
    bytes: _checked(
        "bytes_type",
        "Input should be a valid bytes",
        lambda v: v if isinstance(v, bytes) else v.encode() if isinstance(v, str) else INVALID,
    ),
    dict: _checked("dict_type", "Input should be a valid dictionary", lambda v: v if isinstance(v, dict) else INVALID),
    list: _checked("list_type", "Input should be a valid list", lambda v: v if isinstance(v, list) else INVALID),
}


def _of_class(cls: type) -> Check:
    """datetime and its kin, UUID, Decimal; any other class takes its own instances, or the text it is made of."""
    name = cls.__name__.lower()
    parse: Callable[[str], Any] = getattr(cls, "fromisoformat", cls)
    wanted = "a valid UUID" if name == "uuid" else f"a valid {name}"

    def others(value: Any) -> Any:
        if isinstance(value, cls):
            return value
        if cls.__module__ == "decimal" and isinstance(value, int | float):
            return cls(str(value))
        return INVALID

    return _parsed(name, wanted, parse, others, "unable to parse it")


def _one_of(kind: str, values: dict[Any, Any], numeric: bool = False) -> Check:
    """By the value in JSON; text with a number in it will do for an IntEnum."""
    texts = [repr(value) for value in values]
    expected = f"{', '.join(texts[:-1])} or {texts[-1]}" if len(texts) > 1 else "".join(texts)

    def check(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
        try:
            if value in values:
                return values[value]
            if numeric and isinstance(value, str) and int(value) in values:
                return values[int(value)]
            if value in values.values():  # a member of an Enum, from Python
                return value
        except (TypeError, ValueError):  # a list or a dict, or no number
            pass
        errors.append(failure(kind, loc, f"Input should be {expected}", value, expected=expected))
        return INVALID

    return check


def _union(annotation: Any, seen: dict[Any, Check]) -> Check:
    inner, nullable = _types.without_none(annotation)
    members = _types.arguments(inner) if _types.is_union(inner) else (inner,)
    checks = [(_types.name(member), member, shape(member, seen)) for member in members]

    def check(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
        if nullable and value is None:
            return None
        if len(checks) == 1:
            return checks[0][2](value, loc, errors)
        found: list[dict[str, Any]] = []
        for _, member, one in checks:  # an exact match first
            if type(value) is member:
                return one(value, loc, errors)
        for name, _, one in checks:
            made = one(value, (*loc, name), found)
            if made is not INVALID:
                return made
        errors += found
        return INVALID

    return check


def _collection(kind: Any, arguments: tuple[Any, ...], seen: dict[Any, Check]) -> Check:
    fixed = kind is tuple and arguments and arguments[-1:] != (...,)
    checks = [shape(argument, seen) for argument in arguments if argument is not ...]
    word = kind.__name__ if kind in (set, frozenset, tuple) else "list"
    make = kind if kind in (set, frozenset, tuple) else list

    def check(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
        if not isinstance(value, list | tuple | set | frozenset):
            errors.append(failure(f"{word}_type", loc, f"Input should be a valid {word}", value))
            return INVALID
        if not checks:
            return make(value)
        if fixed and len(value) > len(checks):
            message = f"Tuple should have at most {len(checks)} items after validation, not {len(value)}"
            errors.append(failure("too_long", loc, message, value))
            return INVALID
        made = [checks[i if fixed else 0](item, (*loc, i), errors) for i, item in enumerate(value)]
        for i in range(len(value), len(checks) if fixed else 0):
            errors.append(failure("missing", (*loc, i), "Field required", value))
            made.append(INVALID)
        return INVALID if any(item is INVALID for item in made) else make(made)

    return check


def _dictionary(arguments: tuple[Any, ...], seen: dict[Any, Check]) -> Check:
    if len(arguments) != 2:
        return _SIMPLE[dict]
    key_check, value_check = shape(arguments[0], seen), shape(arguments[1], seen)

    def check(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
        if not isinstance(value, dict):
            errors.append(failure("dict_type", loc, "Input should be a valid dictionary", value))
            return INVALID
        made = {key_check(k, (*loc, k, "[key]"), errors): value_check(v, (*loc, k), errors) for k, v in value.items()}
        return INVALID if INVALID in made or any(item is INVALID for item in made.values()) else made

    return check


def _record(cls: Any, seen: dict[Any, Check]) -> Check:
    """A dataclass or a TypedDict; fields that it does not have are left out."""
    is_dict = _types.is_typed_dict(cls)
    plan: list[tuple[str, Check, bool]] = []

    def check(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
        if not isinstance(value, dict):
            if not is_dict and isinstance(value, cls):
                return value
            message = f"Input should be a dictionary or an instance of {cls.__name__}"
            if is_dict:
                errors.append(failure("dict_type", loc, "Input should be a valid dictionary", value))
            else:
                errors.append(failure("dataclass_type", loc, message, value, class_name=cls.__name__))
            return INVALID
        made: dict[str, Any] = {}
        valid = True
        for name, one, required in plan:
            if name in value:
                item = made[name] = one(value[name], (*loc, name), errors)
                valid = valid and item is not INVALID
            elif required:
                errors.append(failure("missing", (*loc, name), "Field required", value))
                valid = False
        if not valid:
            return INVALID
        if is_dict:
            return made
        try:
            return cls(**made)
        except (ValueError, AssertionError) as error:  # of its __post_init__
            errors.append(failure("value_error", loc, f"Value error, {error}", value, error=str(error)))
            return INVALID

    seen[cls] = check
    annotations = _types.fields(cls)
    for name, annotation, required in record_fields(cls, annotations):
        try:
            plan.append((name, shape(annotation, seen), required))
        except TypeError as error:
            raise TypeError(f"{cls.__name__}.{name}: {error}") from None
    return check


def record_fields(cls: Any, annotations: dict[str, Any]) -> list[tuple[str, Any, bool]]:
    """Name, type and whether it is required, of each field that a request gives."""
    if not _types.is_typed_dict(cls):
        missing = sys.modules["dataclasses"].MISSING
        return [
            (field.name, annotations.get(field.name, field.type), field.default is missing is field.default_factory)
            for field in cls.__dataclass_fields__.values()
            if field.init and "ClassVar" not in str(field.type)
        ]
    # What the annotation says comes first: __required_keys__ does not know it where annotations are text.
    words = {"Required": True, "NotRequired": False}
    found = []
    for name, annotation in annotations.items():
        word = _types.name(_types.origin(_types.annotated(annotation)[0])).rpartition(".")[2]
        found.append((name, annotation, words.get(word, name in cls.__required_keys__)))
    return found


def _of_pydantic(annotation: Any) -> Check:
    from pydantic import TypeAdapter, ValidationError

    validate = TypeAdapter(annotation).validate_python

    def check(value: Any, loc: tuple[Any, ...], errors: list[dict[str, Any]]) -> Any:
        try:
            return validate(value)
        except ValidationError as error:
            errors += [{**one, "loc": [*loc, *one["loc"]]} for one in error.errors(include_url=False)]
            return INVALID

    return check
