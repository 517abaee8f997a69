"""What binding handlers costs: no module that they do not need, and nothing left behind by a request."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Annotated, Any

import pytest
from pydantic import BaseModel
from roost import App, Depends, _native

LIGHT = """
import sys
from roost import App
app = App("app.py")

@app.get("/:id")
def plain(request): ...

@app.get("/typed/:id")
async def typed(id: int, q: str = "x", many: list[int] = []): ...

app.__roost_mount__()
print(*[name for name in ("typing", "inspect", "dataclasses", "pydantic", "asyncio", "re") if name in sys.modules])
"""


def test_handlers_need_no_heavy_module() -> None:
    folder = str(_native.__file__).rpartition("/roost/")[0]
    program = f"import sys; sys.path.insert(0, {folder!r})\n{LIGHT}"
    # Without site, which imports more in some environments.
    found = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == ""


class Item(BaseModel):
    name: str


@dataclass
class Point:
    x: int


def session() -> Iterator[str]:
    try:
        yield "session"
    finally:
        pass


async def channel(session: Annotated[str, Depends(session)]) -> AsyncIterator[str]:
    yield session


def make_app() -> App:
    app = App(__file__)

    @app.get("/values/:id")
    def values(id: int, q: list[int], b: bool = False) -> dict[str, Any]:
        return {"id": id, "q": q, "b": b}

    @app.post("/item", response_model=Item)
    async def item(item: Item) -> Item:
        return item

    @app.post("/point", status_code=201)
    def point(point: Point) -> Point:
        return point

    @app.get("/depends")
    def depends(session: Annotated[str, Depends(session)], fail: bool = False) -> str:
        if fail:
            raise ValueError("failed")
        return session

    @app.get("/later")
    async def later(channel: Annotated[str, Depends(channel)], fail: bool = False) -> str:
        if fail:
            raise ValueError("failed")
        return channel

    return app


@pytest.mark.parametrize(
    ("method", "pattern", "target", "body"),
    [
        ("GET", "/values/:id", "/values/1?q=1&q=2&b=yes", b""),
        ("GET", "/values/:id", "/values/1?q=x", b""),
        ("GET", "/values/:id", "/values/1", b""),
        ("POST", "/item", "/item", b'{"name": "a"}'),
        ("POST", "/item", "/item", b"{}"),
        ("POST", "/item", "/item", b"\xff"),
        ("POST", "/point", "/point", b'{"x": "1"}'),
        ("POST", "/point", "/point", b'{"x": []}'),
        ("GET", "/depends", "/depends", b""),
        ("GET", "/depends", "/depends?fail=1", b""),
        ("GET", "/later", "/later", b""),
        ("GET", "/later", "/later?fail=1", b""),
    ],
)
def test_request_leaves_nothing_behind(method: str, pattern: str, target: str, body: bytes) -> None:
    routes = make_app().__roost_mount__().routes
    call = next(route.call for route in routes if (route.methods, route.pattern) == (method, pattern))

    async def ask(count: int) -> None:
        for _ in range(count):
            request = _native.request_for_test(method, target, {"host": "test"}, body, {"id": "1"})
            try:
                result = call(request)
                if hasattr(result, "__await__"):
                    await result
            except Exception:
                continue

    async def measure() -> tuple[int, int]:
        await ask(50)  # caches
        gc.collect()
        gc.disable()
        try:
            before = len(gc.get_objects())
            await ask(500)
            grown = len(gc.get_objects()) - before
            return grown, gc.collect()
        finally:
            gc.enable()

    grown, garbage = asyncio.run(measure())
    assert grown < 50  # the loop's own
    assert garbage < 50
