"""Who sends a request."""

from roost.authentication import (
    AuthenticationHandler,
    AuthenticationNotConfiguredError,
    BearerGetter,
    Identity,
    TokenGetter,
)

__all__ = ["AuthenticationHandler", "AuthenticationNotConfiguredError", "BearerGetter", "Identity", "TokenGetter"]
