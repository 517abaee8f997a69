"""The routes /openapi.json and /docs, where an application has none of its own at these paths."""

from __future__ import annotations

import os

from roost import _native
from roost._native import Response
from roost.router import Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from roost.app import App
    from roost.openapi import OpenAPI

ASSETS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "swagger-ui")
"""The files of Swagger UI, put into the package when it is built."""

# Relative to the page, so that it works wherever the application is mounted.
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>API documentation</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/assets/swagger-ui.css">
</head>
<body>
<div id="documentation"></div>
<script src="docs/assets/swagger-ui-bundle.js"></script>
<script>
const shown = SwaggerUIBundle({url: "openapi.json", dom_id: "#documentation", deepLinking: true, validatorUrl: null,
  onComplete: () => { document.title = shown.specSelectors.info().get("title") || document.title; }});
</script>
</body>
</html>
"""

# Where the package was built without Swagger UI.
_PLAIN_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>API documentation</title>
<style>body{font:1rem/1.5 sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}pre{overflow:auto}</style>
</head>
<body>
<h1>API documentation</h1>
<div id="documentation"><a href="openapi.json">openapi.json</a></div>
<script>
fetch("openapi.json").then(answer => answer.json()).then(spec => {
  document.title = document.querySelector("h1").textContent = spec.info.title;
  for (const [path, item] of Object.entries(spec.paths)) for (const [method, operation] of Object.entries(item)) {
    const details = document.createElement("details");
    const summary = details.appendChild(document.createElement("summary"));
    summary.textContent = method.toUpperCase() + " " + path + "  " + (operation.summary || "");
    details.appendChild(document.createElement("pre")).textContent = JSON.stringify(operation, null, 2);
    document.getElementById("documentation").append(details);
  }
});
</script>
</body>
</html>
"""


def add_documentation(app: App, routes: Sequence[Route]) -> tuple[list[Route], list[tuple[str, str, str, bool]]]:
    """The routes to add, and the directories: of the page's files."""
    taken = {route.pattern for route in routes if "GET" in route.methods}
    # As the application's own handlers are, so that neither a pool nor a loop is begun for these alone.
    from roost._callable import is_async

    asynchronous = all(is_async(route.handler) for route in routes)
    added: list[Route] = []
    directories: list[tuple[str, str, str, bool]] = []
    if "/openapi.json" not in taken:
        added.append(_route("/openapi.json", _document(app), asynchronous))
    if "/docs" not in taken and not any(path.rstrip("/") == "/docs" for path, *_ in app._directories):
        has_assets = os.path.isfile(os.path.join(ASSETS, "swagger-ui-bundle.js"))
        page = _PAGE if has_assets else _PLAIN_PAGE

        def docs() -> Response:
            return Response(200, {"Content-Type": "text/html; charset=utf-8"}, page)

        added.append(_route("/docs", docs, asynchronous))
        if has_assets:
            directories.append(("/docs/assets", ASSETS, "", False))
    return added, directories


def _route(pattern: str, handler: Callable[[], Response], asynchronous: bool) -> Route:
    name = handler.__name__
    if asynchronous:

        async def handler_async() -> Response:
            return handler()

        route = Route(("GET",), pattern, handler_async)
    else:
        route = Route(("GET",), pattern, handler)
    route.name = name
    route.include_in_schema = False
    route.const = pattern == "/docs"
    return route


def _document(app: App) -> Callable[[], Response]:
    written: list[bytes] = []

    def openapi_json() -> Response:
        if not written:  # once for each worker that is asked
            written.append(_native.json_encode(specification(app)))
        return Response(200, {"Content-Type": "application/json"}, written[0])

    return openapi_json


def specification(app: App) -> dict[str, Any]:
    """The document of the application: the file that it names, or `openapi.json` beside it, or what its routes say."""
    from roost.openapi import OpenAPI

    document = getattr(app, "openapi", None)
    document = document if isinstance(document, OpenAPI) else OpenAPI()
    if not document.openapi_file_override:
        named = getattr(app, "openapi_file_path", None)
        beside = os.path.join(os.path.dirname(app.file), named or "openapi.json")
        if named or os.path.isfile(beside):
            document.override_openapi(beside)
    _add_security(app, document)
    return document.generate(app.all_routes())


def _add_security(app: App, document: OpenAPI) -> None:
    """As the authentication handlers have it, unless the application says it itself."""
    if document.openapi_file_override or document.openapi_spec.get("components", {}).get("securitySchemes"):
        return
    for router in app._tree():
        handler = getattr(router, "authentication_handler", None)
        scheme = str(getattr(getattr(handler, "token_getter", None), "scheme", "") or "")
        if scheme.lower().startswith("bearer"):
            document.add_security_scheme("BearerAuth", {"type": "http", "scheme": "bearer"})
        elif handler is not None:
            document.add_security_scheme("ApiKeyAuth", {"type": "apiKey", "in": "header", "name": "Authorization"})
