"""What applications and their parts (`SubRouter`) have in common: routes, and what goes with them."""

from __future__ import annotations

import os

from roost import _pattern
from roost._callable import name_of, signature
from roost._chain import Step
from roost._headers import GlobalHeaders
from roost.exceptions import ErrorHandlers
from roost.route import MountedRoute, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
    from typing import Any, TypeVar, Unpack

    from roost.authentication import AuthenticationHandler
    from roost.mcp import MCPApp
    from roost.route import RouteOptions
    from roost.websocket import WebSocket
    from roost.websocket_handler import WebSocketHandler

    Handler = TypeVar("Handler", bound=Callable[..., Any])


__all__ = ["METHODS", "MountedRoute", "Route", "Router", "SubRouter"]

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE")


class Router:
    """Where routes are registered: an `App`, or a `SubRouter` that an application includes."""

    _count: dict[str, int] = {}

    def __init__(self, file: str, prefix: str = "") -> None:
        self.file = os.path.abspath(file) if file else ""
        self.prefix = prefix.rstrip("/") and _pattern.checked(prefix.rstrip("/"))
        self._routes: list[Route] = []
        self._taken: set[tuple[str, str]] = set()
        self._routers: list[SubRouter] = []
        self._websockets: list[WebSocket | WebSocketHandler] = []
        self._before: list[Step] = []
        self._after: list[Step] = []
        self._errors = ErrorHandlers()
        self._startup: list[Callable[[], Any]] = []
        self._shutdown: list[Callable[[], Any]] = []
        self._directories: list[tuple[str, str, str, bool]] = []
        self._request_headers = GlobalHeaders(after=False)
        self._response_headers = GlobalHeaders(after=True)
        self._mcp: MCPApp | None = None
        self.tags: list[str] = []
        self.authentication_handler: AuthenticationHandler | None = None
        self.global_dependencies: dict[str, Any] = {}
        self.router_dependencies: dict[str, Any] = {}
        name = self.file or f"router {self.prefix}"
        number = Router._count[name] = Router._count.get(name, -1) + 1
        # What connections of its WebSockets are told apart by: the same in every worker, as they run the same code.
        self.group = f"{name}#{number}" if number else name

    def add_route(
        self,
        route_type: str | Iterable[str],
        endpoint: str,
        handler: Callable[..., Any],
        is_const: bool = False,
        auth_required: bool = False,
        openapi_name: str = "",
        openapi_tags: Sequence[str] | None = None,
        status_code: int | None = None,
        response_model: Any = None,
        responses: dict[int | str, Any] | None = None,
        deprecated: bool = False,
        include_in_schema: bool = True,
        *,
        const: bool = False,
        stream: bool = False,
    ) -> Callable[..., Any]:
        """Lets `handler` answer these methods on this path.

        It takes nothing, or the request, or parts of it by name (`query_params`, `headers`, `path_params`, `body`,
        `method`, `url`, `ip_addr`, the names in `endpoint`). It returns a dict, list, str, bytes or Response, or a
        tuple of a body and, in any order, a status (int) and headers (a dict or Headers).

        Args:
            route_type: "GET", "GET POST", or a list.
            endpoint: literal segments, `:name` for one segment, a trailing `*` or `*name` for the remainder. With or
                without a final slash means the same.
            const, is_const: call the handler once, at start; its response is everybody's.
            stream: call the handler before the body is there; it reads `request.stream()`.
            auth_required: only for those whom the authentication handler knows.
            status_code: of what the handler returns, where that names none.
            response_model: the type that what it returns is validated by.
            responses: further responses for the documentation, by status.
            openapi_name, openapi_tags, deprecated, include_in_schema: for the documentation.

        Raises:
            ValueError: there is no such method, the path is malformed, or has a handler for this method already.
        """
        listed = route_type.split() if isinstance(route_type, str) else _listed(route_type)
        methods = tuple(str(method).rpartition(".")[2].upper() for method in listed)
        for method in methods:
            if method not in METHODS:
                raise ValueError(f"{method!r} is no method: {', '.join(METHODS)}")
        if not methods:
            raise ValueError(f"{endpoint}: a route needs a method")
        if not callable(handler):
            raise TypeError(f"a handler must be callable, not {handler!r}")
        # Each route answers its path with a final slash more as well: "/x/" is the path "/x".
        route = Route(methods, _pattern.checked(endpoint.rstrip("/") or "/"), handler)
        for method in methods:
            if (method, route.pattern) in self._taken:
                raise ValueError(f"{method} {route.pattern} has a handler already")
        self._taken.update((method, route.pattern) for method in methods)
        route.const = const or is_const
        route.stream = stream
        route.auth_required = auth_required
        route.openapi_name = openapi_name
        route.openapi_tags = list(openapi_tags or ())
        route.status_code = status_code
        route.response_model = response_model
        route.responses = dict(responses or {})
        route.deprecated = deprecated
        route.include_in_schema = include_in_schema
        self._routes.append(route)
        return handler

    def _route(self, method: str, endpoint: str, options: RouteOptions) -> Callable[[Handler], Handler]:
        if not isinstance(endpoint, str):
            raise TypeError(f'a route needs a path: @app.{method.lower()}("/path")')

        def register(handler: Handler) -> Handler:
            self.add_route(method, endpoint, handler, **options)
            return handler

        return register

    def get(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Decorates the handler of GET (and HEAD) on `endpoint`, see `add_route`."""
        return self._route("GET", endpoint, options)

    def post(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Decorates the handler of POST on `endpoint`, see `add_route`."""
        return self._route("POST", endpoint, options)

    def put(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Decorates the handler of PUT on `endpoint`, see `add_route`."""
        return self._route("PUT", endpoint, options)

    def patch(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Decorates the handler of PATCH on `endpoint`, see `add_route`."""
        return self._route("PATCH", endpoint, options)

    def delete(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Decorates the handler of DELETE on `endpoint`, see `add_route`."""
        return self._route("DELETE", endpoint, options)

    def head(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Decorates the handler of HEAD on `endpoint`, in place of the one of GET, see `add_route`."""
        return self._route("HEAD", endpoint, options)

    def options(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Decorates the handler of OPTIONS on `endpoint`, in place of the server's answer, see `add_route`."""
        return self._route("OPTIONS", endpoint, options)

    def trace(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Decorates the handler of TRACE on `endpoint`, see `add_route`."""
        return self._route("TRACE", endpoint, options)

    def connect(self, endpoint: str, **options: Unpack[RouteOptions]) -> Callable[[Handler], Handler]:
        """Raises ValueError: CONNECT names a host to open a tunnel to, and no path (RFC 9110 section 9.3.6)."""
        raise ValueError(f"{endpoint}: CONNECT asks a proxy for a tunnel; no path of a server can answer it")

    def include_router(self, router: SubRouter) -> None:
        """Adds all that a router has, and will have, below this one's prefix and its own.

        Raises:
            TypeError: it is no SubRouter but, for instance, an application.
            ValueError: it includes this one, or is included already.
        """
        if not isinstance(router, SubRouter):
            raise TypeError(f"a SubRouter can be included, not {router!r}; applications are mounted side by side")
        if any(inner is self for inner in router._tree()):
            raise ValueError("a router cannot include itself")
        if router in self._routers:
            raise ValueError(f"the router {router.prefix or '/'} is included already")
        self._routers.append(router)

    def _tree(self) -> Iterable[Router]:
        yield self
        for router in self._routers:
            yield from router._tree()

    def websocket(
        self, endpoint: str, *, accept: bool = True, subprotocols: Sequence[str] = (), grace: float = 5.0
    ) -> Callable[[Handler], Handler]:
        """Decorates the coroutine function that serves each WebSocket connection of `endpoint`.

        @app.websocket("/chat/:room")
        async def chat(websocket, room: str):
            websocket.subscribe(room)
            async for message in websocket:
                await websocket.publish(room, message)

        It takes the connection (`roost.WebSocketAdapter`), and by name `path_params`, `query_params`, `headers` or
        single parameters of path and query, which become int, float, bool... where it says so. The connection is
        closed when it returns. `@chat.on_connect` and `@chat.on_close` decorate what is called at either end.

        Args:
            accept: False: the handler answers the handshake, by `accept()` or `close()`. Where the client goes before
                it does, `closed` is True, and `accept()`, `send()` and `receive()` raise `WebSocketDisconnect`.
            subprotocols: those that can be spoken, the favourite first.
            grace: seconds that the handler has from the connection's end until it is cancelled.
        """
        from roost import websocket_handler

        def decorate(handler: Handler) -> Handler:
            return websocket_handler.register(
                self.group, self.add_web_socket, endpoint, handler, accept, subprotocols, grace
            )

        return decorate

    def add_web_socket(self, websocket: WebSocket | WebSocketHandler) -> None:
        """Adds an endpoint; `WebSocket` does so itself."""
        self._websockets.append(websocket)

    def serve_directory(
        self, route: str, directory_path: str, index_file: str | None = None, show_files_listing: bool = False
    ) -> None:
        """Serves the files below a directory; the server does so itself, without Python.

        Names that begin with a dot are not served, `.well-known` aside.

        Args:
            route: what their paths begin with, below the router's prefix.
            directory_path: absolute, or relative to the file of the application or router.
            index_file: answered for a directory.
            show_files_listing: list directories without that file.
        """
        directory = os.path.join(os.path.dirname(self.file), directory_path)
        self._directories.append((_pattern.checked(route), directory, index_file or "", show_files_listing))

    add_directory = serve_directory

    @property
    def mcp(self) -> MCPApp:
        """Tools, resources and prompts for clients of the Model Context Protocol, served at POST /mcp, below the
        router's prefix."""
        if self._mcp is None:
            from roost.mcp import MCPApp

            self._mcp = MCPApp(self)
        return self._mcp

    # Middleware -------------------------------------------------------------------------------------------------

    def before_request(self, endpoint: str | None = None) -> Callable[[Handler], Handler]:
        """Decorates what is called with each request before its handler, in order of registration.

        It returns None or the request, and the next one follows; another result is the response: no further before
        handler and no handler is called. That of a router goes with the router's paths alone, and after those of the
        routers around it. It is called for paths of its that no route has, too, and not for WebSockets, whose own
        handlers answer the handshake (`accept=False`).

        Args:
            endpoint: a path or a pattern ("/api/*" includes "/api"), below the router's prefix; None for all, which
                `@app.before_request` means as well.
        """

        def register(handler: Handler) -> Handler:
            self._before.append(Step(handler, _step_pattern(endpoint), after=False))
            return handler

        return _decorator(register, endpoint)

    def after_request(self, endpoint: str | None = None) -> Callable[[Handler], Handler]:
        """Decorates what is called with (response) or (request, response) after the handler, in order of registration.

        It may change the response, or return another one. It sees every response: those of before handlers and those
        in place of an exception as well. That of a router is called before those of the routers around it.

        Args:
            endpoint: as for `before_request`.
        """

        def register(handler: Handler) -> Handler:
            self._after.append(Step(handler, _step_pattern(endpoint), after=True))
            return handler

        return _decorator(register, endpoint)

    def add_request_header(self, key: str, value: str) -> None:
        """Every request of this application or router has one more value of this header, beside those it came with."""
        self._request_headers.append(key, value)

    def set_request_header(self, key: str, value: str) -> None:
        """Every request of this application or router has this header with this value, whatever the client sent."""
        self._request_headers.set(key, value)

    def add_response_header(self, key: str, value: str) -> None:
        """Every response of this application or router gets one more value of this header; after handlers see it."""
        self._response_headers.append(key, value)

    def set_response_header(self, key: str, value: str) -> None:
        """Every response of this application or router that has none gets this header; after handlers see it."""
        self._response_headers.set(key, value)

    def exclude_response_headers_for(self, excluded_response_headers_paths: Sequence[str] | None) -> None:
        """Leaves these headers out of the responses of some paths or patterns ("/docs", "/raw/*"),
        below the router's prefix."""
        self._response_headers.exclude(excluded_response_headers_paths)

    def exception(self, handler: Handler) -> Handler:
        """Decorates what is called with (error) or (request, error) for each exception; its result is the answer.

        Not for requests that do not fit a handler's signature or that no route has: those have handlers of their own,
        see `exception_handler`.
        """
        self._errors.add(Exception, handler)
        return handler

    def exception_handler(self, kind: type[BaseException] | int) -> Callable[[Handler], Handler]:
        """Decorates what is called with (error) or (request, error) for some exceptions; its result is the answer.

        Args:
            kind: a type of exceptions, of which the nearest to the exception's own counts; or the status of an
                HTTPException: 404 and 405 are also for paths of the application that no route answers, 500 is for all
                exceptions that nobody answers.

        Raises:
            TypeError: it is none of both.
        """
        if not isinstance(kind, (type, int)):
            raise TypeError("exception_handler takes a type of exceptions or a status; for all there is `exception`")

        def register(handler: Handler) -> Handler:
            self._errors.add(kind, handler)
            return handler

        return register

    def configure_authentication(self, authentication_handler: AuthenticationHandler) -> None:
        """Says who may call routes that are `auth_required`, here and in included routers without such a handler."""
        self.authentication_handler = authentication_handler

    @property
    def router(self) -> Router:
        """This router, by the name that Robyn has for where routes are kept."""
        return self

    @property
    def routes(self) -> list[Route]:
        """What was registered here, included routers aside; see `App.all_routes`."""
        return list(self._routes)

    def get_routes(self) -> list[Route]:
        """As `routes`."""
        return self.routes

    # Dependencies -----------------------------------------------------------------------------------------------

    def inject(self, **dependencies: Any) -> None:
        """Gives handlers of this router these values, by name and in `router_dependencies`."""
        self.router_dependencies.update(dependencies)

    def inject_global(self, **dependencies: Any) -> None:
        """Gives all handlers of the application these values, by name and in `global_dependencies`."""
        self.global_dependencies.update(dependencies)

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

    def lifespan(self, function: Callable[[], AsyncGenerator[object, None]]) -> Callable[[], Any]:
        """Decorates an `async def` with one `yield`: what is before it runs as a startup handler, the rest at shutdown.

        @app.lifespan
        async def database():
            async with connect() as app.state.database:
                yield
        """
        running: list[AsyncGenerator[object, None]] = []

        async def start() -> None:
            generator = function()
            await anext(generator)
            running.append(generator)

        async def stop() -> None:
            async for _ in running.pop():
                raise RuntimeError(f"{name_of(function)} yields more than once")

        start.__wrapped__ = stop.__wrapped__ = function  # type: ignore[attr-defined]
        self.startup_handler(start)
        self.shutdown_handler(stop)
        return function


class SubRouter(Router):
    """A part of an application: routes below a prefix, with middleware of their own.

    users = SubRouter(__file__, prefix="/users")

    @users.get("/:id")
    def read_user(id: int) -> dict[str, int]:
        return {"id": id}

    app.include_router(users)

    `SubRouter("/users")` and `SubRouter(prefix="/users")` mean the same.

    Args:
        file_object: `__file__` of its module, or `__name__`; not needed.
        prefix: what the paths of all its routes begin with.
        tags: added to the tags of its routes in the documentation.
    """

    def __init__(
        self,
        file_object: str | None = None,
        prefix: str | None = None,
        *,
        tags: Sequence[str] | None = None,
        config: Any = None,
        openapi: Any = None,
    ) -> None:
        if prefix is None and file_object is not None and not _names_a_module(file_object):
            file_object, prefix = None, file_object
        super().__init__(file_object or "", prefix or "")
        self.tags = list(tags or ())


def _step_pattern(endpoint: Any) -> str | None:
    return None if endpoint is None or callable(endpoint) else _pattern.checked(endpoint.rstrip("/") or "/")


def _decorator(register: Callable[[Handler], Handler], endpoint: Any) -> Callable[[Handler], Handler]:
    """What `@app.before_request` is where it stands without parentheses: given the handler as the endpoint."""
    return register(endpoint) if callable(endpoint) else register


def _takes_nothing(handler: Callable[..., Any]) -> None:
    if signature(handler).required:
        raise TypeError(f"{name_of(handler)}: a startup or shutdown handler takes no arguments")


def _names_a_module(text: str) -> bool:
    """Whether it is some module's `__file__` or `__name__`, not a prefix."""
    if text.startswith("/"):
        return text.endswith(".py") and os.path.isfile(text)
    return text == "__main__" or "." in text


def _listed(methods: Iterable[str]) -> list[str]:
    # An enum's member, such as Robyn's HttpMethod.GET, is one method.
    return list(methods) if hasattr(methods, "__iter__") else [str(methods)]
