"""The OpenAPI 3.1 document of an application, from the types and docstrings of its handlers.

    from roost.openapi import License, OpenAPI, OpenAPIInfo

    app = App(__file__, openapi=OpenAPI(info=OpenAPIInfo(title="Notes", version="2.1.0", license=License(name="MIT"))))

It is served at /openapi.json, and shown by the page at /docs.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from roost import _native, _pattern, _types

if TYPE_CHECKING:
    from collections.abc import Sequence

    from roost._binding import Input
    from roost._schema import Schemas
    from roost.router import Route

_METHODS = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH", "TRACE")
_PREFIX = "#/components/schemas/"


@dataclass
class Contact:
    """Whom to ask about the API."""

    name: str | None = None
    url: str | None = None
    email: str | None = None


@dataclass
class License:
    """What the API may be used for."""

    name: str | None = None
    url: str | None = None


@dataclass
class Server:
    """Where the API is served."""

    url: str
    description: str | None = None


@dataclass
class ExternalDocumentation:
    """Further documentation elsewhere."""

    description: str | None = None
    url: str | None = None


@dataclass
class Components:
    """What other parts of the document refer to, by name."""

    schemas: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    responses: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    parameters: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    examples: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    requestBodies: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    securitySchemes: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    links: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    callbacks: dict[str, dict[str, Any]] | None = field(default_factory=dict)
    pathItems: dict[str, dict[str, Any]] | None = field(default_factory=dict)


@dataclass
class OpenAPIInfo:
    """What the document says about the API as a whole."""

    title: str = "Roost API"
    version: str = "1.0.0"
    description: str | None = None
    termsOfService: str | None = None
    contact: Contact = field(default_factory=Contact)
    license: License = field(default_factory=License)
    servers: list[Server] = field(default_factory=list)
    externalDocs: ExternalDocumentation | None = field(default_factory=ExternalDocumentation)
    components: Components = field(default_factory=Components)


@dataclass
class OpenAPI:
    """The document: `info`, and what `generate` makes of an application's routes."""

    info: OpenAPIInfo = field(default_factory=OpenAPIInfo)
    openapi_spec: dict[str, Any] = field(init=False, default_factory=dict)
    openapi_file_override: bool = False

    def __post_init__(self) -> None:
        if not self.openapi_file_override:
            self.openapi_spec = _head(self.info)

    def add_security_scheme(self, name: str, scheme: dict[str, Any]) -> None:
        """Declares how clients authenticate on routes with `auth_required`.

        Args:
            name: what the document calls it, e.g. "BearerAuth".
            scheme: a Security Scheme Object, e.g. {"type": "http", "scheme": "bearer"}.
        """
        if not self.openapi_file_override:
            self.openapi_spec.setdefault("components", {}).setdefault("securitySchemes", {})[name] = scheme

    def override_openapi(self, openapi_json_spec_path: str | os.PathLike[str]) -> None:
        """Takes the document from a file, as it is.

        Raises:
            OSError: it cannot be read.
            ValueError: it is no JSON.
        """
        with open(openapi_json_spec_path, "rb") as file:
            self.openapi_spec = dict(_native.json_decode(file.read()))
        self.openapi_file_override = True

    def get_openapi_config(self) -> dict[str, Any]:
        """The document."""
        return self.openapi_spec

    def generate(self, routes: Sequence[Route]) -> dict[str, Any]:
        """The document with these routes, which it keeps as `openapi_spec`."""
        if self.openapi_file_override:
            return self.openapi_spec
        from roost._schema import Schemas

        schemas = Schemas(_PREFIX)
        spec = self.openapi_spec
        components = spec.setdefault("components", {})
        schemas.named.update(components.get("schemas") or {})
        if any(route.auth_required for route in routes) and not components.get("securitySchemes"):
            components["securitySchemes"] = {"BearerAuth": {"type": "http", "scheme": "bearer"}}
        security: list[dict[str, list[str]]] = [{name: []} for name in components.get("securitySchemes") or {}]
        paths = spec.setdefault("paths", {})
        for route in routes:
            if not route.include_in_schema:
                continue
            path, names = _path(route.pattern)
            item = paths.setdefault(path, {})
            for method in route.methods:
                if method in _METHODS and method.lower() not in item:
                    operation = _Operation(route, method, names, schemas).written()
                    if route.auth_required and security:
                        operation["security"] = security
                    item[method.lower()] = operation
        for path in [path for path, item in paths.items() if not item]:
            del paths[path]
        components["schemas"] = schemas.named
        spec["components"] = {name: part for name, part in components.items() if part}
        return spec


def _head(info: OpenAPIInfo) -> dict[str, Any]:
    def present(value: Any) -> Any:
        return {key: item for key, item in asdict(value).items() if item} if value is not None else {}

    about = {"title": info.title, "version": info.version}
    about |= {key: getattr(info, key) for key in ("description", "termsOfService") if getattr(info, key)}
    if present(info.contact):
        about["contact"] = present(info.contact)
    if info.license is not None and info.license.name:
        about["license"] = present(info.license)
    spec: dict[str, Any] = {"openapi": "3.1.0", "info": about, "paths": {}, "components": present(info.components)}
    if info.servers:
        spec["servers"] = [present(server) for server in info.servers]
    if info.externalDocs is not None and info.externalDocs.url:
        spec["externalDocs"] = present(info.externalDocs)
    return spec


def _path(pattern: str) -> tuple[str, dict[str, str]]:
    """`/users/{id}` of `/users/:id`, and what each parameter is called in the pattern."""
    names = {}
    parts = []
    for part in _pattern.segments(pattern):
        if part[:1] in (":", "*"):
            shown = part[1:] or "path"
            names[shown] = part[1:] or "*"
            parts.append(f"{{{shown}}}")
        else:
            parts.append(part)
    return "/" + "/".join(parts), names


class _Operation:
    """What the document says about one method of one route."""

    def __init__(self, route: Route, method: str, path_names: dict[str, str], schemas: Schemas) -> None:
        self._route = route
        self._method = method
        self._path_names = path_names
        self._schemas = schemas
        self._inputs = _inputs(route)

    def written(self) -> dict[str, Any]:
        route = self._route
        text = _types.documentation(_function(route.handler))
        operation: dict[str, Any] = {"operationId": self._identifier(), "responses": {}}
        summary = (
            route.openapi_name or text.partition("\n")[0].strip() or route.name.rpartition(".")[2].replace("_", " ")
        )
        operation["summary"] = summary
        if text:
            operation["description"] = text
        if route.openapi_tags:
            operation["tags"] = list(dict.fromkeys(route.openapi_tags))
        if route.deprecated:
            operation["deprecated"] = True
        parameters = self._parameters()
        if parameters:
            operation["parameters"] = parameters
        body = self._body()
        if body is not None:
            operation["requestBody"] = body
        operation["responses"] = self._responses(bool(parameters), body is not None)
        return operation

    def _identifier(self) -> str:
        words = f"{self._route.name} {self._method} {self._route.pattern}".lower()
        return "_".join("".join(c if c.isalnum() else " " for c in words).split())

    def _parameters(self) -> list[dict[str, Any]]:
        found: dict[tuple[str, str], dict[str, Any]] = {}
        typed = {wanted.name: wanted.annotation for wanted in self._inputs if wanted.where == "path"}
        for shown, name in self._path_names.items():
            schema = self._schemas.of(typed.get(name, str)) or {"type": "string"}
            found["path", shown] = {"name": shown, "in": "path", "required": True, "schema": schema}
        for wanted in self._inputs:
            if wanted.where == "part" and wanted.name == "query_params":
                declared = wanted.annotation if isinstance(wanted.annotation, type) else None
                for name, annotation in _types.fields(declared).items() if declared is not None else ():
                    schema = self._schemas.of(annotation)
                    found["query", name] = {"name": name, "in": "query", "required": False, "schema": schema}
            if wanted.where != "query":
                continue
            annotation = str if wanted.annotation is _types.MISSING else wanted.annotation
            from roost._schema import default_of

            optional = _types.without_none(_types.annotated(annotation)[0])[1] or wanted.default is not _types.MISSING
            schema = self._schemas.of(annotation) | default_of(wanted.default)
            found["query", wanted.name] = {
                "name": wanted.name,
                "in": "query",
                "required": not optional,
                "schema": schema,
            }
        return list(found.values())

    def _body(self) -> dict[str, Any] | None:
        for wanted in self._inputs:
            if wanted.where in ("body", "json") or (
                wanted.where == "part" and wanted.name == "body" and vars_of(wanted.annotation)
            ):
                schema = self._schemas.of(wanted.annotation)
                optional = wanted.default is not _types.MISSING
                return {"required": not optional, "content": {"application/json": {"schema": schema}}}
        files = {wanted.name: wanted for wanted in self._inputs if wanted.where == "file"}
        if files:
            form_schema: dict[str, Any] = {"type": "object", "properties": {}}
            for name, wanted in files.items():
                file = {"type": "string", "format": "binary"}
                inner, _ = _types.without_none(wanted.annotation)
                is_list = _types.origin(inner) is list
                form_schema["properties"][name] = {"type": "array", "items": file} if is_list else file
            return {"content": {"multipart/form-data": {"schema": form_schema}}}
        if any(wanted.where == "part" and wanted.name in ("form_data", "files") for wanted in self._inputs):
            form = {"schema": {"type": "object"}}
            return {"content": {"multipart/form-data": form, "application/x-www-form-urlencoded": form}}
        if any(wanted.where == "part" and wanted.name == "body" for wanted in self._inputs):
            return {"content": {"*/*": {"schema": {}}}}
        return None

    def _responses(self, has_parameters: bool, has_body: bool) -> dict[str, Any]:
        from roost._parameters import return_annotation

        route = self._route
        status = str(route.status_code or 200)
        model = route.response_model if route.response_model is not None else return_annotation(route.handler)
        answer: dict[str, Any] = {"description": "Successful Response"}
        inner = _types.without_none(_types.annotated(model)[0])[0]
        if route.response_model is not None or self._is_described(inner):
            kind = "text/plain" if inner in (str, int, float, bool) else "application/json"
            schema = self._schemas.of(model, "returned" if route.response_model is None else "serialization")
            answer["content"] = {kind: {"schema": schema}}
        elif model is _types.MISSING and status not in ("204", "304"):
            answer["content"] = {"application/json": {"schema": {}}}
        responses = {status: answer}
        if any(wanted.where in ("path", "query") and not _is_text(wanted) for wanted in self._inputs):
            text = {"text/plain": {"schema": {"type": "string"}}}
            responses["400"] = {"description": "A parameter is missing or malformed", "content": text}
        if any(wanted.where == "body" for wanted in self._inputs):
            self._schemas.named.setdefault("ValidationErrors", _VALIDATION_ERRORS)
            schema = {"$ref": _PREFIX + "ValidationErrors"}
            responses["422"] = {"description": "Validation Error", "content": {"application/json": {"schema": schema}}}
        if route.auth_required:
            responses["401"] = {"description": "Unauthorized"}
        return responses | {str(code): self._declared(told) for code, told in route.responses.items()}

    @staticmethod
    def _is_described(annotation: Any) -> bool:
        if annotation is _types.MISSING or isinstance(annotation, _types.Unresolved) or annotation is None:
            return False
        if isinstance(annotation, type):
            return not issubclass(annotation, _native.Response | tuple | type(None))
        return _types.origin(annotation) not in (None, tuple) or _types.is_union(annotation)

    def _declared(self, told: Any) -> dict[str, Any]:
        """One of `responses=`: a description, a Response Object, or one with a `model` in it."""
        if isinstance(told, str):
            return {"description": told}
        if not isinstance(told, dict):
            return {"description": "", "content": {"application/json": {"schema": self._schemas.of(told)}}}
        written = {"description": "", **{key: value for key, value in told.items() if key != "model"}}
        if told.get("model") is not None:
            content = {**written.get("content", {})}
            content["application/json"] = {"schema": self._schemas.of(told["model"], "serialization")}
            written["content"] = content
        return written


def vars_of(annotation: Any) -> bool:
    """Whether a subclass of `roost.types.Body` declares fields."""
    return isinstance(annotation, type) and bool(vars(annotation).get("__annotations__"))


def _is_text(wanted: Input) -> bool:
    if wanted.where == "query" and wanted.default is _types.MISSING:
        return False
    return wanted.annotation is str or wanted.annotation is _types.MISSING


def _function(handler: Any) -> Any:
    while hasattr(handler, "func") and hasattr(handler, "keywords"):
        handler = handler.func
    return handler


def _inputs(route: Route) -> list[Input]:
    """What the handler and its dependencies ask for."""
    from roost._binding import Injected, meaning
    from roost._parameters import parameters

    injected = Injected(route.router_dependencies, route.global_dependencies)
    names = _pattern.names(route.pattern)
    found: list[Input] = []
    seen: list[Any] = []

    def walk(function: Any) -> None:
        for parameter in parameters(function) or ():
            wanted = meaning(function, parameter, names, injected)
            if wanted.where != "depends":
                found.append(wanted)
                continue
            inner = wanted.function.function if wanted.function.function is not None else wanted.annotation
            if inner not in seen:
                seen.append(inner)
                walk(inner)

    walk(route.handler)
    return found


_VALIDATION_ERRORS = {
    "title": "ValidationErrors",
    "type": "object",
    "properties": {
        "detail": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "type": {"type": "string"},
                    "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                    "msg": {"type": "string"},
                    "input": {},
                },
                "required": ["type", "loc", "msg"],
            },
        },
        "error": {"type": "string"},
    },
    "required": ["detail"],
}
