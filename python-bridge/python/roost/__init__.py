"""Python applications on Roost, the C++ application server.

    from roost import App, Request

    app = App(__file__)

    @app.get("/hello/:name")
    def hello(request: Request) -> dict[str, str]:
        return {"hello": request.path_params["name"]}

    if __name__ == "__main__":
        app.start(port=8000)

Run it with `python app.py`, mount it in a YAML file with `python: app:app`, test it with `roost.testing.TestClient`.
"""

from roost._native import Headers, QueryParams, Request, Response
from roost.app import App
from roost.cors import ALLOW_CORS
from roost.dependencies import Depends
from roost.exceptions import HTTPException
from roost.router import SubRouter
from roost.websocket import WebSocket, WebSocketDisconnect, publish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.authentication import AuthenticationHandler, BearerGetter, Identity
    from roost.forms import Files, FormData, UploadFile
    from roost.websocket_handler import WebSocketAdapter

__all__ = [
    "ALLOW_CORS",
    "App",
    "AuthenticationHandler",
    "BearerGetter",
    "Depends",
    "Files",
    "FormData",
    "HTTPException",
    "Headers",
    "Identity",
    "QueryParams",
    "Request",
    "Response",
    "SubRouter",
    "UploadFile",
    "WebSocket",
    "WebSocketAdapter",
    "WebSocketDisconnect",
    "publish",
]

# Imported when they are asked for: a worker whose application has no use for them does not pay for them.
_LATER = {
    "AuthenticationHandler": "authentication",
    "BearerGetter": "authentication",
    "Files": "forms",
    "FormData": "forms",
    "Identity": "authentication",
    "UploadFile": "forms",
    "WebSocketAdapter": "websocket_handler",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'roost' has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"roost.{_LATER[name]}"), name)
    return found
