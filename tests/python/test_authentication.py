"""Authentication handlers and identities, in process."""

from __future__ import annotations

import asyncio

import pytest

pytest.importorskip("roost")

from roost import App, AuthenticationHandler, BearerGetter, Identity, Request, SubRouter
from roost.authentication import AuthenticationNotConfiguredError
from roost.testing import TestClient

from handler_kinds import both, handler_of


class Users(AuthenticationHandler):
    def authenticate(self, request: Request) -> Identity | None:
        token = self.token_getter.get_token(request)
        return Identity({"user": token}) if token and token != "wrong" else None


class LaterUsers(Users):
    async def authenticate(self, request: Request) -> Identity | None:  # type: ignore[override]
        await asyncio.sleep(0)
        return super().authenticate(request)


@both
@pytest.mark.parametrize("users", [Users, LaterUsers])
def test_auth_required(app: App, kind: str, users: type[AuthenticationHandler]) -> None:
    app.configure_authentication(users(BearerGetter()))
    sub = SubRouter("/sub")
    app.include_router(sub)
    for router in (app, sub):
        router.get("/me", auth_required=True)(handler_of(kind, lambda request: request.identity.claims))
        router.get("/open")(handler_of(kind, lambda request: str(request.identity)))
    client = TestClient(app)
    for prefix in ("", "/sub"):
        for headers in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "Basic x"},
            {"Authorization": "Bearer"},
        ):
            answer = client.get(f"{prefix}/me", headers=headers)
            assert (answer.status_code, answer.text) == (401, "Unauthorized"), headers
            assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get(f"{prefix}/me", headers={"Authorization": "bearer ada"}).json() == {"user": "ada"}
        assert client.get(f"{prefix}/open").text == "None"


def test_router_with_a_handler_of_its_own(app: App) -> None:
    class Nobody(AuthenticationHandler):
        def authenticate(self, request: Request) -> None:
            return None

    app.configure_authentication(Users(BearerGetter()))
    sub = SubRouter("/sub")
    sub.configure_authentication(Nobody(BearerGetter()))
    app.include_router(sub)
    for router in (app, sub):
        router.get("/x", auth_required=True)(lambda: "x")
    client = TestClient(app)
    headers = {"Authorization": "Bearer ada"}
    assert (client.get("/x", headers=headers).status_code, client.get("/sub/x", headers=headers).status_code) == (
        200,
        401,
    )


def test_auth_required_without_a_handler_is_an_error_at_start(app: App) -> None:
    app.get("/x", auth_required=True)(lambda: "x")
    with pytest.raises(AuthenticationNotConfiguredError, match=r"test_authentication\.py:\d+: GET /x"):
        app.__roost_mount__()
