"""Startup and shutdown handlers and the lifespan, in process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import pytest

pytest.importorskip("roost")

from roost import App, SubRouter
from roost.testing import TestClient


def test_hooks_run_once_on_the_loop_of_the_handlers(app: App) -> None:
    seen: list[str] = []

    @app.startup_handler
    async def start() -> None:
        app.state.loop = asyncio.get_running_loop()
        seen.append("start")

    @app.startup_handler
    def start_too() -> None:
        seen.append("start too")

    @app.shutdown_handler
    async def stop() -> None:
        assert asyncio.get_running_loop() is app.state.loop
        seen.append("stop")

    @app.get("/")
    async def handler() -> dict[str, bool]:
        return {"same": asyncio.get_running_loop() is app.state.loop}

    with TestClient(app) as client:
        assert seen == ["start", "start too"]
        assert client.get("/").json() == client.get("/").json() == {"same": True}
    assert seen == ["start", "start too", "stop"]

    lazily = TestClient(app)
    assert len(seen) == 3
    assert lazily.get("/").json() == {"same": True}
    lazily.close()
    assert seen[3:] == ["start", "start too", "stop"]


def test_startup_handler_that_raises_reaches_the_test(app: App) -> None:
    @app.startup_handler
    async def start() -> None:
        raise LookupError("no database")

    with pytest.raises(LookupError):
        TestClient(app).get("/")


def test_hook_with_parameters_is_refused(app: App) -> None:
    with pytest.raises(TypeError):
        app.startup_handler(lambda request: None)


def test_hooks_of_routers_run_too(app: App) -> None:
    seen: list[str] = []
    sub = SubRouter("/sub")
    app.include_router(sub)
    sub.startup_handler(lambda: seen.append("sub start"))
    app.startup_handler(lambda: seen.append("start"))
    sub.shutdown_handler(lambda: seen.append("sub stop"))
    app.get("/")(lambda: "")
    with TestClient(app):
        pass
    assert seen == ["start", "sub start", "sub stop"]


def test_lifespan_goes_around_the_requests(app: App) -> None:
    seen: list[str] = []

    @app.lifespan
    async def life() -> AsyncGenerator[None, None]:
        seen.append("start")
        try:
            yield
        finally:
            await asyncio.sleep(0)
            seen.append("stop")

    app.get("/")(lambda: seen.append("request"))
    with TestClient(app) as client:
        client.get("/")
    assert seen == ["start", "request", "stop"]
