"""The application: routes, middleware, hooks, and the two ways to serve it."""

from __future__ import annotations

import os
import sys

from roost import _native, _pattern
from roost._callable import adapt, name_of, signature
from roost._chain import Step, compose
from roost._native import Response
from roost.config import Config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any, TypeVar

    from roost.websocket import WebSocket

    Handler = TypeVar("Handler", bound=Callable[..., Any])
    # methods separated by spaces, pattern, callable, whether it is a coroutine function, whether it takes the request,
    # name
    MountedRoute = tuple[str, str, Callable[..., Any], bool, bool, str]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")


class State:
    """Whatever the application keeps here: `app.state.database = ...` in a startup handler."""

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...
        def __setattr__(self, name: str, value: Any) -> None: ...


class Mount:
    """What an application contributes to the server's routes; read by the bridge in the prototype."""

    def __init__(self) -> None:
        self.routes: list[MountedRoute] = []
        self.directories: list[tuple[str, str, str, bool]] = []  # path, directory, index file, listing
        self.websockets: list[tuple[str, WebSocket, str]] = []  # pattern, handlers, name
        self.startup: list[Callable[[], Any]] = []
        self.shutdown: list[Callable[[], Any]] = []


class App:
    """A web application.

    Args:
        file: `__file__` of the module; relative directories are relative to it.
    """

    _count: dict[str, int] = {}

    def __init__(self, file: str) -> None:
        self.file = os.path.abspath(file)
        self.state = State()
        self._config: Config | None = None
        self._routes: list[MountedRoute] = []
        self._directories: list[tuple[str, str, str, bool]] = []
        self._websockets: list[WebSocket] = []
        self._before: list[Step] = []
        self._after: list[Step] = []
        self._around: list[tuple[Step, Step]] = []
        self._startup: list[Callable[[], Any]] = []
        self._shutdown: list[Callable[[], Any]] = []
        self._on_error: Callable[..., Any] | None = None
        number = App._count[self.file] = App._count.get(self.file, -1) + 1
        self.group = f"{self.file}#{number}" if number else self.file

    # Routes -----------------------------------------------------------------------------------------------------

    def add_route(self, methods: str | Iterable[str], path: str, handler: Callable[..., Any]) -> None:
        """Lets `handler` answer these methods on this path.

        It takes nothing, or the request, or parts of it by name (`query_params`, `headers`, `path_params`, `body`,
        `method`, `url`, `ip_addr`, the names in `path`). It returns a dict, list, str, bytes or Response, or a tuple
        of a body and, in any order, a status (int) and headers (a dict or Headers).

        Args:
            methods: "GET", "GET POST", or a list.
            path: literal segments, `:name` for one segment, a trailing `*` or `*name` for the remainder.

        Raises:
            ValueError: there is no such method, or the path is malformed.
            TypeError: the handler wants what is not known.
        """
        listed = methods.split() if isinstance(methods, str) else list(methods)
        named = [str(method).rpartition(".")[2].upper() for method in listed]
        for method in named:
            if method not in METHODS:
                raise ValueError(f"{method!r} is no method: {', '.join(METHODS)}")
        if not named:
            raise ValueError(f"{path}: a route needs a method")
        pattern = _pattern.checked(path)
        call, asynchronous, takes_request = adapt(handler, _pattern.names(pattern))
        self._routes.append((" ".join(named), pattern, call, asynchronous, takes_request, name_of(handler)))

    def _route(self, method: str, path: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.add_route(method, path, handler)
            return handler

        return register

    def get(self, path: str) -> Callable[[Handler], Handler]:
        """Decorates the handler of GET (and HEAD) on `path`, see `add_route`."""
        return self._route("GET", path)

    def post(self, path: str) -> Callable[[Handler], Handler]:
        """Decorates the handler of POST on `path`, see `add_route`."""
        return self._route("POST", path)

    def put(self, path: str) -> Callable[[Handler], Handler]:
        """Decorates the handler of PUT on `path`, see `add_route`."""
        return self._route("PUT", path)

    def patch(self, path: str) -> Callable[[Handler], Handler]:
        """Decorates the handler of PATCH on `path`, see `add_route`."""
        return self._route("PATCH", path)

    def delete(self, path: str) -> Callable[[Handler], Handler]:
        """Decorates the handler of DELETE on `path`, see `add_route`."""
        return self._route("DELETE", path)

    def head(self, path: str) -> Callable[[Handler], Handler]:
        """Decorates the handler of HEAD on `path`, in place of the one of GET, see `add_route`."""
        return self._route("HEAD", path)

    def options(self, path: str) -> Callable[[Handler], Handler]:
        """Decorates the handler of OPTIONS on `path`, in place of the server's answer, see `add_route`."""
        return self._route("OPTIONS", path)

    def serve_directory(
        self, route: str, directory_path: str, index_file: str | None = None, show_files_listing: bool = False
    ) -> None:
        """Serves the files below a directory; the server does so itself, without Python.

        Args:
            route: what their paths begin with.
            directory_path: absolute, or relative to the application's file.
            index_file: answered for a directory.
            show_files_listing: list directories without that file.
        """
        directory = os.path.join(os.path.dirname(self.file), directory_path)
        self._directories.append((_pattern.checked(route), directory, index_file or "", show_files_listing))

    def add_web_socket(self, websocket: WebSocket) -> None:
        """Adds an endpoint; `WebSocket` does so itself."""
        self._websockets.append(websocket)

    # Middleware -------------------------------------------------------------------------------------------------

    def before_request(self, endpoint: str | None = None) -> Callable[[Handler], Handler]:
        """Decorates what is called with each request before its handler, in order of registration.

        A Response that it returns is the answer: no further before handler, handler or after handler is called.

        Args:
            endpoint: a path or a pattern ("/api/*" includes "/api") below the application's mount; None for all routes.
        """

        def register(handler: Handler) -> Handler:
            self._before.append(Step(handler, endpoint and _pattern.checked(endpoint), after=False))
            return handler

        return register

    def after_request(self, endpoint: str | None = None) -> Callable[[Handler], Handler]:
        """Decorates what is called with (response) or (request, response) after the handler, in order of registration.

        It may change the response, or return another one.

        Args:
            endpoint: as for `before_request`.
        """

        def register(handler: Handler) -> Handler:
            self._after.append(Step(handler, endpoint and _pattern.checked(endpoint), after=True))
            return handler

        return register

    def surround(self, before: Callable[..., Any], after: Callable[..., Any]) -> None:
        """A pair of a before and an after handler outside of all others; the latter sees every response.

        The application then answers OPTIONS on its routes itself, through both.
        """
        self._around.append((Step(before, None, after=False), Step(after, None, after=True, always=True)))

    def exception(self, handler: Handler) -> Handler:
        """Decorates what is called with an exception that a handler or middleware raised; its result is the answer."""
        self._on_error = handler
        return handler

    # Hooks ------------------------------------------------------------------------------------------------------

    def startup_handler(self, handler: Handler) -> Handler:
        """Decorates what runs in each worker, on its event loop, before the worker takes requests."""
        _takes_nothing(handler)
        self._startup.append(handler)
        return handler

    def shutdown_handler(self, handler: Handler) -> Handler:
        """Decorates what runs in each worker after its last request."""
        _takes_nothing(handler)
        self._shutdown.append(handler)
        return handler

    # Serving ----------------------------------------------------------------------------------------------------

    @property
    def config(self) -> Config:
        """The options of `python app.py`; the defaults when the application is mounted from a YAML file."""
        if self._config is None:
            self._config = Config()
            main = getattr(sys.modules.get("__main__"), "__file__", None)
            if main and os.path.abspath(main) == self.file:
                self._config.parse(sys.argv[1:])
        return self._config

    def __roost_mount__(self) -> Mount:
        """What the bridge mounts: every route with its middleware composed into it."""
        mount = Mount()
        before = [pair[0] for pair in self._around] + self._before
        after = self._after + [pair[1] for pair in reversed(self._around)]
        routes = [*self._routes, *(self._options_routes() if self._around else ())]
        for methods, pattern, handler, asynchronous, takes_request, name in routes:
            call, asynchronous, takes_request = compose(
                pattern, handler, asynchronous, takes_request, before, after, self._on_error
            )
            mount.routes.append((methods, pattern, call, asynchronous, takes_request, name))
        mount.directories += self._directories
        mount.websockets += [(socket.endpoint, socket, f"WebSocket {socket.endpoint}") for socket in self._websockets]
        mount.startup += self._startup
        mount.shutdown += self._shutdown
        return mount

    def _options_routes(self) -> list[MountedRoute]:
        allowed: dict[str, set[str]] = {}
        for methods, pattern, *_ in self._routes:
            allowed.setdefault(pattern, set()).update(methods.split())
        return [
            ("OPTIONS", pattern, _allow(methods), False, False, "OPTIONS")
            for pattern, methods in allowed.items()
            if "OPTIONS" not in methods
        ]

    def start(self, host: str = "127.0.0.1", port: int = 8080, server: dict[str, Any] | None = None) -> None:
        """Serves until stopped; then the program ends with the server's exit status.

        The master and workers are those of `roost serve`: a worker that dies is replaced, SIGHUP reloads the program's
        code, SIGINT and SIGTERM drain and stop.

        Args:
            host: address to listen on, unless the command line names one.
            port: port to listen on, unless the command line names one; 0 for any that is free.
            server: further keys of the configuration file's `server:`, e.g. {"timeouts": {"handler": "5s"}}.

        Raises:
            SystemExit: the server ended with a status other than 0.
            RuntimeError: a server is importing this module to mount it.
        """
        if not hasattr(sys.modules.get("__main__"), "__file__"):
            raise RuntimeError(
                'start() while the module is imported by a server: put it below `if __name__ == "__main__":`'
            )
        config = self.config
        if config.host is not None:
            host = config.host
        if config.port is not None:
            port = config.port
        quiet = config.log_level not in ("DEBUG", "INFO")
        settings: dict[str, Any] = {
            "listen": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "processes": config.processes,
            "threads": config.workers,
            "log_level": config.server_log_level,
            "mode": "development" if config.dev else "production",
            "access_log": {"format": "none" if quiet else "combined"},
            **(server or {}),
        }
        name = os.path.basename(self.file)
        configuration = {
            "server": settings,
            "routes": [{"path": "/", "python": f"{name.removesuffix('.py')}:app"}],
        }
        status = _native.serve(
            self,
            _native.json_encode(configuration).decode(),
            name,
            os.path.dirname(self.file),
            [sys.executable, *sys.orig_argv[1:]],
        )
        if status != 0:
            raise SystemExit(status)


def _allow(methods: set[str]) -> Callable[[], Response]:
    shown = sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))

    def options() -> Response:
        return Response(204, {"Allow": ", ".join(shown)}, "")

    return options


def _takes_nothing(handler: Callable[..., Any]) -> None:
    if signature(handler).required:
        raise TypeError(f"{name_of(handler)}: a startup or shutdown handler takes no arguments")
