"""One handler and what it answers: as it was registered, and as it is mounted."""

from __future__ import annotations

from roost import _pattern
from roost._callable import name_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, TypedDict

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
    whose response the server itself gives. stream: it is called before the body is there. fallback: it takes what no
    other route answers.
    """

    __slots__ = ("asynchronous", "call", "const", "fallback", "methods", "name", "pattern", "stream", "takes_request")

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
        fallback: bool = False,
    ) -> None:
        self.methods = methods
        self.pattern = pattern
        self.call = call
        self.asynchronous = asynchronous
        self.takes_request = takes_request
        self.name = name
        self.const = const
        self.stream = stream
        self.fallback = fallback
