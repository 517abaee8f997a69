"""Middleware through the front door: CORS by path, plugin middleware before and after, and their order."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from server_process import RoostServer

CONFIGURATION = """
server: { listen: 127.0.0.1:0, processes: 1, access_log: { format: none } }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
middleware:
  - cors: { origins: ["https://app.example"], credentials: true, expose_headers: [X-Method], max_age: 60s }
    paths: [/api/*]
  - cors: { origins: ["*"] }
    name: open
    paths: [/public]
  - plugin: probe.stamp
    paths: [/api/*]
    methods: [GET]
routes:
  - { path: /api, respond: { body: api } }
  - { path: /api/echo, methods: [GET, POST], plugin: probe.echo }
  - { path: /public, respond: { body: public } }
  - { path: /plain, respond: { body: plain } }
  - { path: /files, directory: www }
"""
APP = {"Origin": "https://app.example"}


@pytest.fixture(scope="module")
def client(module_server: Callable[..., RoostServer]) -> httpx.Client:
    return httpx.Client(base_url=module_server(CONFIGURATION, {"www/a.txt": "a"}).url)


@pytest.mark.parametrize("path", ["/api", "/api/echo", "/api/nothing"])
def test_allowed_origin_may_read(client: httpx.Client, path: str) -> None:
    response = client.get(path, headers=APP)
    assert response.headers["access-control-allow-origin"] == "https://app.example"
    assert response.headers["access-control-allow-credentials"] == "true"
    assert response.headers["access-control-expose-headers"] == "X-Method"
    assert "origin" in response.headers["vary"].lower()


def test_other_origin_may_not(client: httpx.Client) -> None:
    response = client.get("/api", headers={"Origin": "https://evil.example"})
    assert response.status_code == 200
    assert "access-control-allow-origin" not in response.headers
    assert "origin" in response.headers["vary"].lower()


def test_preflight(client: httpx.Client) -> None:
    asked = APP | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "X-Token"}
    response = client.options("/api/echo", headers=asked)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://app.example"
    assert "POST" in response.headers["access-control-allow-methods"]
    assert response.headers["access-control-allow-headers"] == "X-Token"
    assert response.headers["access-control-max-age"] == "60"


def test_options_that_is_no_preflight_is_answered_by_the_route(client: httpx.Client) -> None:
    assert "GET" in client.options("/api/echo").headers["allow"]


def test_every_origin(client: httpx.Client) -> None:
    response = client.get("/public", headers={"Origin": "https://anyone.example"})
    assert response.headers["access-control-allow-origin"] == "*"


def test_other_paths_are_left_alone(client: httpx.Client) -> None:
    for path in ("/plain", "/files/a.txt", "/apiary"):
        response = client.get(path, headers=APP)
        assert "access-control-allow-origin" not in response.headers
        assert "x-stamp" not in response.headers


def test_plugin_stamps_the_response_head(client: httpx.Client) -> None:
    assert client.get("/api/echo").headers["x-stamp"] == "200"


def test_plugin_ends_the_chain_and_outer_middleware_still_runs(client: httpx.Client) -> None:
    response = client.get("/api/echo", headers=APP | {"X-Deny": "1"})
    assert (response.status_code, response.text) == (403, "denied")
    assert response.headers["access-control-allow-origin"] == "https://app.example"


def test_middleware_is_bound_to_its_methods(client: httpx.Client) -> None:
    response = client.post("/api/echo", headers={"X-Deny": "1"}, content=b"body")
    assert (response.status_code, response.content) == (200, b"body")
    assert "x-stamp" not in response.headers


def test_middleware_matches_the_path_that_routing_matches(client: httpx.Client) -> None:
    for target in ("/api/%65cho", "/api/./echo", "/x/../api/echo", "/%61pi/echo"):
        request = client.build_request("GET", "/")
        request.extensions["target"] = target.encode()
        request.headers["X-Deny"] = "1"
        assert client.send(request).status_code == 403, target
