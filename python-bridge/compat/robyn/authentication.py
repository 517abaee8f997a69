"""Who sends a request."""

from roost import Headers, Request, Response, authentication
from roost.authentication import AuthenticationHandler, AuthenticationNotConfiguredError, Identity


class TokenGetter(authentication.TokenGetter):
    """As Roost's; a 401 challenges with the name of the class, whole."""

    @property
    def scheme(self) -> str:
        """What WWW-Authenticate says, as clients of an application on Robyn know it."""
        return type(self).__name__


class BearerGetter(TokenGetter, authentication.BearerGetter):
    """Roost's, which challenges with its own name."""


__all__ = [
    "AuthenticationHandler",
    "AuthenticationNotConfiguredError",
    "BearerGetter",
    "Headers",
    "Identity",
    "Request",
    "Response",
    "TokenGetter",
]
