"""The documentation of an application, in the shape of Robyn's: what a body is stands where it is used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from roost import QueryParams, Response, openapi
from roost.openapi import Components, Contact, ExternalDocumentation, License, Server
from roost.route import Route
from roost.types import Body, JsonBody

_PREFIX = "#/components/schemas/"


@dataclass
class OpenAPIInfo(openapi.OpenAPIInfo):
    """What the document says about the API as a whole."""

    title: str = "Robyn API"


@dataclass
class OpenAPI(openapi.OpenAPI):
    """Roost's document; with `servers` and `externalDocs` always, and schemas in place of references to them."""

    info: openapi.OpenAPIInfo = field(default_factory=OpenAPIInfo)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.openapi_file_override:
            self.openapi_spec.setdefault("servers", [])
            self.openapi_spec.setdefault("externalDocs", asdict(openapi.ExternalDocumentation()))

    def generate(self, routes: Sequence[Route]) -> dict[str, Any]:
        """The document with these routes."""
        spec = super().generate(routes)
        if not self.openapi_file_override:
            named = spec.get("components", {}).get("schemas", {})
            spec["paths"] = _resolved(spec["paths"], named, ())
            if not any(spec["externalDocs"].values()):
                spec["externalDocs"] = None
        return spec


def _resolved(value: Any, named: dict[str, Any], inside: tuple[str, ...]) -> Any:
    """The value with each reference replaced by what it names, but for types that contain themselves."""
    if isinstance(value, list):
        return [_resolved(item, named, inside) for item in value]
    if not isinstance(value, dict):
        return value
    name = str(value.get("$ref", "")).removeprefix(_PREFIX)
    if name in named and name not in inside:
        return _resolved(named[name], named, (*inside, name))
    return {key: _resolved(item, named, inside) for key, item in value.items()}


__all__ = [
    "Body",
    "Components",
    "Contact",
    "ExternalDocumentation",
    "JsonBody",
    "License",
    "OpenAPI",
    "OpenAPIInfo",
    "QueryParams",
    "Response",
    "Server",
]
