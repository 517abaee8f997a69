"""Robyn's registries: here an application and its routers hold their routes themselves."""

from roost import Headers, QueryParams, Request, Response
from roost.authentication import AuthenticationHandler, Identity
from roost.responses import FileResponse, StreamingResponse
from roost.route import Route
from roost.router import Router
from roost.types import Body, Files, FormData, IPAddress, JsonBody, Method, PathParams

from robyn.dependency_injection import DependencyMap
from robyn.jsonify import jsonify
from robyn.robyn import FunctionInfo, HttpMethod, MiddlewareType, Url

BaseRouter = Router

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
