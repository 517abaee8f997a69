"""ALLOW_CORS, in process."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("roost")

from roost import ALLOW_CORS, App, Request, Response
from roost.testing import TestClient


def _cors_client(origins: Any) -> TestClient:
    app = App(__file__)

    @app.before_request()
    def authenticate(request: Request) -> Response | None:
        return None if request.headers.get("authorization") else Response(401, {}, "who?")

    app.add_route("GET POST", "/x", lambda: "x")
    ALLOW_CORS(app, origins)
    client = TestClient(app)
    client.headers["Authorization"] = "me"
    return client


def test_cors_names_an_allowed_origin() -> None:
    client = _cors_client(["https://a.example", "https://b.example"])
    answer = client.get("/x", headers={"Origin": "https://b.example"})
    assert answer.headers["access-control-allow-origin"] == "https://b.example"
    assert answer.headers["access-control-allow-credentials"] == "true"
    assert answer.headers["vary"] == "Origin"
    assert "access-control-allow-origin" not in client.get("/x").headers


def test_cors_refuses_other_origins_but_its_own() -> None:
    client = _cors_client("https://a.example")
    refused = client.post("/x", headers={"Origin": "https://evil.example"})
    assert refused.status_code == 403
    assert "access-control-allow-origin" not in refused.headers
    assert client.post("/x", headers={"Origin": "http://testserver"}).status_code == 200


def test_cors_star_allows_all_without_credentials() -> None:
    answer = _cors_client("*").get("/x", headers={"Origin": "https://any.example"})
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers


def test_cors_answers_preflight_before_other_middleware_and_marks_refusals() -> None:
    client = _cors_client(["https://a.example"])
    client.headers.clear()
    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    preflight = client.options("/x", headers=ask)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "https://a.example"
    assert "POST" in preflight.headers["access-control-allow-methods"]
    assert "Authorization" in preflight.headers["access-control-allow-headers"]
    refused = client.get("/x", headers={"Origin": "https://a.example"})
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, "https://a.example")
    missing = client.get("/missing", headers={**ask, "Authorization": "me"})
    assert (missing.status_code, missing.headers["access-control-allow-origin"]) == (404, "https://a.example")
    wrong = client.patch("/x", headers={"Origin": "https://a.example", "Authorization": "me"})
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, HEAD, OPTIONS, POST")
    assert wrong.headers["access-control-allow-origin"] == "https://a.example"


def test_cors_preflight_has_the_session_that_after_handlers_read() -> None:
    app = App(__file__)
    app.configure_sessions("key")
    app.get("/x")(lambda: "x")
    ALLOW_CORS(app, ["https://a.example"])

    @app.after_request()
    def show(request: Request, response: Response) -> None:
        response.headers["X-User"] = request.session.get("user", "nobody")

    ask = {"Origin": "https://a.example", "Access-Control-Request-Method": "POST"}
    preflight = TestClient(app).options("/x", headers=ask)
    assert (preflight.status_code, preflight.headers["x-user"]) == (204, "nobody")


def test_cors_any_header_is_named_back_as_credentials_may_come() -> None:
    app = App(__file__)
    app.add_route("GET", "/x", lambda: "x")
    ALLOW_CORS(app, ["https://a.example"], headers=["*"])
    ask = {
        "Origin": "https://a.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "x-own, x-other",
    }
    answer = TestClient(app).options("/x", headers=ask)
    assert answer.headers["access-control-allow-headers"] == "x-own, x-other"
    assert answer.headers["vary"] == "Origin, Access-Control-Request-Headers"


def test_cors_marks_the_500_of_a_handler_that_raised() -> None:
    app = App(__file__)
    ALLOW_CORS(app, ["https://a.example"])

    @app.get("/x")
    def failing() -> None:
        raise LookupError

    answer = TestClient(app, raise_exceptions=False).get("/x", headers={"Origin": "https://a.example"})
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (500, "https://a.example")
