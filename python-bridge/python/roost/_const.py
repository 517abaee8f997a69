"""`const` routes: their handler is called once in each worker, when its startup handlers have run."""

from __future__ import annotations

from roost._native import Headers, Response, request_for_test, to_response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from roost.router import Route


class Constant:
    """What stands for the handler of a const route: called, it gives a copy of the response that was made at start.

    Where no middleware is meant for the route, nothing of this is called: the server itself answers with `response`.

    Args:
        route: for messages, and for the request that the handler is called with if it takes one: a GET without fields.
        call, asynchronous, takes_request: the handler, bound.
    """

    __slots__ = ("_call", "_route", "_takes_request", "compute", "response")

    def __init__(self, route: Route, call: Callable[..., Any], asynchronous: bool, takes_request: bool) -> None:
        self._route = route
        self._call = call
        self._takes_request = takes_request
        self.response: Response | None = None
        # A startup handler.
        self.compute: Callable[[], Any] = self._compute_async if asynchronous else self._compute

    def _compute(self) -> None:
        try:
            self._keep(self._call(*self._arguments()))
        except Exception as error:
            error.add_note(self._place())
            raise

    async def _compute_async(self) -> None:
        try:
            self._keep(await self._call(*self._arguments()))
        except Exception as error:
            error.add_note(self._place())
            raise

    def _keep(self, result: object) -> None:
        made = to_response(result)
        if type(made) is not Response:
            raise TypeError(f"a const route's response is kept whole: it cannot be a {type(made).__name__}")
        self.response = made

    def _arguments(self) -> tuple[Any, ...]:
        return (request_for_test(self._route.methods[0], self._route.pattern),) if self._takes_request else ()

    def _place(self) -> str:
        return f"(the const route {self._route.pattern}, {self._route.place}, is computed at start)"

    def __call__(self) -> Response:
        made = self.response
        if made is None:
            raise RuntimeError(f"the startup handlers have not run {self._place()}")
        return Response(made.status_code, Headers(made.headers), made.body)
