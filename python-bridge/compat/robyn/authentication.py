"""Who sends a request."""

from roost import Headers, Request, Response
from roost.authentication import (
    AuthenticationHandler,
    AuthenticationNotConfiguredError,
    BearerGetter,
    Identity,
    TokenGetter,
)

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
