"""Statuses by name: HTTP_200_OK and the others of the standard library's `http.HTTPStatus`."""

from __future__ import annotations

from http import HTTPStatus

HTTP_306_RESERVED = 306
# Aliases, too: Python 3.13 renamed some, of which Robyn has the older names.
globals().update({f"HTTP_{status.value}_{name}": status.value for name, status in HTTPStatus.__members__.items()})

__all__ = [name for name in globals() if name.startswith("HTTP_")]
