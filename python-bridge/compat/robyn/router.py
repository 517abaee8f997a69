"""Robyn's registries: here an application and its routers hold their routes themselves."""

from roost import Headers, QueryParams, Request, Response
from roost._callable import is_async, signature
from roost.authentication import AuthenticationHandler, Identity
from roost.responses import FileResponse, StreamingResponse
from roost.route import Route
from roost.router import Router
from roost.types import Body, Files, FormData, IPAddress, JsonBody, Method, PathParams

from robyn.dependency_injection import DependencyMap
from robyn.jsonify import jsonify
from robyn.robyn import FunctionInfo, HttpMethod, MiddlewareType, Url

BaseRouter = Router


def _function(route: Route) -> FunctionInfo:
    told = signature(route.handler)
    names = told.names or []
    return FunctionInfo(route.handler, is_async(route.handler), len(names), dict.fromkeys(names), {})


# What libraries that look through an application's routes read of each.
for _name, _read in {
    "route": lambda route: route.pattern,
    "route_type": lambda route: HttpMethod(route.methods[0]),
    "function": _function,
    "is_const": lambda route: route.const,
}.items():
    setattr(Route, _name, property(_read))

__all__ = [
    "AuthenticationHandler",
    "BaseRouter",
    "Body",
    "DependencyMap",
    "FileResponse",
    "Files",
    "FormData",
    "FunctionInfo",
    "Headers",
    "HttpMethod",
    "IPAddress",
    "Identity",
    "JsonBody",
    "Method",
    "MiddlewareType",
    "PathParams",
    "QueryParams",
    "Request",
    "Response",
    "Route",
    "Router",
    "StreamingResponse",
    "Url",
    "jsonify",
]
