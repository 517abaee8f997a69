"""An application as a server of the Model Context Protocol: tools, resources and prompts over POST /mcp.

    @app.mcp.tool()
    def add(a: int, b: int) -> int:
        "Adds two numbers."
        return a + b

    @app.mcp.resource("notes://{id}")
    async def note(id: int) -> str: ...

    @app.mcp.prompt()
    def review(code: str) -> str:
        return f"Review this code: {code}"

Each request is answered with JSON at once: there are no sessions, so any worker may answer.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from roost import _native, _types
from roost._mcp_protocol import (
    INVALID_REQUEST,
    PARSE_ERROR,
    PROTOCOL_VERSIONS,
    MCPError,
    MCPHandler,
    error_answer,
)
from roost._native import Request, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from roost.router import Router

    Handler = TypeVar("Handler", bound=Callable[..., Any])

__all__ = ["PROTOCOL_VERSIONS", "MCPApp", "MCPError", "MCPHandler"]


class MCPApp:
    """`app.mcp`: registers tools, resources and prompts, which POST /mcp then serves.

    `allowed_origins`: pages of these origins may ask, beside those of this server and of localhost.
    """

    def __init__(self, app: Router, path: str = "/mcp") -> None:
        self.handler = MCPHandler()
        self.allowed_origins: set[str] = set()
        app.add_route("POST", path, self._answer, include_in_schema=False)

    async def _answer(self, request: Request) -> Response:
        if not self._may_ask(request):  # a page that has this server's name resolve to its own address
            return Response(403, {"Content-Type": "text/plain; charset=utf-8"}, "this origin is not allowed")
        try:
            message = request.json()
        except ValueError:
            return _json(error_answer(None, MCPError(PARSE_ERROR, "Parse error")), 400)
        if isinstance(message, list) and message:
            answers = [await self.handler.handle_request(one, request) for one in message]
            answers = [one for one in answers if one is not None]
            return _json(answers) if answers else Response(202, {}, "")
        answer = await self.handler.handle_request(message, request)
        if answer is None:
            return Response(202, {}, "")
        return _json(answer, 400 if answer.get("error", {}).get("code") == INVALID_REQUEST else 200)

    def _may_ask(self, request: Request) -> bool:
        origin = request.headers.get("origin")
        if not origin or origin in self.allowed_origins:
            return True
        host = origin.partition("://")[2]
        name = host.rpartition(":")[0] if re.search(r":\d+$", host) else host
        return host == request.headers.get("host") or name in ("localhost", "127.0.0.1", "[::1]")

    def tool(
        self, name: str | None = None, description: str | None = None, input_schema: dict[str, Any] | None = None
    ) -> Callable[[Handler], Handler]:
        """Decorates a function that clients may call; its arguments are described and checked by its annotations.

        An exception that it raises is told to the client by its message.

        Args:
            name: by default the function's.
            description: by default its docstring.
            input_schema: JSON Schema of the arguments, in place of what the annotations say.
        """

        def register(function: Handler) -> Handler:
            called = name or function.__name__
            told = description or _types.documentation(function) or f"Tool: {called}"
            self.handler.register_tool(called, function, told, input_schema)
            return function

        return register

    def resource(
        self,
        uri: str | None = None,
        name: str | None = None,
        description: str | None = None,
        mime_type: str | None = None,
    ) -> Callable[[Handler], Handler]:
        """Decorates a function that returns what clients may read: text, bytes, or what becomes JSON.

        Args:
            uri: "config://main", or with variables "notes://{id}", which are the function's parameters.
            name, description: by default from the function's name and docstring.
            mime_type: by default of text, JSON or bytes, as the result is.
        """

        def register(function: Handler) -> Handler:
            shown = name or function.__name__.replace("_", " ").title()
            told = description or _types.documentation(function) or f"Resource: {shown}"
            self.handler.register_resource(uri or f"function://{function.__name__}", shown, function, told, mime_type)
            return function

        return register

    def prompt(
        self,
        name: str | None = None,
        description: str | None = None,
        arguments: Sequence[dict[str, Any]] | None = None,
    ) -> Callable[[Handler], Handler]:
        """Decorates a function that returns a prompt: text, or a list of texts and messages.

        Args:
            name: by default the function's.
            description: by default its docstring.
            arguments: in place of what the signature says.
        """

        def register(function: Handler) -> Handler:
            called = name or function.__name__
            told = description or _types.documentation(function) or f"Prompt: {called}"
            self.handler.register_prompt(called, function, told, arguments)
            return function

        return register


def _json(value: Any, status: int = 200) -> Response:
    return Response(status, {"Content-Type": "application/json"}, _native.json_encode(value))
