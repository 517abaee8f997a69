"""What an annotation means, without importing typing, inspect or pydantic: who names them has imported them."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Missing:
    """No annotation, or no default."""

    def __repr__(self) -> str:
        return "missing"


MISSING = Missing()


class Unresolved:
    """An annotation in quotes that names what is not known where the function is written."""

    def __init__(self, text: str, error: Exception) -> None:
        self.text = text
        self.error = error

    def __repr__(self) -> str:
        return self.text


def resolve(annotation: Any, function: Any) -> Any:
    """An annotation that is text (as `from __future__ import annotations` makes all of them) evaluated."""
    if not isinstance(annotation, str):
        return annotation
    names: dict[str, Any] = {}
    code = getattr(function, "__code__", None)
    for name, cell in zip(getattr(code, "co_freevars", ()), getattr(function, "__closure__", None) or (), strict=False):
        try:
            names[name] = cell.cell_contents
        except ValueError:  # not assigned yet
            continue
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    try:
        return eval(annotation, getattr(function, "__globals__", None) or (vars(module) if module else {}), names)
    except Exception as error:
        return Unresolved(annotation, error)


def loaded(name: str) -> Any:
    """That module where it has been imported, else None: what it defines cannot be met before. One that another thread
    is importing just now is in `sys.modules` already, half empty."""
    module = sys.modules.get(name)
    return None if getattr(getattr(module, "__spec__", None), "_initializing", False) else module


def _typing(name: str) -> Any:
    return getattr(loaded("typing"), name, MISSING)


def origin(annotation: Any) -> Any:
    """`list` of `list[int]`, `Literal` of `Literal["a"]`; None for a plain type."""
    return getattr(annotation, "__origin__", None)


def arguments(annotation: Any) -> tuple[Any, ...]:
    """`(int,)` of `list[int]`."""
    found = getattr(annotation, "__args__", ())
    return found if isinstance(found, tuple) else ()


def annotated(annotation: Any) -> tuple[Any, tuple[Any, ...]]:
    """The type and the metadata of `Annotated[type, metadata...]`; no metadata for another type."""
    if hasattr(annotation, "__metadata__") and origin(annotation) is not None:
        return annotation.__origin__, annotation.__metadata__
    return annotation, ()


def is_union(annotation: Any) -> bool:
    """`int | None`, `Optional[int]`, `Union[int, str]`."""
    return type(annotation) is type(int | None) or (
        origin(annotation) is not None and origin(annotation) is _typing("Union")
    )


def without_none(annotation: Any) -> tuple[Any, bool]:
    """What is left of `T | None`, and whether None was allowed."""
    if not is_union(annotation):
        return annotation, False
    members = arguments(annotation)
    kept = [member for member in members if member is not type(None)]
    if len(kept) == len(members):
        return annotation, False
    return (kept[0] if len(kept) == 1 else _union(kept)), True


def _union(members: list[Any]) -> Any:
    result = members[0]
    for member in members[1:]:
        result = result | member
    return result


def literals(annotation: Any) -> tuple[Any, ...] | None:
    """The values of `Literal[...]`, or None."""
    return (
        arguments(annotation) if origin(annotation) is not None and origin(annotation) is _typing("Literal") else None
    )


def is_any(annotation: Any) -> bool:
    """Whether it is no annotation, or `Any`."""
    return annotation is MISSING or annotation is _typing("Any")


def constrains(metadata: tuple[Any, ...]) -> bool:
    """Whether pydantic is meant by what is beside the type in `Annotated`, such as `Field(gt=0)`."""
    return any(type(item).__module__.partition(".")[0] in ("annotated_types", "pydantic") for item in metadata)


def is_typed_dict(annotation: Any) -> bool:
    """Whether it is a class made by `TypedDict`."""
    return isinstance(annotation, type) and issubclass(annotation, dict) and hasattr(annotation, "__total__")


def is_dataclass(annotation: Any) -> bool:
    """Whether it is a class that `dataclass` made."""
    return isinstance(annotation, type) and hasattr(annotation, "__dataclass_fields__")


def is_pydantic(annotation: Any) -> bool:
    """Whether it is a model of pydantic's."""
    return isinstance(annotation, type) and hasattr(annotation, "model_validate_json")


def is_enum(annotation: Any) -> bool:
    """Whether it is an Enum."""
    enum = loaded("enum")
    return enum is not None and isinstance(annotation, enum.EnumMeta)


def name(annotation: Any) -> str:
    """As messages call it: "int", "list[int]"."""
    if isinstance(annotation, type) and not arguments(annotation):
        return annotation.__name__
    return str(annotation).replace("typing.", "")


def fields(cls: Any) -> dict[str, Any]:
    """The annotations of a class and its bases, evaluated, `Required` and the like kept."""
    found: dict[str, Any] = {}
    for base in reversed(cls.__mro__):
        module = sys.modules.get(base.__module__)
        for field, annotation in vars(base).get("__annotations__", {}).items():
            text = getattr(annotation, "__forward_arg__", annotation)  # of TypedDict
            if isinstance(text, str):
                try:
                    annotation = eval(text, vars(module) if module else {}, dict(vars(base)))
                except Exception as error:
                    annotation = Unresolved(text, error)
            found[field] = annotation
    return found


def documentation(function: Callable[..., Any] | type) -> str:
    """Its docstring, without the indentation."""
    text = (getattr(function, "__doc__", None) or "").expandtabs()
    lines = text.strip("\n").splitlines()
    if not lines:
        return ""
    rest = [line for line in lines[1:] if line.strip()]
    margin = min((len(line) - len(line.lstrip()) for line in rest), default=0)
    return "\n".join([lines[0].strip(), *(line[margin:].rstrip() for line in lines[1:])]).strip()
