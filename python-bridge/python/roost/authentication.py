"""Who asks: `auth_required=True` on a route, and the application's authentication handler behind it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from roost._native import Request, Response

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


class Identity:
    """Whoever was recognised, as `request.identity`.

    Args:
        claims: what is known about them, e.g. {"user": "ada"}.
    """

    __slots__ = ("claims",)

    def __init__(self, claims: Mapping[str, Any]) -> None:
        self.claims = dict(claims)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and other.claims == self.claims

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Identity(claims={self.claims!r})"


class TokenGetter(ABC):
    """Where a request carries its token. It reads the token; to judge it is for the authentication handler."""

    @property
    def scheme(self) -> str:
        """The name of the scheme, for WWW-Authenticate (RFC 9110 section 11.6.1)."""
        return type(self).__name__.removesuffix("Getter")

    @classmethod
    @abstractmethod
    def get_token(cls, request: Request) -> str | None:
        """The token as it was sent; None when there is none."""

    @classmethod
    @abstractmethod
    def set_token(cls, request: Request, token: str) -> None:
        """Puts a token into a request."""


class BearerGetter(TokenGetter):
    """`Authorization: Bearer TOKEN` (RFC 6750 section 2.1)."""

    @classmethod
    def get_token(cls, request: Request) -> str | None:
        """The token; the word Bearer counts in any case."""
        sent: str | None = request.headers.get("authorization")
        if sent is None:
            return None
        scheme, _, token = sent.partition(" ")
        return token.strip() or None if scheme.lower() == "bearer" else None

    @classmethod
    def set_token(cls, request: Request, token: str) -> None:
        """Puts a token into a request's headers."""
        request.headers["Authorization"] = f"Bearer {token}"


class AuthenticationHandler(ABC):
    """Recognises who sent a request; `App.configure_authentication` takes one.

    class Users(AuthenticationHandler):
        async def authenticate(self, request):
            token = self.token_getter.get_token(request)
            user = await find_user(token) if token else None
            return Identity({"user": user}) if user else None

    app.configure_authentication(Users(BearerGetter()))
    """

    def __init__(self, token_getter: TokenGetter) -> None:
        self.token_getter = token_getter

    @property
    def unauthorized_response(self) -> Response:
        """What those get whom it does not know."""
        headers = {"WWW-Authenticate": self.token_getter.scheme, "Content-Type": "text/plain; charset=utf-8"}
        return Response(401, headers, "Unauthorized")

    @abstractmethod
    def authenticate(self, request: Request) -> Any:
        """The Identity of whoever sent the request, or None; a plain method or `async def`."""


class AuthenticationNotConfiguredError(Exception):
    """A route is `auth_required`, and no router around it has an authentication handler."""

    def __str__(self) -> str:
        said = super().__str__()
        return f"{said + ': ' if said else ''}use app.configure_authentication() to say who may come in"


def authentication_step(handler: AuthenticationHandler) -> Callable[[Request], Any]:
    """The before handler of routes that are `auth_required`; a coroutine function where `authenticate` is one."""
    from roost._callable import is_async

    if is_async(handler.authenticate):

        async def authenticate_later(request: Request) -> Response | None:
            identity = await handler.authenticate(request)
            if identity is None:
                return handler.unauthorized_response
            request.identity = identity
            return None

        return authenticate_later

    def authenticate(request: Request) -> Response | None:
        identity = handler.authenticate(request)
        if identity is None:
            return handler.unauthorized_response
        request.identity = identity
        return None

    return authenticate
