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
    from roost.background import BackgroundTask, BackgroundTasks
    from roost.cookies import Cookie, Cookies
    from roost.forms import Files, FormData, UploadFile
    from roost.responses import (
        FileResponse,
        SSEMessage,
        SSEResponse,
        StreamingResponse,
        html,
        redirect,
        serve_file,
        serve_html,
    )
    from roost.websocket_adapter import WebSocketAdapter

__all__ = [
    "ALLOW_CORS",
    "App",
    "AuthenticationHandler",
    "BackgroundTask",
    "BackgroundTasks",
    "BearerGetter",
    "Cookie",
    "Cookies",
    "Depends",
    "FileResponse",
    "Files",
    "FormData",
    "HTTPException",
    "Headers",
    "Identity",
    "QueryParams",
    "Request",
    "Response",
    "SSEMessage",
    "SSEResponse",
    "StreamingResponse",
    "SubRouter",
    "UploadFile",
    "WebSocket",
    "WebSocketAdapter",
    "WebSocketDisconnect",
    "html",
    "publish",
    "redirect",
    "serve_file",
    "serve_html",
]

# Imported when they are asked for: a worker whose application has no use for them does not pay for them.
_LATER = {
    "AuthenticationHandler": "authentication",
    "BackgroundTask": "background",
    "BackgroundTasks": "background",
    "BearerGetter": "authentication",
    "Cookie": "cookies",
    "Cookies": "cookies",
    "FileResponse": "responses",
    "Files": "forms",
    "FormData": "forms",
    "Identity": "authentication",
    "SSEMessage": "responses",
    "SSEResponse": "responses",
    "StreamingResponse": "responses",
    "UploadFile": "forms",
    "WebSocketAdapter": "websocket_adapter",
    "html": "responses",
    "redirect": "responses",
    "serve_file": "responses",
    "serve_html": "responses",
}


def __getattr__(name: str) -> object:
    if name not in _LATER:
        raise AttributeError(f"module 'roost' has no attribute {name!r}")
    from importlib import import_module

    found = globals()[name] = getattr(import_module(f"roost.{_LATER[name]}"), name)
    return found
