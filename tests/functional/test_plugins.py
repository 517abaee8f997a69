"""Native plugins: everything the SDK offers, through the real server, and what is said about a plugin that is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from server_process import PLUGINS, TEST_PLUGINS, RoostServer

Cli = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., RoostServer]

NAMES = (
    "sync about item body file self below moved big sum later posted blocking thread io_thread count pipe refuse "
    "broken_reader stream cancelled throw throw_int throw_later conflict throw_blocking throw_started dropped "
    "bad_header crash worker config"
)
WITH_PARAMETER = {"sync": "/:name", "item": "/:id", "below": "/*name", "blocking": "/:name", "stream": "/:count"}


def site(library: str = "libroost_sdk_test.so", config: str = "{}", processes: int = 1, middleware: str = "[]") -> str:
    """A configuration with a route for each handler, below its own name."""
    routes = "\n".join(
        f"  - {{ path: /{name}{WITH_PARAMETER.get(name, '')}, methods: [GET, POST], plugin: t.{name} }}"
        for name in NAMES.split()
    )
    return f"""
server: {{ listen: 127.0.0.1:0, processes: {processes}, threads: 2, limits: {{ spill: 64KiB }} }}
plugins:
  t:
    library: "${{ROOST_TEST_PLUGINS}}/{library}"
    config: {config}
middleware: {middleware}
routes:
{routes}
"""


LIBRARIES = [
    "libroost_sdk_test.so",
    pytest.param(
        "libroost_sdk_test_clang.so",
        marks=pytest.mark.skipif(
            not (TEST_PLUGINS / "libroost_sdk_test_clang.so").exists(), reason="there is no clang++"
        ),
    ),
]


@pytest.fixture(scope="module", params=LIBRARIES)
def server(request: pytest.FixtureRequest, module_server: Start) -> RoostServer:
    """One server for each compiler that the same plugin was built with."""
    return module_server(site(request.param))


# Requests and responses ---------------------------------------------------------------------------------------------


def test_synchronous_handler_answers_with_status_and_header(server: RoostServer) -> None:
    with server.client() as client:
        response = client.get("/sync/a%20b%2Fc")
    assert (response.status_code, response.text) == (201, "sync a b/c")
    assert response.headers["x-test"] == "yes"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_request_tells_what_was_sent(server: RoostServer) -> None:
    with server.client() as client:
        response = client.post(
            "/about?q=a%26b+c&n=-5", content=b"1234", headers={"X-Test": "T", "Host": "example.org:81"}
        )
        assert response.text == (
            "POST /about q=a%26b+c&n=-5 q=a&b c n=-5 h=T host=example.org:81 ip=127.0.0.1 http "
            "id=true headers=true body=4"
        )
        assert client.get("/about?n=five").status_code == 400


@pytest.mark.parametrize(
    ("value", "status"),
    [("42", 200), ("-1", 200), ("abc", 400), ("4x", 400), ("+4", 400), ("99999999999", 400), ("%20", 400)],
)
def test_typed_path_parameter_that_is_none_is_400(server: RoostServer, value: str, status: int) -> None:
    with server.client() as client:
        response = client.get(f"/item/{value}")
    assert response.status_code == status
    if status == 200:
        assert response.json() == int(value)
    else:
        assert response.text == 'the path parameter "id" is no valid number'
    assert "item" not in server.log(), "a client's mistake is no line in the log"


@pytest.mark.parametrize(("size", "spilled"), [(0, "no"), (10, "no"), (500_000, "yes")])
def test_body_in_memory_or_spilled_is_read_alike(server: RoostServer, size: int, spilled: str) -> None:
    body = os.urandom(size)
    with server.client() as client:
        response = client.post("/body", content=body)
    assert response.content == body
    assert response.headers["x-spilled"] == spilled


@pytest.mark.parametrize(
    "name", ["..%2f..%2fetc/passwd", "x%2f..%2f..%2f..%2fetc%2fpasswd", "%2fetc%2fpasswd", "..%2f", "os-release%00", ""]
)
def test_file_in_a_directory_is_never_one_outside_of_it(server: RoostServer, name: str) -> None:
    with server.client() as client:
        assert client.get("/below/os-release").content == Path("/usr/lib/os-release").read_bytes()
        response = client.get(f"{server.url}/below/{name}")
        assert response.status_code in (400, 404)
        assert "root:" not in response.text


def test_files_redirects_and_large_texts(server: RoostServer) -> None:
    with server.client() as client:
        assert client.get("/file").status_code == 404
        assert client.get("/self").content == Path("/etc/passwd").read_bytes()
        moved = client.get("/moved")
        assert (moved.status_code, moved.headers["location"]) == (308, "/elsewhere")
        assert client.get("/big").text == "x" * 3_000_000
        assert client.head("/big").headers["content-length"] == "3000000"


def test_json_is_read_and_written(server: RoostServer) -> None:
    with server.client() as client:
        response = client.post("/sum", json={"numbers": [1, 2, 39]})
        assert (response.json(), response.headers["content-type"]) == ({"sum": 42}, "application/json")
        for body, says in [
            ('{"numbers": [1,', "the body is no JSON: "),
            ('{"number": []}', '"numbers" is missing'),
            ('{"numbers": 7}', '"numbers" is no list'),
            ('{"numbers": ["x"]}', "whole numbers only"),
            ("[" * 100_000, "the body is no JSON: "),
        ]:
            response = client.post("/sum", content=body)
            assert response.status_code == 400, body[:20]
            assert response.text.startswith(says), body[:20]


# Later, elsewhere, in pieces ----------------------------------------------------------------------------------------


def test_responder_completes_from_another_thread(server: RoostServer) -> None:
    with server.client() as client:
        for _ in range(50):
            assert client.get("/later?x").text == "later /later other"
        assert client.get("/posted").text == "back"


def test_blocking_handler_runs_on_the_pool(server: RoostServer) -> None:
    with server.client() as client:
        assert client.get("/blocking/x").text == "blocking x"
        assert client.get("/thread").text != client.get("/io_thread").text


def test_pipelined_answers_keep_their_order(server: RoostServer) -> None:
    with server.connect() as connection:
        paths = ["/later", "/sync/1", "/blocking/2", "/later", "/sync/3"] * 4
        connection.send(b"".join(f"GET {path} HTTP/1.1\r\nHost: t\r\n\r\n".encode() for path in paths))
        for path in paths:
            assert path.strip("/").split("/")[0].encode() in connection.read_response().body


def test_streamed_body_is_read_piece_by_piece(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(b"POST /count HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(100):
            connection.send(b"1000\r\n" + b"x" * 0x1000 + b"\r\n")
        connection.send(b"0\r\n\r\n")
        assert connection.read_response().body == b"counted 409600"
        connection.send(b"POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello")
        assert connection.read_response().body == b"counted 5"


def test_body_is_streamed_back_while_it_arrives(server: RoostServer) -> None:
    body = os.urandom(8_000_000)
    with server.connect() as connection:
        head = f"POST /pipe HTTP/1.1\r\nHost: t\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        sender = threading.Thread(target=connection.send, args=(head + body,))
        sender.start()
        response = connection.read_response()
        sender.join()
    assert response.headers["content-type"] == "application/x-pipe"
    assert response.body == body


def test_streaming_handler_may_answer_before_the_body(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(b"POST /refuse HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\n")
        response = connection.read_response()
        assert (response.status, response.body) == (403, b"no uploads")


@pytest.mark.parametrize("count", [0, 1, 30, 5000])
def test_streamed_response_waits_for_its_reader(server: RoostServer, count: int) -> None:
    with server.client() as client:
        text = client.get(f"/stream/{count}").text
    assert text.startswith("begin")
    assert len(text) == 5 + 1000 * count


def test_client_that_goes_away_cancels(server: RoostServer) -> None:
    seen = server.log().count("the client went: true")
    with server.connect() as connection:
        connection.send(b"GET /cancelled HTTP/1.1\r\nHost: t\r\n\r\n")
    server.wait_log("the client went: true", seen + 1)
    with server.client() as client:
        assert client.get("/sync/x").status_code == 201


# Failures -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("/throw", "sync broke"),
        ("/throw_int", "an exception that is no std::exception"),
        ("/throw_later", "async broke"),
        ("/throw_blocking", "pool broke"),
        ("/bad_header", "the status, or a header's name or value, is not allowed"),
    ],
)
def test_exception_is_500_and_logged_with_the_requests_id(server: RoostServer, path: str, says: str) -> None:
    with server.client() as client:
        response = client.get(path)
    assert response.status_code == 500
    assert says not in response.text, "what broke is for the log alone"
    line = server.wait_log(rf"^.*{re.escape(says)}.*$")
    access = server.wait_output(rf'"target":"{path}"')
    assert json.loads(access)["id"] in line


def test_broken_body_reader_is_500(server: RoostServer) -> None:
    with server.client() as client:
        assert client.post("/broken_reader", content=b"x").status_code == 500
    server.wait_log("reader broke")


def test_http_error_answers_what_it_says(server: RoostServer) -> None:
    with server.client() as client:
        response = client.get("/conflict")
    assert (response.status_code, response.text) == (409, "in the way")


def test_dropped_responder_is_500(server: RoostServer) -> None:
    with server.client() as client:
        assert client.get("/dropped").status_code == 500


def test_exception_after_the_head_cuts_the_connection(server: RoostServer) -> None:
    data = server.exchange(b"GET /throw_started HTTP/1.1\r\nHost: t\r\n\r\n")
    assert data.startswith(b"HTTP/1.1 200")
    assert not data.endswith(b"0\r\n\r\n")
    server.wait_log("broke half way")


@pytest.mark.unsanitized  # a sanitizer reports the crash that is wanted here
def test_handler_that_crashes_costs_its_worker_alone(roost_server: Start) -> None:
    server = roost_server(site())
    with server.connect() as connection:
        connection.send(b"GET /crash HTTP/1.1\r\nHost: t\r\n\r\n")
        assert connection.read_all() == b""
    with server.client() as client:
        assert client.get("/sync/again").text == "sync again"
    server.wait_log("(?i)sig(nal 11|segv)|segmentation fault")
    server.wait_log(r"started in worker \d", 2)


# Middleware ---------------------------------------------------------------------------------------------------------


def test_middleware_continues_or_responds(roost_server: Start) -> None:
    server = roost_server(site(middleware="[{ plugin: t.gate, paths: [/sync/*] }, { plugin: t.watch }]"))
    with server.client() as client:
        denied = client.get("/sync/x")
        assert (denied.status_code, denied.text) == (401, "no key")
        allowed = client.get("/sync/x", headers={"X-Key": "k"})
        assert allowed.status_code == 201
        assert allowed.headers.get_list("x-watch") == ["/sync/x 201 text/plain; charset=utf-8", "second"]
        assert "x-test" not in allowed.headers
        assert client.get("/sync/x", headers={"X-Key": "break"}).status_code == 500
        assert client.get("/later").headers.get_list("x-watch")[0].startswith("/later 200")
        assert client.get("/throw").headers.get_list("x-watch")[0].startswith("/throw 500")
    server.wait_log("gate broke")
    server.wait_log("context of /later destroyed")


def test_middleware_that_decides_later(roost_server: Start) -> None:
    server = roost_server(site(middleware="[{ plugin: t.slow_gate }, { plugin: t.watch }]"))
    with server.client() as client:
        for _ in range(20):
            denied = client.get("/sync/x")
            assert (denied.status_code, denied.text) == (401, "no key, after a while")
            assert client.get("/sync/x", headers={"X-Key": "k"}).text == "sync x"
            assert client.post("/body", content=b"abc", headers={"X-Key": "k"}).content == b"abc"
            assert client.get("/later", headers={"X-Key": "k"}).text == "later /later other"
        assert client.get("/sync/x", headers={"X-Key": "break"}).status_code == 500
    server.wait_log("slow gate broke")


# Workers ------------------------------------------------------------------------------------------------------------


def test_hooks_run_in_each_worker(roost_server: Start) -> None:
    server = roost_server(site(processes=2))
    server.wait_log("started in worker 0")
    server.wait_log("started in worker 1")
    with server.client() as client:
        assert re.fullmatch("[01] of 2, 2 threads", client.get("/worker").text)
    server.stop()
    assert server.log().count("stopped") >= 2


def test_start_hook_that_fails_is_the_error_of_the_start(roost_server: Start) -> None:
    server = roost_server(site(config="{ refuse_start: true }"), wait_ready=False)
    server.wait_log("will not start")
    if server.process.poll() is None:
        server.signal(signal.SIGTERM)
    assert server.wait() != 0


# Configuration ------------------------------------------------------------------------------------------------------


def test_configuration_is_typed(roost_server: Start) -> None:
    defaults = roost_server(site())
    with defaults.client() as client:
        assert client.get("/config").text == "7 8 0.5 false 1500 1024 none"
    config = "{ limit: -3, small: 255, ratio: 2, flag: on, wait: 2m, size: 3KiB, nested: { name: n }, names: [a, b] }"
    with roost_server(site(config=config)).client() as client:
        assert client.get("/config").text == "-3 255 2 true 120000 3072 n a b"


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("{ limit: many }", 'roost.yaml:6:22: plugins.t.config.limit: a whole number is expected, found "many"'),
        ("{ limit: [1] }", "plugins.t.config.limit: a whole number is expected, found a list"),
        ("{ small: 256 }", 'plugins.t.config.small: a whole number from 0 to 255 is expected, found "256"'),
        ("{ ratio: x }", 'plugins.t.config.ratio: a number is expected, found "x"'),
        ("{ flag: maybe }", 'plugins.t.config.flag: true or false is expected, found "maybe"'),
        ("{ wait: 5 }", "plugins.t.config.wait: a time such as 500ms, 10s, 5m or 1h is expected"),
        ("{ size: 5MB }", "plugins.t.config.size: a size such as 512B, 64KiB, 10MiB or 1GiB is expected"),
        ("{ nested: 5 }", "plugins.t.config.nested: a map of keys and values is expected"),
        ("{ nested: { nam: n } }", 'plugins.t.config.nested.nam: no such key (did you mean "name"?)'),
        ("{ limt: 5 }", 'plugins.t.config.limt: no such key (did you mean "limit"?)'),
        ("[1]", "plugins.t.config: a map of keys and values is expected, found a list"),
        ("{ mode: throw }", "plugins.t: thrown while configuring"),
        ("{ mode: twice }", 'plugins.t: the handler "sync" cannot be registered: without a name, or there twice'),
        ("{ mode: picky }", 'plugins.t.config.mode: "picky" is not for today'),
    ],
)
def test_wrong_configuration_is_an_error_at_its_place(roost_cli: Cli, config: str, says: str) -> None:
    done = roost_cli("check", "roost.yaml", files={"roost.yaml": site(config=config)})
    assert done.returncode == 1
    assert re.match(r"roost\.yaml:\d+:\d+: ", done.stderr), done.stderr
    assert says in done.stderr


MISTAKES = [
    ("libroost_sdk_tset.so", "t.sync", 'did you mean "libroost_sdk_test.so"?'),
    ("nowhere.so", "t.sync", "there is no file "),
    (
        "libroost_wrong_abi.so",
        "t.sync",
        "was built for version 2.3 of the plugin interface, this server has version 1.1",
    ),
    ("libroost_sdk_test.so", "t.snyc", 'the plugin "t" has no handler "snyc" (did you mean "sync"?)'),
    ("not_elf.so", "t.sync", "cannot load "),
    ("no_plugin.so", "t.sync", "is no roost plugin: it lacks the symbol roost_plugin_v1"),
]


@pytest.mark.parametrize("command", ["check", "serve"])
@pytest.mark.parametrize(("library", "handler", "says"), MISTAKES)
def test_wrong_plugin_is_an_error_at_check_and_at_start(
    roost_cli: Cli, tmp_path: Path, command: str, library: str, handler: str, says: str
) -> None:
    folder = str(TEST_PLUGINS)
    if library in ("not_elf.so", "no_plugin.so"):
        folder = str(tmp_path)
        (tmp_path / "not_elf.so").write_text("x")
        found = subprocess.run(["gcc", "-shared", "-o", tmp_path / "no_plugin.so", "-x", "c", "/dev/null"], check=False)
        if found.returncode != 0:
            pytest.skip("there is no gcc")
    text = f"""
server: {{ listen: 127.0.0.1:0 }}
plugins: {{ t: {{ library: "{folder}/{library}" }} }}
routes: [{{ path: /, plugin: {handler} }}]
"""
    done = roost_cli(command, "roost.yaml", files={"roost.yaml": text})
    assert done.returncode == 1
    assert re.search(r"roost\.yaml:[34]:\d+: ", done.stderr), done.stderr
    assert says in done.stderr


def test_missing_plugin_says_where_it_was_looked_for(roost_cli: Cli, tmp_path: Path) -> None:
    text = (
        "plugins: { t: { library: libroost_helo.so } }\nroutes: [{ path: /, plugin: t.x }]\nserver: { listen: ':0' }\n"
    )
    done = roost_cli("check", "roost.yaml", files={"roost.yaml": text}, env={"ROOST_PLUGIN_PATH": "/opt/one:/opt/two"})
    assert done.returncode == 1
    for place in (str(tmp_path), str(PLUGINS), "/opt/one", "/opt/two", 'did you mean "libroost_hello.so"?'):
        assert place in done.stderr


def test_plugin_beside_the_file_is_found_first(roost_server: Start) -> None:
    text = """
server: { listen: 127.0.0.1:0 }
plugins: { c: { library: libroost_hello.so } }
routes: [{ path: /, plugin: c.answer }]
"""
    server = roost_server(text, files={"libroost_hello.so": (TEST_PLUGINS / "libroost_plain_c.so").read_bytes()})
    with server.client() as client:
        assert client.get("/").text == "plain C"
