"""Cross-origin requests (the Fetch standard's CORS protocol) for an application's routes."""

from __future__ import annotations

from roost._headers import add_vary
from roost._native import Request, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from roost.app import App

_METHODS = "GET, POST, PUT, DELETE, PATCH, HEAD, OPTIONS"


def ALLOW_CORS(app: App, origins: Sequence[str] | str, headers: Sequence[str] | str | None = None) -> None:
    """Lets pages of these origins read what the application's routes answer.

    Named origins may send credentials; "*" lets any origin, without credentials. Requests of other origins are answered
    403, preflights 204. The `cors` middleware of the YAML file does the same for all mounts.

    Args:
        origins: "https://app.example.com", several of them, or "*".
        headers: request headers that pages may send beside Content-Type and Authorization; "*" for any.
    """
    allowed = {origins} if isinstance(origins, str) else set(origins)
    wanted = [headers] if isinstance(headers, str) else list(headers or ())
    any_origin = "*" in allowed
    # With credentials "*" is a name like others (Fetch, section 3.3.2): what is asked for is named then.
    any_header = "*" in wanted
    named = ["Content-Type", "Authorization", *(name for name in wanted if name != "*")]
    allow_headers = ", ".join(dict.fromkeys(named))

    def is_allowed(request: Request, origin: str) -> bool:
        # A page of this very server: browsers send Origin for its POSTs too.
        same = origin.partition("://")[2] == (request.headers.get("host") or "")
        return any_origin or origin in allowed or same

    def refuse_or_answer_preflight(request: Request) -> Response | None:
        origin = request.headers.get("origin")
        if origin and not is_allowed(request, origin):
            return Response(403, {"Content-Type": "text/plain; charset=utf-8"}, "this origin is not allowed")
        if request.method == "OPTIONS" and origin and request.headers.get("access-control-request-method"):
            return Response(204, {"Access-Control-Max-Age": "3600"}, "")
        return None

    def add_headers(request: Request, response: Response) -> None:
        origin = request.headers.get("origin")
        if not any_origin:
            add_vary(response, "Origin")
        if not origin or (response.status_code == 403 and not is_allowed(request, origin)):
            return
        response.headers["Access-Control-Allow-Origin"] = "*" if any_origin else origin
        if not any_origin:
            response.headers["Access-Control-Allow-Credentials"] = "true"
        if request.method == "OPTIONS":
            response.headers["Access-Control-Allow-Methods"] = _METHODS
            asked = request.headers.get("access-control-request-headers") if any_header else None
            response.headers["Access-Control-Allow-Headers"] = asked or allow_headers
            if any_header:
                add_vary(response, "Access-Control-Request-Headers")

    app.surround(refuse_or_answer_preflight, add_headers)
