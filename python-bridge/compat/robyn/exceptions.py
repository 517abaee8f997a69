"""Exceptions that are answers."""

from roost.exceptions import HTTPException, WebSocketException

__all__ = ["HTTPException", "WebSocketException"]
