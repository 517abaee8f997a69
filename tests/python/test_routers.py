"""Routers below an application, and what is injected into both."""

from __future__ import annotations

import pytest

pytest.importorskip("roost")

from roost import App, SubRouter
from roost.testing import TestClient


def test_routes_know_what_is_injected(app: App) -> None:
    sub = SubRouter("/sub", tags=["sub"])
    inner = SubRouter("/inner", tags=["inner", "sub"])
    sub.include_router(inner)
    app.include_router(sub)
    inner.get("/", openapi_tags=["own", "sub"])(lambda: "")
    app.get("/")(lambda: "")
    app.inject(a=1, b=1)
    app.inject_global(g="app", b="global")
    sub.inject(a=2)
    inner.inject(c=3)
    inner.inject_global(g="inner", h="inner")
    root, deep = sorted(app.all_routes(), key=lambda route: route.pattern)
    assert root.dependencies == {"g": "app", "h": "inner", "a": 1, "b": 1}
    assert deep.dependencies == {"g": "app", "h": "inner", "a": 2, "b": 1, "c": 3}
    assert deep.global_dependencies == {"g": "app", "b": "global", "h": "inner"}
    assert (deep.prefix, deep.openapi_tags) == ("/sub/inner", ["sub", "inner", "own"])


def test_dependencies_are_given_to_the_application() -> None:
    app = App(__file__, dependencies={"db": 1})
    assert app.global_dependencies == {"db": 1}


def test_two_routers_with_one_route_are_refused(app: App) -> None:
    sub = SubRouter("/sub")
    app.include_router(sub)
    sub.get("/x")(lambda: "")
    app.get("/sub/x")(lambda: "")
    with pytest.raises(ValueError, match=r"GET /sub/x has two handlers: .*test_routers.py"):
        app.all_routes()


@pytest.mark.parametrize(
    ("arguments", "keywords", "prefix"),
    [
        (("/users",), {}, "/users"),
        ((), {"prefix": "/users/"}, "/users"),
        ((__file__, "/users"), {}, "/users"),
        ((__file__,), {"prefix": "users"}, "/users"),
        (("__main__",), {}, ""),
        (("a.module",), {}, ""),
        ((__file__,), {}, ""),
        ((), {}, ""),
    ],
)
def test_routers_are_made_as_for_robyn(arguments: tuple[str, ...], keywords: dict[str, str], prefix: str) -> None:
    assert SubRouter(*arguments, **keywords).prefix == prefix


def test_connect_is_no_method_of_a_path(app: App) -> None:
    with pytest.raises(ValueError, match="tunnel"):
        app.connect("/x")
    with pytest.raises(ValueError, match="CONNECT"):
        app.add_route("CONNECT", "/x", lambda: "")


def test_only_routers_are_included(app: App) -> None:
    with pytest.raises(TypeError, match="SubRouter"):
        app.include_router(App(__file__))  # type: ignore[arg-type]
    sub = SubRouter("/x")
    app.include_router(sub)
    with pytest.raises(ValueError, match="already"):
        app.include_router(sub)


def test_routers_nest_below_their_prefixes(app: App) -> None:
    outer, inner = SubRouter(__file__, prefix="/outer"), SubRouter("/inner/")
    app.include_router(outer)
    outer.include_router(inner)
    for router in (outer, inner):
        router.get("/")(lambda path_params: "root")
        router.get("/:name")(lambda name: name)
    assert [route.pattern for route in app.all_routes()] == [
        "/outer",
        "/outer/:name",
        "/outer/inner",
        "/outer/inner/:name",
    ]
    client = TestClient(app)
    assert [client.get(path).text for path in ("/outer", "/outer/x", "/outer/inner", "/outer/inner/y")] == [
        "root",
        "x",
        "root",
        "y",
    ]
    with pytest.raises(ValueError, match="itself"):
        inner.include_router(outer)
