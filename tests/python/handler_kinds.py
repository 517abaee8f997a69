"""Handlers for tests that hold for plain and asynchronous ones alike."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("roost")

from roost import Request


def handler_of(kind: str, work: Callable[..., Any]) -> Callable[..., Any]:
    """The function as a plain or an asynchronous handler that takes the request."""
    if kind == "plain":
        return lambda request: work(request)

    async def later(request: Request) -> Any:
        await asyncio.sleep(0)
        return work(request)

    return later


both = pytest.mark.parametrize("kind", ["plain", "async"])
