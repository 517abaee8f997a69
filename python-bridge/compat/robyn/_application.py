"""`Robyn(__file__)`: Roost's application, with what Robyn's does otherwise."""

from __future__ import annotations

import inspect
import os
import socket
from collections.abc import Callable
from typing import Any

from roost import App, Headers, Request, Response, _native
from roost._headers import GlobalHeaders
from roost.exceptions import Unmatched
from roost.route import MountedRoute

from robyn.argument_parser import Config
from robyn.env_populator import load_vars
from robyn.events import Events
from robyn.robyn import FunctionInfo
from robyn.router import Route

# Handlers may return anything, and say nothing of a header that is missing.
_native.set_manners(True, True)

_BODY_METHODS = {"POST", "PUT", "PATCH", "DELETE"}
_DEFAULT_PAYLOAD = 1_000_000


class Robyn(App):
    """A `roost.App` with Robyn's command line, ROBYN_* variables, robyn.env, and its shapes of forms and files."""

    def __init__(
        self,
        file_object: str,
        config: Config | None = None,
        openapi_file_path: str | None = None,
        openapi: Any = None,
        dependencies: Any = None,
    ) -> None:
        load_vars(project_root=os.path.dirname(os.path.abspath(file_object)))
        super().__init__(file_object, config or Config(), openapi_file_path, openapi, dependencies)
        self.file_path = file_object
        self.directory_path = os.path.dirname(os.path.abspath(file_object))
        self.exception_handler(Unmatched)(_unmatched)
        if openapi is None and not self.config.disable_openapi:
            self.openapi = _openapi(self.directory_path, openapi_file_path)

    @property
    def routes(self) -> list[Route]:
        """Those of included routers, too, with what is put before them: `app.router.routes`."""
        return self.all_routes()

    @property
    def request_headers(self) -> GlobalHeaders:
        """What every request has: `set`, `append`, `get_headers`."""
        return self._request_headers

    @property
    def response_headers(self) -> GlobalHeaders:
        """What every response has: `set`, `append`, `get_headers`."""
        return self._response_headers

    @property
    def event_handlers(self) -> dict[Events, FunctionInfo]:
        """The last handler of each event."""
        listed = {Events.STARTUP: self._startup, Events.SHUTDOWN: self._shutdown}
        return {
            event: FunctionInfo(handlers[-1], inspect.iscoroutinefunction(handlers[-1]), 0, {}, {})
            for event, handlers in listed.items()
            if handlers
        }

    def is_port_in_use(self, port: int) -> bool:
        """Whether somebody listens on it here."""
        with socket.socket() as probe:
            return probe.connect_ex(("localhost", port)) == 0

    def serve_directory(
        self, route: str, directory_path: str, index_file: str | None = None, show_files_listing: bool = False
    ) -> None:
        """As Roost's; a relative directory is below the working directory."""
        super().serve_directory(route, os.path.abspath(directory_path), index_file, show_files_listing)

    def start(  # type: ignore[override]
        self,
        host: str = "127.0.0.1",
        port: int = 8080,
        _check_port: bool = True,
        client_timeout: int = 30,
        keep_alive_timeout: int = 20,
        **options: Any,
    ) -> None:
        """Serves until stopped; a port that is taken is an error, whatever _check_port says."""
        largest = int(os.environ.get("ROBYN_MAX_PAYLOAD_SIZE", _DEFAULT_PAYLOAD))
        server = {"limits": {"body_bytes": f"{largest}B"}, **options.pop("server", {})}
        super().start(
            host, port, server, client_timeout=client_timeout, keep_alive_timeout=keep_alive_timeout, **options
        )

    def __roost_mount__(self) -> Any:
        mount = super().__roost_mount__()
        for route in mount.routes:
            if _BODY_METHODS & set(route.methods.split()) and route.takes_request:
                route.call = _with_robyns_forms(route)
        return mount


def _openapi(directory: str, named: str | None) -> Any:
    from robyn.openapi import OpenAPI

    document = OpenAPI()
    beside = os.path.join(directory, named or "openapi.json")
    if named or os.path.isfile(beside):
        document.override_openapi(beside)
    return document


def _unmatched(error: Unmatched) -> Response:
    """404 in Robyn's words; a path's wrong method is told the right ones."""
    if error.status_code == 404:
        return Response(404, {"Content-Type": "text/plain; charset=utf-8"}, "Not found")
    return error.__roost_response__()


def _with_robyns_forms(route: MountedRoute) -> Callable[[Request], Any]:
    call = route.call

    def answer(request: Request) -> Any:
        kind = request.headers.get("content-type") or ""
        if kind.startswith("multipart/form-data"):
            _flatten(request)
        return call(request)

    async def answer_later(request: Request) -> Any:
        return await answer(request)

    chosen: Any = answer_later if route.asynchronous else answer
    chosen.__wrapped__ = call
    return chosen  # type: ignore[no-any-return]


def _flatten(request: Request) -> None:
    """Fields as a dict of str, files as a dict of bytes by their file names, as Robyn 0.88 gives them."""
    files: dict[str, bytes] = {}
    for name, listed in _all(request.files):
        for file in listed:
            files[getattr(file, "filename", None) or name] = bytes(file if isinstance(file, bytes) else file.read())
    fields = {name: request.form_data[name] for name in request.form_data}
    shaped: Any = request
    shaped.files, shaped.form_data = files, fields


def _all(files: Any) -> list[tuple[str, list[Any]]]:
    return [(name, files.get_all(name) if hasattr(files, "get_all") else [files[name]]) for name in files]


__all__ = ["Headers", "Response", "Robyn"]
