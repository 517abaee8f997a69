"""The command line: each command, its exit status, and what it says about the most likely mistakes."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

Cli = Callable[..., subprocess.CompletedProcess[str]]

SITE = """
server: { listen: 127.0.0.1:0 }
middleware:
  - cors: { origins: ["https://app.example.com"] }
    name: api_cors
    paths: [/api/*]
routes:
  - { path: /, respond: { body: "home" } }
  - { path: /api/users/:id, respond: { body: "user" } }
  - { path: /api/users/me, methods: [POST], respond: { body: "me" } }
  - { path: /old/:id, redirect: /new/:id, status: 308 }
  - { path: /files, directory: . }
"""


ONE_ROUTE = "routes:\n  - { path: /, respond: { body: x } }\n"


# Usage --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["srve", "x.yaml"], 'roost: unknown command "srve" (did you mean "serve"?)'),
        (["serve", "--devel", "x.yaml"], "roost serve: unknown option --devel (did you mean"),
        (["check", "--stric", "x.yaml"], 'unknown option --stric (did you mean "--strict"?)'),
        (["check"], "roost check: FILE is required"),
        (["check", "a.yaml", "b.yaml"], '"b.yaml" is one argument too many'),
        ([], "roost: a command is missing (known: serve, check, routes, explain, reload, stop, status"),
        (["plugin", "nw"], 'roost plugin: unknown command "nw" (did you mean "new"?)'),
        (["explain", "a.yaml", "GET", "nowhere"], '"nowhere" does not begin with /'),
    ],
)
def test_bad_usage_ends_with_2_and_says_how_it_was_meant(roost_cli: Cli, args: list[str], says: str) -> None:
    done = roost_cli(*args)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert done.stdout == ""


def test_help_and_version(roost_cli: Cli) -> None:
    version = roost_cli("--version")
    assert (version.returncode, version.stderr) == (0, "")
    assert version.stdout.startswith("roost ")
    help_text = roost_cli("--help")
    assert help_text.returncode == 0
    for name in ("serve", "check", "routes", "explain", "reload", "stop", "status", "plugin"):
        assert name in help_text.stdout
    assert "--strict" in roost_cli("check", "--help").stdout


# Mistakes in a file -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("yaml", "says"),
    [
        ("routes: [\n", "a.yaml:2:1: this is not YAML"),
        ("server: {}\n", 'a.yaml:1:1: the key "routes" is missing'),
        ("", "a.yaml: a map with the keys server, plugins, middleware and routes is expected"),
        ("server:\n\tprocesses: 2\n" + ONE_ROUTE, "a tab stands here: indent with spaces"),
        (
            "server:\n  processes: 1\n   threads: 1\n" + ONE_ROUTE,
            "a.yaml:3:11: this is not YAML: illegal map value; a key stands deeper than its neighbours",
        ),
        (
            "routes:\n  - { path: '/users/{id}', respond: { body: x } }\n",
            'a.yaml:2:13: routes[0].path: "/users/{id}": a parameter is written :id, not {id} '
            "(or *id for all that remains)",
        ),
        (
            "routes:\n  - { path: '/users/<int:id>', respond: { body: x } }\n",
            "a parameter is written :id, not <int:id>",
        ),
        (
            "routes:\n  - { path: /, methods: [GET, PSOT], respond: { body: x } }\n",
            'a.yaml:2:25: routes[0].methods: "PSOT" is no method; did you mean POST?',
        ),
        (
            "routes:\n  - { path: /, respond: { bdy: x } }\n",
            'a.yaml:2:27: routes[0].respond: there is no key "bdy" (did you mean "body"?)',
        ),
        ("route:\n  - { path: /, respond: { body: x } }\n", "a.yaml:1:1: "),
        (
            "server: { proceses: 2 }\n" + ONE_ROUTE,
            'a.yaml:1:11: server: there is no key "proceses" (did you mean "processes"?)',
        ),
        ("server: { processes: many }\n" + ONE_ROUTE, 'a.yaml:1:22: server.processes: "many"'),
        ("server: { limits: { body_bytes: 10MB } }\n" + ONE_ROUTE, 'a.yaml:1:33: server.limits.body_bytes: "10MB"'),
        ("server: { timeouts: { drain: 30 } }\n" + ONE_ROUTE, 'a.yaml:1:30: server.timeouts.drain: "30"'),
        ("server: { listen: 8080 }\n" + ONE_ROUTE, 'a.yaml:1:19: server.listen: "8080" is no address'),
        (
            "routes:\n  - { path: /a, respond: { body: x } }\n  - { path: /a, respond: { body: y } }\n",
            "a.yaml:3:13: routes[1].path: GET /a (respond 200) is taken: GET /a (respond 200) stands at a.yaml:2:5",
        ),
        ("routes:\n  - { path: /, plugin: helo.greet }\n", "a.yaml:2:"),
        (
            "plugins: { hello: { library: libroost_helo.so } }\nroutes:\n  - { path: /, plugin: hello.greet }\n",
            "a.yaml:1:",
        ),
        (
            "routes:\n  - { path: /, directory: not-there }\n",
            'a.yaml:2:27: routes[0].directory: "not-there" is no directory',
        ),
        ("routes:\n  - { path: /old/:id, redirect: /new/:nr }\n", 'routes[0].redirect: "/new/:nr" names "nr"'),
        (
            "server: { listen: [{ address: 127.0.0.1:1, tls: { certificate: a, key: b } }] }\n" + ONE_ROUTE,
            "not supported yet",
        ),
        ("redis: rediss://localhost\n" + ONE_ROUTE, "a.yaml:1:8: redis: TLS to Redis is not supported yet"),
    ],
)
def test_check_names_place_and_remedy(roost_cli: Cli, yaml: str, says: str) -> None:
    done = roost_cli("check", "a.yaml", files={"a.yaml": yaml})
    assert done.returncode == 1, done.stdout
    assert says in done.stderr
    assert done.stdout == ""


def test_missing_file_is_named(roost_cli: Cli) -> None:
    done = roost_cli("check", "nowhere.yaml")
    assert done.returncode == 1
    assert done.stderr.startswith("nowhere.yaml: the file cannot be read: No such file")


def test_good_file_passes(roost_cli: Cli) -> None:
    done = roost_cli("check", "a.yaml", files={"a.yaml": SITE})
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "a.yaml: ok, 5 routes\n"


def test_methods_may_be_invented(roost_cli: Cli) -> None:
    site = "routes:\n  - { path: /, methods: [PURGE, PROPFIND, QUERY], respond: { body: x } }\n"
    assert roost_cli("check", "a.yaml", files={"a.yaml": site}).stdout == "a.yaml: ok, 1 route\n"


# routes, explain ----------------------------------------------------------------------------------------------------


def test_routes_lists_methods_path_handler_middleware_and_place(roost_cli: Cli) -> None:
    done = roost_cli("routes", "a.yaml", files={"a.yaml": SITE})
    assert done.returncode == 0, done.stderr
    rows = [line.split() for line in done.stdout.splitlines()]
    assert rows[0] == ["METHODS", "PATH", "HANDLER", "MIDDLEWARE", "PLACE"]
    assert rows[2] == ["GET", "/api/users/:id", "respond", "200", "api_cors", "a.yaml:9:5"]
    assert rows[3][:2] == ["POST", "/api/users/me"]
    assert rows[4][0] == "any"
    assert len(rows) == 6


@pytest.mark.parametrize(
    ("method", "path", "says"),
    [
        (
            "GET",
            "/api/users/7?x=1",
            ["GET /api/users/:id", 'parameter:  id = "7"', "api_cors (paths: /api/*)", "a.yaml:9:5"],
        ),
        ("POST", "/api/users/me", ["POST /api/users/me"]),
        ("GET", "/", ["route:      GET /\n", "middleware: none", "not met:    api_cors (paths: /api/*)"]),
        (
            "DELETE",
            "/api/users/7",
            ["405: no route here takes DELETE; Allow: GET, HEAD, OPTIONS", "api_cors (paths: /api/*)"],
        ),
        ("OPTIONS", "/", ["204, answered by the server; Allow: GET, HEAD, OPTIONS"]),
        ("GET", "/ol/7", ["404: no route matches /ol/7"]),
        ("GET", "/files", ["308", "/files/"]),
        ("GET", "/../x", ["400"]),
    ],
)
def test_explain_says_which_route_and_why(roost_cli: Cli, method: str, path: str, says: list[str]) -> None:
    done = roost_cli("explain", "a.yaml", method, path, files={"a.yaml": SITE})
    assert done.returncode == 0, done.stderr
    for text in says:
        assert text in done.stdout


# Without a server ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reload", "stop", "status"])
def test_control_without_a_server_fails(roost_cli: Cli, name: str) -> None:
    done = roost_cli(name, "a.yaml", files={"a.yaml": SITE})
    assert done.returncode == 1
    assert "no server runs for this file" in done.stderr
    nameless = roost_cli(name)
    assert nameless.returncode == 1
    assert "Name the FILE" in nameless.stderr
