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
from roost.router import SubRouter
from roost.websocket import WebSocket, WebSocketDisconnect, publish

TYPE_CHECKING = False
if TYPE_CHECKING:
    from roost.forms import Files, FormData, UploadFile
    from roost.websocket_handler import WebSocketAdapter

__all__ = [
    "ALLOW_CORS",
    "App",
    "Depends",
    "Files",
    "FormData",
    "Headers",
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


def __getattr__(name: str) -> object:
    # Costs memory that applications without such handlers do not pay for.
    if name == "WebSocketAdapter":
        from roost.websocket_handler import WebSocketAdapter

        return WebSocketAdapter
    if name in ("Files", "FormData", "UploadFile"):
        import roost.forms

        return getattr(roost.forms, name)
    raise AttributeError(f"module 'roost' has no attribute {name!r}")
