"""Statuses by name: HTTP_200_OK and the others of the standard library's `http.HTTPStatus`."""

from __future__ import annotations

from http import HTTPStatus

HTTP_306_RESERVED = 306
globals().update({f"HTTP_{status.value}_{status.name}": status.value for status in HTTPStatus})

__all__ = [name for name in globals() if name.startswith("HTTP_")]
