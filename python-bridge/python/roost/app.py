"""The application: routes, middleware, hooks, and the two ways to serve it."""

from __future__ import annotations

import os

from roost import _pattern
from roost._binding import bind
from roost._callable import name_of, signature
from roost._chain import Step, compose
from roost._const import Constant
from roost._native import Response
from roost.config import Config, is_program, of_program
from roost.router import MountedRoute, Route, Router

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any, TypeVar

    from roost.mcp import MCPApp
    from roost.websocket import WebSocket
    from roost.websocket_handler import WebSocketHandler

    Handler = TypeVar("Handler", bound=Callable[..., Any])


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
        self.websockets: list[tuple[str, WebSocket | WebSocketHandler, str]] = []  # pattern, handlers, name
        self.startup: list[Callable[[], Any]] = []
        self.shutdown: list[Callable[[], Any]] = []


class App(Router):
    """A web application.

    Args:
        file: `__file__` of the module; relative directories are relative to it.
    """

    def __init__(self, file: str) -> None:
        super().__init__(file)
        self.state = State()
        self._config: Config | None = None
        self._mcp: MCPApp | None = None
        self._directories: list[tuple[str, str, str, bool]] = []
        self._before: list[Step] = []
        self._after: list[Step] = []
        self._around: list[tuple[Step, Step]] = []
        self._startup: list[Callable[[], Any]] = []
        self._shutdown: list[Callable[[], Any]] = []
        self._on_error: Callable[..., Any] | None = None
        if is_program(self.file):  # before the module's further code looks into the environment
            Config().load_files(os.path.dirname(self.file))

    # Routes -----------------------------------------------------------------------------------------------------

    def all_routes(self) -> list[Route]:
        """Every route, those of included routers with what is put before them."""
        return [route for _, route in self._flattened()]

    def _flattened(self) -> Iterator[tuple[list[Router], Route]]:
        """Each route with the routers it is in, outermost first."""

        def walk(router: Router, around: list[Router], prefix: str) -> Iterator[tuple[list[Router], Route]]:
            for route in router._routes:
                yield around, route.below(prefix)
            for inner in router._routers:
                yield from walk(inner, [*around, inner], _pattern.join(prefix, inner.prefix or "/"))

        return walk(self, [self], self.prefix)

    def _routers_below(self) -> Iterator[tuple[Router, str]]:
        """This router and the included ones, with what is put before their routes."""

        def walk(router: Router, prefix: str) -> Iterator[tuple[Router, str]]:
            yield router, prefix
            for inner in router._routers:
                yield from walk(inner, _pattern.join(prefix, inner.prefix or "/"))

        return walk(self, self.prefix)

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
            self._config = of_program(Config(), self.file)
        return self._config

    @property
    def mcp(self) -> MCPApp:
        """Tools, resources and prompts for clients of the Model Context Protocol, served at POST /mcp."""
        if self._mcp is None:
            from roost.mcp import MCPApp

            self._mcp = MCPApp(self)
        return self._mcp

    def __roost_mount__(self) -> Mount:
        """What the bridge mounts: every route with its middleware composed into it."""
        mount = Mount()
        before = [pair[0] for pair in self._around] + self._before
        after = self._after + [pair[1] for pair in reversed(self._around)]
        constants: list[Callable[[], Any]] = []
        routes = self.all_routes()
        if not self.config.disable_openapi:
            from roost._documentation import add_documentation

            routes += add_documentation(self, routes, mount)
        for route in [*routes, *(_options_routes(routes) if self._around else ())]:
            bound = bind(route, later=bool(self._startup))
            handler, asynchronous, takes_request = bound.call, bound.asynchronous, bound.takes_request
            if route.const:
                constant = Constant(route, handler, asynchronous, takes_request)
                constants.append(constant.compute)
                handler, asynchronous, takes_request = constant, False, False
            call, asynchronous, takes_request = compose(
                route.pattern, handler, asynchronous, takes_request, before, after, self._on_error
            )
            mount.routes.append(
                MountedRoute(
                    " ".join(route.methods),
                    route.pattern,
                    call,
                    asynchronous,
                    takes_request,
                    route.name,
                    route.const and call is handler,
                    route.stream,
                )
            )
        mount.directories += self._directories
        for router, prefix in self._routers_below():
            for socket in router._websockets:
                pattern = _pattern.join(prefix, socket.endpoint)
                if socket.steered:
                    socket.bind(pattern, dict)
                mount.websockets.append((pattern, socket, f"WebSocket {pattern}"))
        mount.startup += [*self._startup, *constants]
        mount.shutdown += self._shutdown
        return mount

    def start(
        self, host: str = "127.0.0.1", port: int = 8080, server: dict[str, Any] | None = None, **options: Any
    ) -> None:
        """Serves until stopped; then the program ends with the server's exit status.

        The master and workers are those of `roost serve`: a worker that dies is replaced, SIGHUP reloads the program's
        code, SIGINT and SIGTERM drain and stop.

        Args:
            host: address to listen on, unless the command line or the environment names one.
            port: port to listen on, unless the command line or the environment names one; 0 for any that is free.
            server: further keys of the configuration file's `server:`, e.g. {"timeouts": {"handler": "5s"}}.
            options: of `roost.config.Config`, e.g. processes=4; the environment and the command line come before them.

        Raises:
            SystemExit: the server ended with a status other than 0.
            TypeError, ValueError: there is no such option, or it cannot have this value.
            RuntimeError: a server is importing this module to mount it.
        """
        from roost import _serve

        _serve.start(self, host, port, server or {}, options)


def _options_routes(routes: list[Route]) -> list[Route]:
    """A route for OPTIONS on each path that has none."""
    allowed: dict[str, set[str]] = {}
    for route in routes:
        allowed.setdefault(route.pattern, set()).update(route.methods)
    return [
        Route(("OPTIONS",), pattern, _allow(methods))
        for pattern, methods in allowed.items()
        if "OPTIONS" not in methods
    ]


def _allow(methods: set[str]) -> Callable[[], Response]:
    shown = sorted(methods | {"OPTIONS"} | ({"HEAD"} if "GET" in methods else set()))

    def options() -> Response:
        return Response(204, {"Allow": ", ".join(shown)}, "")

    return options


def _takes_nothing(handler: Callable[..., Any]) -> None:
    if signature(handler).required:
        raise TypeError(f"{name_of(handler)}: a startup or shutdown handler takes no arguments")
