"""JSON Schema of the types in signatures; what has a name is described once and referred to."""

from __future__ import annotations

from roost import _types

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Schema = dict[str, Any]

_SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    bytes: {"type": "string", "format": "binary"},
    dict: {"type": "object"},
    list: {"type": "array", "items": {}},
    tuple: {"type": "array", "items": {}},
    set: {"type": "array", "items": {}, "uniqueItems": True},
    frozenset: {"type": "array", "items": {}, "uniqueItems": True},
    type(None): {"type": "null"},
    None: {"type": "null"},
}

_BY_NAME = {
    ("datetime", "datetime"): {"type": "string", "format": "date-time"},
    ("datetime", "date"): {"type": "string", "format": "date"},
    ("datetime", "time"): {"type": "string", "format": "time"},
    ("datetime", "timedelta"): {"type": "string", "format": "duration"},
    ("uuid", "UUID"): {"type": "string", "format": "uuid"},
    ("decimal", "Decimal"): {"type": "number"},
    ("_decimal", "Decimal"): {"type": "number"},
    ("pathlib", "Path"): {"type": "string", "format": "path"},
    ("ipaddress", "IPv4Address"): {"type": "string", "format": "ipv4"},
    ("ipaddress", "IPv6Address"): {"type": "string", "format": "ipv6"},
}


class Schemas:
    """The schemas of one document. `named` holds those that others refer to as `prefix` + name."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.named: dict[str, Schema] = {}
        self._names: dict[Any, str] = {}

    def of(self, annotation: Any, mode: str = "validation") -> Schema:
        """The schema of a type; of what is not known, one that allows anything.

        Args:
            mode: "validation" for what comes in, "serialization" for what goes out by a `response_model`, "returned"
                for what goes out as it is: fields of pydantic models then have their names, not their aliases.
        """
        annotation, metadata = _types.annotated(annotation)
        if _types.constrains(metadata):
            from typing import Annotated

            return self._pydantic(Annotated[(annotation, *metadata)], mode)
        if _types.is_any(annotation) or isinstance(annotation, _types.Unresolved):
            return {}
        if isinstance(annotation, type) or annotation is None:
            where = (getattr(annotation, "__module__", ""), getattr(annotation, "__name__", ""))
            simple = _SIMPLE.get(annotation) or _BY_NAME.get(where)
            if simple is not None and where[1] == "Decimal" and mode != "validation":
                return {"type": "string"}
            if simple is not None:
                return dict(simple)
        values = _types.literals(annotation)
        if values is not None:
            return _of_values(list(values))
        if _types.is_union(annotation):
            return {"anyOf": [self.of(member, mode) for member in _types.arguments(annotation)]}
        if _types.name(_types.origin(annotation)).rpartition(".")[2] in ("Required", "NotRequired", "ReadOnly"):
            return self.of(_types.arguments(annotation)[0], mode)
        kind = _types.origin(annotation)
        arguments = _types.arguments(annotation)
        if kind is dict or (kind is not None and _types.name(kind) in ("Mapping", "MutableMapping")):
            return {"type": "object", "additionalProperties": self.of(arguments[-1], mode) if arguments else {}}
        if kind is tuple and arguments[-1:] != (...,):
            items = [self.of(argument, mode) for argument in arguments]
            return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}
        if kind is not None and arguments and _types.name(kind) not in ("Generator", "AsyncGenerator"):
            made: Schema = {"type": "array", "items": self.of(arguments[0], mode)}
            return made | ({"uniqueItems": True} if kind in (set, frozenset) else {})
        if hasattr(annotation, "__supertype__"):  # NewType
            return self.of(annotation.__supertype__, mode)
        return self._of_class(annotation, mode) if isinstance(annotation, type) else {}

    def _of_class(self, cls: type, mode: str) -> Schema:
        if _types.is_enum(cls):
            return self._named(cls, lambda: _of_values([member.value for member in cls]))  # type: ignore[attr-defined]
        if _types.is_pydantic(cls) or hasattr(cls, "__pydantic_validator__"):
            return self._pydantic(cls, mode)
        if _types.is_dataclass(cls) or _types.is_typed_dict(cls):
            return self._named(cls, lambda: self._record(cls, mode))
        for base in (str, int, float, bytes, dict, list):
            if issubclass(cls, base) and not vars(cls).get("__annotations__"):
                return dict(_SIMPLE[base])
        if vars(cls).get("__annotations__"):  # a subclass of JsonBody, JSONResponse and the like
            return self._named(cls, lambda: self._plain(cls, mode))
        return {}

    def _named(self, cls: Any, make: Any) -> Schema:
        if cls not in self._names:
            name = self._free_name(_component(cls))
            self._names[cls] = name
            self.named[name] = {}  # it may refer to itself
            schema = make()
            text = _types.documentation(cls)
            if text and not text.startswith(f"{cls.__name__}(") and not text.startswith("dict() ->"):
                schema = {**schema, "description": text}
            self.named[name] = {"title": cls.__name__, **schema}
        return {"$ref": self.prefix + self._names[cls]}

    def _free_name(self, name: str) -> str:
        number = 2
        free = name
        while free in self.named:
            free = f"{name}{number}"
            number += 1
        return free

    def _record(self, cls: Any, mode: str) -> Schema:
        from roost._shapes import record_fields

        if _types.is_dataclass(cls):
            defaults = {name: field.default for name, field in cls.__dataclass_fields__.items()}
        else:
            defaults = {}
        properties: dict[str, Schema] = {}
        required = []
        for name, annotation, needed in record_fields(cls, _types.fields(cls)):
            properties[name] = self.of(annotation, mode) | default_of(defaults.get(name, _types.MISSING))
            if needed:
                required.append(name)
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}

    def _plain(self, cls: Any, mode: str) -> Schema:
        annotations = _types.fields(cls)
        properties = {
            name: self.of(annotation, mode) | default_of(getattr(cls, name, _types.MISSING))
            for name, annotation in annotations.items()
        }
        required = [name for name in annotations if not hasattr(cls, name)]
        return {"type": "object", "properties": properties, **({"required": required} if required else {})}

    def _pydantic(self, annotation: Any, mode: str) -> Schema:
        from pydantic import TypeAdapter

        schema: Schema = TypeAdapter(annotation).json_schema(
            by_alias=mode != "returned",
            ref_template=self.prefix + "{model}",
            mode="validation" if mode == "validation" else "serialization",
        )
        renamed: dict[str, str] = {}
        parts = schema.pop("$defs", {})
        cls = annotation if isinstance(annotation, type) else None
        if cls is not None and "$ref" not in schema:
            name = _component(cls)
            parts = {**parts, name: schema}
            schema = {"$ref": self.prefix + name}
        for name, part in parts.items():
            if self.named.get(name, part) != part:  # another class of that name, or the same in the other direction
                renamed[name] = self._other_name(name, part, mode)
        for name, part in parts.items():
            self.named[renamed.get(name, name)] = self._refer(part, renamed)
        referring: Schema = self._refer(schema, renamed)
        return referring

    def _other_name(self, name: str, part: Schema, mode: str) -> str:
        wanted = f"{name}Output" if mode != "validation" else f"{name}Input"
        return wanted if self.named.get(wanted, part) == part else self._free_name(wanted)

    def _refer(self, value: Any, renamed: dict[str, str]) -> Any:
        if not renamed:
            return value
        if isinstance(value, dict):
            return {
                key: self.prefix + renamed.get(item[len(self.prefix) :], item[len(self.prefix) :])
                if key == "$ref" and isinstance(item, str)
                else self._refer(item, renamed)
                for key, item in value.items()
            }
        return [self._refer(item, renamed) for item in value] if isinstance(value, list) else value


def _component(cls: type) -> str:
    """The name of a class as a component's may be (OpenAPI 3.1, section 4.8.7), and as pydantic writes it."""
    return "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in cls.__name__)


def default_of(default: Any) -> Schema:
    """`{"default": ...}` when there is one that JSON can say."""
    if default is _types.MISSING or type(default).__module__ == "dataclasses":
        return {}
    if _types.is_enum(type(default)):
        default = default.value
    if isinstance(default, list | tuple):
        default = list(default)
        if not all(isinstance(item, str | int | float | bool) for item in default):
            return {}
    elif default is not None and not isinstance(default, str | int | float | bool):
        return {}
    return {"default": default}


def _of_values(values: list[Any]) -> Schema:
    kinds = {type(value) for value in values}
    kind = _SIMPLE.get(next(iter(kinds))) if len(kinds) == 1 else None
    return {"enum": values, **(kind or {})}
