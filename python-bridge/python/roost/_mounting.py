"""What an application contributes to the server: its routes, each bound and in the middle of its middleware."""

from __future__ import annotations

from roost import _pattern
from roost._binding import bind
from roost._callable import is_async
from roost._chain import compose
from roost._const import Constant
from roost._headers import for_directories
from roost._native import Request, Response
from roost.exceptions import Unmatched
from roost.route import MountedRoute, Route

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from roost._chain import Bound
    from roost._headers import Pairs
    from roost.app import App
    from roost.router import Router
    from roost.websocket import WebSocket
    from roost.websocket_handler import WebSocketHandler

    # A router, with what is put before its paths.
    Placed = tuple[Router, str]

    # Path, directory, index file, listing; header fields added to responses, set where they have none, and the patterns
    # of paths that get neither.
    Directory = tuple[str, str, str, bool, Pairs, Pairs, tuple[str, ...]]


class Mount:
    """What an application contributes to the server's routes; read by the bridge in the prototype."""

    def __init__(self) -> None:
        self.routes: list[MountedRoute] = []
        self.directories: list[Directory] = []
        self.websockets: list[tuple[str, WebSocket | WebSocketHandler, str]] = []  # pattern, handlers, name
        self.startup: list[Callable[[], Any]] = []
        self.shutdown: list[Callable[[], Any]] = []


def placed_routers(app: Router) -> Iterator[list[Placed]]:
    """The application and each included router, inside those that it is in, outermost first."""

    def walk(around: list[Placed]) -> Iterator[list[Placed]]:
        yield around
        router, prefix = around[-1]
        for inner in router._routers:
            yield from walk([*around, (inner, _pattern.join(prefix, inner.prefix or "/"))])

    return walk([(app, app.prefix)])


def placed_routes(app: Router) -> Iterator[tuple[list[Placed], Route]]:
    """Each route, with the routers that it is in, outermost first.

    Raises:
        ValueError: two routes have a path and a method in common.
    """
    for around in placed_routers(app):
        for name, value in around[-1][0].global_dependencies.items():
            app.global_dependencies.setdefault(name, value)
    taken: dict[tuple[str, str], Route] = {}
    for around in placed_routers(app):
        router, prefix = around[-1]
        injected = _router_dependencies(around)
        for registered in router._routes:
            route = registered.below(prefix)
            for method in route.methods:
                other = taken.setdefault((method, route.pattern), route)
                if other is not route:
                    raise ValueError(f"{method} {route.pattern} has two handlers: {other.place} and {route.place}")
            route.openapi_tags = list(dict.fromkeys(tag for outer, _ in around for tag in outer.tags))
            route.openapi_tags += [tag for tag in registered.openapi_tags if tag not in route.openapi_tags]
            route.global_dependencies = app.global_dependencies
            route.router_dependencies = injected
            route.dependencies = {**app.global_dependencies, **injected}
            yield around, route


def _router_dependencies(around: Sequence[Placed]) -> Any:
    """What is injected in these routers, the innermost first; what is injected later is there as well."""
    if len(around) == 1:
        return around[0][0].router_dependencies
    from collections import ChainMap

    return ChainMap(*(router.router_dependencies for router, _ in reversed(around)))


def _injected(app: App, around: Sequence[Placed]) -> Callable[[], dict[str, Any]]:
    """What WebSocket handlers are given."""
    mine = _router_dependencies(around)
    return lambda: {"global_dependencies": app.global_dependencies, "router_dependencies": mine}


def mount(app: App) -> Mount:
    """Binds and composes everything.

    Raises:
        TypeError, ValueError: a handler's signature, two handlers for one route, authentication that is missing.
    """
    made = Mount()
    routers = [around[-1][0] for around in placed_routers(app)]
    made.startup += [handler for router in routers for handler in router._startup]
    made.shutdown += [handler for router in routers for handler in router._shutdown]
    later = bool(made.startup)
    routes = list(placed_routes(app))
    documentation: list[tuple[str, str, str, bool]] = []
    if not app.config.disable_openapi:
        from roost._documentation import add_documentation

        added, documentation = add_documentation(app, [route for _, route in routes])
        routes += [([(app, app.prefix)], route) for route in added]
    for around, route in routes:
        bound = bind(route, app.dependency_overrides, later)
        call, asynchronous, takes_request = bound.call, bound.asynchronous, bound.takes_request
        if route.const:
            constant = Constant(route, call, asynchronous, takes_request)
            made.startup.append(constant.compute)
            call, asynchronous, takes_request = constant, False, False
        made.routes.append(_mounted(app, around, route, call, asynchronous, takes_request))
    made.routes += _fallbacks(app)
    fields = for_directories([(app._response_headers, app.prefix)])
    made.directories = [(*entry, *fields) for entry in documentation]
    for around in placed_routers(app):
        router, prefix = around[-1]
        fields = for_directories([(outer._response_headers, above) for outer, above in reversed(around)])
        for path, folder, index, listing in router._directories:
            made.directories.append((_pattern.join(prefix, path), folder, index, listing, *fields))
        known = _injected(app, around)
        for socket in router._websockets:
            pattern = _pattern.join(prefix, socket.endpoint)
            if socket.steered:
                socket.bind(pattern, known)
            made.websockets.append((pattern, socket, f"WebSocket {pattern}"))
    return made


def _steps(app: App, around: Sequence[Placed], route: Route) -> tuple[list[Bound], list[Bound]]:
    """The before and the after handlers that are meant for a route."""
    before = [step.on("", route.pattern) for step in app._first_steps()]
    before += [first.on("", route.pattern) for first, _ in app._around]
    before.append(app._request_headers.on("", route.pattern))
    after = [router._response_headers.on(prefix, route.pattern) for router, prefix in reversed(around)]
    for router, prefix in around:
        if router is not app:
            before.append(router._request_headers.on(prefix, route.pattern))
        before += [step.on(prefix, route.pattern) for step in router._before]
    for router, prefix in reversed(around):  # innermost first
        after += [step.on(prefix, route.pattern) for step in router._after]
    after += [step.on("", route.pattern) for step in app._last_steps()]
    if route.auth_required:
        before.append(_authentication(around, route))
    after += [last.on("", route.pattern) for _, last in reversed(app._around)]
    return [step for step in before if step], [step for step in after if step]


def _authentication(around: Sequence[Placed], route: Route) -> Bound:
    from roost.authentication import AuthenticationNotConfiguredError, authentication_step

    for router, _ in reversed(around):
        if router.authentication_handler is not None:
            step = authentication_step(router.authentication_handler)
            return step, 1, is_async(step), None
    raise AuthenticationNotConfiguredError(f"{route.place}: {' '.join(route.methods)} {route.pattern} is auth_required")


def _mounted(
    app: App,
    around: Sequence[Placed],
    route: Route,
    call: Callable[..., Any],
    asynchronous: bool,
    takes_request: bool,
    fallback: bool = False,
) -> MountedRoute:
    """The handler composed with what is meant for its route."""
    before, after = _steps(app, around, route)
    errors = [router._errors for router, _ in reversed(around)]
    plain = not before and not after and not (any(errors) and not route.const)
    if not plain:
        call, asynchronous, takes_request = compose(call, asynchronous, takes_request, before, after, errors)
    return MountedRoute(
        " ".join(route.methods),
        route.pattern,
        call,
        asynchronous,
        takes_request,
        route.name,
        route.const and plain,
        route.stream,
        fallback,
    )


def _fallbacks(app: App) -> Iterator[MountedRoute]:
    """What answers paths and methods that no route has, where the server's own answer is not what they would give."""
    for around in placed_routers(app):
        router, prefix = around[-1]
        route = Route((), _pattern.join(prefix, "/*"), unmatched)
        route.name = "unmatched"
        headers = router._response_headers.on(prefix, route.pattern)
        mine = headers or router._before or router._after or router._errors.answers_unmatched
        if mine or (router is app and any(_steps(app, around, route))):
            yield _mounted(app, around, route, unmatched, False, True, fallback=True)


def unmatched(request: Request) -> Response:
    """404, 405 with the methods that the path has, or the answer to OPTIONS."""
    allow = request.path_params.get("allow")
    if allow is None:
        raise Unmatched(404)
    if request.method == "OPTIONS":
        return Response(204, {"Allow": allow}, None)
    raise Unmatched(405, headers={"Allow": allow})
