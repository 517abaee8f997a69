"""Routes and what goes with them: what applications and their parts (`SubRouter`) have in common."""

from __future__ import annotations

import os

from roost import _pattern
from roost._callable import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from typing import Any, TypedDict, TypeVar, Unpack

    from roost.websocket import WebSocket
    from roost.websocket_handler import WebSocketHandler

    Handler = TypeVar("Handler", bound=Callable[..., Any])

    class RouteOptions(TypedDict, total=False):
        """What a decorator takes beside the path, see `Router.add_route`."""

        const: bool
        stream: bool
        auth_required: bool
        status_code: int | None
        response_model: Any
        responses: dict[int | str, Any] | None
        openapi_name: str
        openapi_tags: Sequence[str] | None
        deprecated: bool
        include_in_schema: bool


METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT")


class Route:
    """One handler with the methods and the pattern that it answers; what it was registered with, unbound.

    `pattern` is below the application's mount once the application lists it (`App.all_routes`), `prefix` what the
    routers around it put before it, `dependencies` all that is injected there, the nearest first.
    """

    __slots__ = (
        "auth_required",
        "const",
        "dependencies",
        "deprecated",
        "global_dependencies",
        "handler",
        "include_in_schema",
        "methods",
        "name",
        "openapi_name",
        "openapi_tags",
        "pattern",
        "prefix",
        "response_model",
        "responses",
        "router_dependencies",
        "status_code",
        "stream",
    )

    def __init__(self, methods: tuple[str, ...], pattern: str, handler: Callable[..., Any]) -> None:
        self.methods = methods
        self.pattern = pattern
        self.handler = handler
        self.name = name_of(handler)
        self.const = False
        self.stream = False
        self.auth_required = False
        self.status_code: int | None = None
        self.response_model: Any = None
        self.responses: dict[int | str, Any] = {}
        self.openapi_name = ""
        self.openapi_tags: list[str] = []
        self.deprecated = False
        self.include_in_schema = True
        self.prefix = ""
        self.global_dependencies: dict[str, Any] = {}
        self.router_dependencies: dict[str, Any] = {}
        self.dependencies: dict[str, Any] = {}

    def below(self, prefix: str) -> Route:
        """A copy whose pattern begins with the prefix."""
        made = Route.__new__(Route)
        for name in Route.__slots__:
            setattr(made, name, getattr(self, name))
        made.pattern = _pattern.join(prefix, self.pattern)
        made.prefix = prefix
        return made

    @property
    def place(self) -> str:
        """Where the handler is written: "file:line", for messages."""
        code = getattr(getattr(self.handler, "__func__", self.handler), "__code__", None)
        return f"{code.co_filename}:{code.co_firstlineno}" if code is not None else "?"

    def __repr__(self) -> str:
        return f"<Route {' '.join(self.methods)} {self.pattern} {self.name}>"


class MountedRoute:
    """A route as the bridge serves it.

    methods: separated by spaces. call: the handler, bound, in the middle of its middleware. asynchronous: it is a
    coroutine function. takes_request: it is called with the request, else with nothing. const: it is a `Constant`,
    whose response the server itself gives. stream: it is called before the body is there.
    """

    __slots__ = ("asynchronous", "call", "const", "methods", "name", "pattern", "stream", "takes_request")

    def __init__(
        self,
        methods: str,
        pattern: str,
        call: Callable[..., Any],
        asynchronous: bool,
        takes_request: bool,
        name: str,
        const: bool = False,
        stream: bool = False,
    ) -> None:
        self.methods = methods
        self.pattern = pattern
        self.call = call
        self.asynchronous = asynchronous
        self.takes_request = takes_request
        self.name = name
        self.const = const
        self.stream = stream


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
            endpoint: literal segments, `:name` for one segment, a trailing `*` or `*name` for the remainder.
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
        route = Route(methods, _pattern.checked(endpoint), handler)
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

    def include_router(self, router: SubRouter) -> None:
        """Adds all that a router has, and will have, below this one's prefix and its own.

        Raises:
            ValueError: it includes this one, or is included already.
        """
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
            accept: False: the handler answers the handshake, by `accept()` or `close()`.
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


def _names_a_module(text: str) -> bool:
    """Whether it is some module's `__file__` or `__name__`, not a prefix."""
    if text.startswith("/"):
        return text.endswith(".py") and os.path.isfile(text)
    return text == "__main__" or "." in text


def _listed(methods: Iterable[str]) -> list[str]:
    # An enum's member, such as Robyn's HttpMethod.GET, is one method.
    return list(methods) if hasattr(methods, "__iter__") else [str(methods)]
