"""Routing through the front door: host, literal, parameter, remainder, methods, redirects, and what is decoded when."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from server_process import RoostServer

CONFIGURATION = """
server: { listen: 127.0.0.1:0, processes: 1, access_log: { format: none } }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /, respond: { body: root } }
  - { path: /users/new, respond: { body: literal } }
  - { path: /users/:id, respond: { body: parameter } }
  - { path: /users/*rest, respond: { body: remainder } }
  - { path: /users/:id/posts, methods: [POST], respond: { body: posts } }
  - { path: /show/:one/:two, plugin: probe.describe }
  - { path: /rest/*rest, plugin: probe.describe }
  - { path: /api/*, respond: { body: api } }
  - { path: /slash/, respond: { body: slash } }
  - { path: /any, methods: [GET], respond: { body: got } }
  - { path: /any, methods: [POST], respond: { body: posted } }
  - { path: /caf%C3%A9, respond: { body: coffee } }
  - { path: /dir, directory: files }
  - { host: other.example, path: /, respond: { body: other root } }
  - { host: other.example, path: /users/:id, respond: { body: other user } }
  - { path: /old/:id, redirect: "/new/:id" }
  - { path: /moved/*rest, redirect: "https://elsewhere.example/*rest", status: 301 }
"""


@pytest.fixture(scope="module")
def server(module_server: Callable[..., RoostServer]) -> RoostServer:
    return module_server(CONFIGURATION, {"files/index.html": "directory"})


def ask(server: RoostServer, target: str, method: str = "GET", host: str = "a") -> tuple[int, str, dict[str, str]]:
    """The target exactly as written, which clients would tidy up."""
    with server.connect() as connection:
        connection.send(f"{method} {target} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        response = connection.read_response(method)
        return response.status, response.body.decode(), response.headers


@pytest.mark.parametrize(
    "target, body",
    [
        ("/", "root"),
        ("/?query", "root"),
        ("/users/new", "literal"),
        ("/users/%6eew", "literal"),
        ("/users/7", "parameter"),
        ("/users/a%2Fb", "parameter"),
        ("/users/7/8", "remainder"),
        ("/users/7/posts", "remainder"),
        ("/users", "remainder"),
        ("/api", "api"),
        ("/api/", "api"),
        ("/api/a/b/c", "api"),
        ("/slash/", "slash"),
        ("/caf%C3%A9", "coffee"),
        ("/caf%c3%a9", "coffee"),
        ("/users/x/../new", "literal"),
        ("/users/x/%2e%2E/new", "literal"),
        ("/./users/./new", "literal"),
        ("/dir/", "directory"),
    ],
)
def test_target_reaches_its_route(server: RoostServer, target: str, body: str) -> None:
    assert ask(server, target)[:2] == (200, body)


@pytest.mark.parametrize("target", ["/nothing", "/slash", "/any/", "/users%2Fnew", "/show/one", "/Users/new", "//"])
def test_target_without_a_route_is_404(server: RoostServer, target: str) -> None:
    assert ask(server, target)[0] == 404


@pytest.mark.parametrize("target", ["/users/%", "/users/%4", "/users/%zz", "/users/%00", "/users/a%00b"])
def test_malformed_path_is_400(server: RoostServer, target: str) -> None:
    assert ask(server, target)[0] == 400


@pytest.mark.parametrize("target", ["/..", "/../users/new", "/%2e%2e/users/new", "/users/../../etc/passwd"])
def test_path_above_the_root_is_refused(server: RoostServer, target: str) -> None:
    assert ask(server, target)[0] in (400, 404)


@pytest.mark.parametrize(
    "target, parameters",
    [
        ("/show/a/b", ["one=a", "two=b"]),
        ("/show/a%20b/%C3%A9", ["one=a b", "two=é"]),
        ("/show/a%2Fb/c", ["one=a/b", "two=c"]),
        ("/show/%2561/c", ["one=%61", "two=c"]),
        ("/show/a+b/c", ["one=a+b", "two=c"]),
        ("/rest/a/b", ["rest=a/b"]),
    ],
)
def test_parameters_are_decoded_once(server: RoostServer, target: str, parameters: list[str]) -> None:
    body = ask(server, target)[1]
    assert [line.removeprefix("param ") for line in body.splitlines() if line.startswith("param ")] == parameters


def test_method_chooses_among_routes(server: RoostServer) -> None:
    assert ask(server, "/any")[1] == "got"
    assert ask(server, "/any", "POST")[1] == "posted"
    status, _, headers = ask(server, "/any", "PUT")
    assert (status, sorted(headers["allow"].split(", "))) == (405, ["GET", "HEAD", "OPTIONS", "POST"])


def test_less_specific_route_answers_a_method_that_the_specific_one_lacks(server: RoostServer) -> None:
    assert ask(server, "/users/7/posts", "POST")[1] == "posts"
    assert ask(server, "/users/7/posts", "GET")[1] == "remainder"


@pytest.mark.parametrize(
    "host, target, body",
    [
        ("other.example", "/", "other root"),
        ("OTHER.example:8080", "/users/new", "other user"),
        ("x.other.example", "/", "root"),
        ("other.example", "/api/x", "api"),
        ("a", "http://other.example/", "other root"),
        ("other.example", "http://a/", "root"),
    ],
)
def test_host_chooses_the_route(server: RoostServer, host: str, target: str, body: str) -> None:
    assert ask(server, target, host=host)[:2] == (200, body)


@pytest.mark.parametrize(
    "target, status, location",
    [
        ("/old/7", 308, "/new/7"),
        ("/old/7?a=b", 308, "/new/7?a=b"),
        ("/old/a%2Fb%20c", 308, "/new/a%2Fb%20c"),
        ("/old/%0d%0aSet-Cookie:a=b", 308, "/new/%0D%0ASet-Cookie%3Aa%3Db"),
        ("/moved/a/b", 301, "https://elsewhere.example/a/b"),
        ("/dir", 308, "/dir/"),
        ("/dir?a", 308, "/dir/?a"),
    ],
)
def test_redirect(server: RoostServer, target: str, status: int, location: str) -> None:
    found, _, headers = ask(server, target)
    assert (found, headers["location"]) == (status, location)


def test_ten_thousand_routes(roost_server: Callable[..., RoostServer]) -> None:
    routes = "\n".join(f"  - {{ path: /r{i}/:x/end, respond: {{ body: 'answer {i}' }} }}" for i in range(10_000))
    server = roost_server(f"server: {{ listen: 127.0.0.1:0, access_log: {{ format: none }} }}\nroutes:\n{routes}\n")
    with httpx.Client(base_url=server.url) as client:
        for i in (0, 4999, 9999):
            assert client.get(f"/r{i}/x/end").text == f"answer {i}"
        assert client.get("/r10000/x/end").status_code == 404
