"""The names of Robyn 0.88 over Roost: applications written for Robyn run unchanged.

    PYTHONPATH=python-bridge/compat python app.py

What the two have in common is Roost's own object; here is only what differs. Where Robyn 0.88 has a defect (path
parameters that are not decoded, 404 for a method that a path does not have), Roost's behaviour is kept: the table is
in tests/python/compat/differences.py.
"""

from __future__ import annotations

from typing import Any

from roost import ALLOW_CORS, Headers, Request, Response, SubRouter, WebSocketDisconnect
from roost.authentication import AuthenticationHandler
from roost.router import Router
from roost.types import JsonBody
from roost.websocket_adapter import WebSocketAdapter

from robyn import status_codes
from robyn._application import Robyn
from robyn.argument_parser import Config
from robyn.dependency_injection import DependencyMap
from robyn.events import Events
from robyn.jsonify import jsonify
from robyn.logger import Colors, logger
from robyn.robyn import HttpMethod, Identity, MiddlewareType, QueryParams, Url, get_version
from robyn.types import RequestBody, RequestMethod, RequestURL
from robyn.ws import WebSocket, WebSocketConnector

__version__ = get_version()

BaseRobyn = Router

# Not loaded before they are asked for.
_LATER = {
    "MCPApp": "robyn.mcp",
    "OpenAPI": "robyn.openapi",
    "SSEMessage": "robyn.responses",
    "SSEResponse": "robyn.responses",
    "Session": "robyn.session",
    "SessionManager": "robyn.session",
    "StreamingResponse": "robyn.responses",
    "TestClient": "robyn.testing",
    "html": "robyn.responses",
    "serve_file": "robyn.responses",
    "serve_html": "robyn.responses",
}


def __getattr__(name: str) -> Any:
    if name == "config":
        return Config()
    if name not in _LATER:
        raise AttributeError(f"module 'robyn' (Roost's) has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(_LATER[name]), name)
    return found


__all__ = [
    "ALLOW_CORS",
    "AuthenticationHandler",
    "BaseRobyn",
    "Colors",
    "Config",
    "DependencyMap",
    "Events",
    "Headers",
    "HttpMethod",
    "Identity",
    "JsonBody",
    "MCPApp",
    "MiddlewareType",
    "OpenAPI",
    "QueryParams",
    "Request",
    "RequestBody",
    "RequestMethod",
    "RequestURL",
    "Response",
    "Robyn",
    "Router",
    "SSEMessage",
    "SSEResponse",
    "Session",
    "SessionManager",
    "StreamingResponse",
    "SubRouter",
    "TestClient",
    "Url",
    "WebSocket",
    "WebSocketAdapter",
    "WebSocketConnector",
    "WebSocketDisconnect",
    "html",
    "jsonify",
    "logger",
    "serve_file",
    "serve_html",
    "status_codes",
]
