"""`Robyn(__file__)`: Roost's application, with what Robyn's does otherwise."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from roost import App, Headers, Request, Response
from roost.route import MountedRoute

from robyn.argument_parser import Config
from robyn.env_populator import load_vars

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
