"""JSON as text."""

from __future__ import annotations

from typing import Any

from roost import _native


def jsonify(data: Any) -> str:
    """The JSON of a value."""
    return _native.json_encode(data).decode()


__all__ = ["jsonify"]
