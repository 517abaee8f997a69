"""Native plugins: everything the SDK offers, through the real server, and what is said about a plugin that is wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from websockets.sync.client import connect

from server_process import PLUGINS, TEST_PLUGINS, RoostServer

Cli = Callable[..., subprocess.CompletedProcess[str]]
Start = Callable[..., RoostServer]

NAMES = (
    "sync about item body file self moved big sum later posted blocking thread io_thread count pipe refuse "
    "broken_reader stream cancelled throw throw_int throw_later conflict throw_blocking throw_started dropped "
    "bad_header crash worker config"
)
WITH_PARAMETER = {"sync": "/:name", "item": "/:id", "blocking": "/:name", "stream": "/:count"}


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


def fresh(server: RoostServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, timeout=60, trust_env=False)


# Requests and responses ---------------------------------------------------------------------------------------------


def test_synchronous_handler_answers_with_status_and_header(server: RoostServer) -> None:
    with fresh(server) as client:
        response = client.get("/sync/a%20b%2Fc")
    assert (response.status_code, response.text) == (201, "sync a b/c")
    assert response.headers["x-test"] == "yes"
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


def test_request_tells_what_was_sent(server: RoostServer) -> None:
    with fresh(server) as client:
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
    with fresh(server) as client:
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
    with fresh(server) as client:
        response = client.post("/body", content=body)
    assert response.content == body
    assert response.headers["x-spilled"] == spilled


def test_files_redirects_and_large_texts(server: RoostServer) -> None:
    with fresh(server) as client:
        assert client.get("/file").status_code == 404
        assert client.get("/self").content == Path("/etc/passwd").read_bytes()
        moved = client.get("/moved")
        assert (moved.status_code, moved.headers["location"]) == (308, "/elsewhere")
        assert client.get("/big").text == "x" * 3_000_000
        assert client.head("/big").headers["content-length"] == "3000000"


def test_json_is_read_and_written(server: RoostServer) -> None:
    with fresh(server) as client:
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
    with fresh(server) as client:
        for _ in range(50):
            assert client.get("/later?x").text == "later /later other"
        assert client.get("/posted").text == "back"


def test_blocking_handler_runs_on_the_pool(server: RoostServer) -> None:
    with fresh(server) as client:
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
    with fresh(server) as client:
        text = client.get(f"/stream/{count}").text
    assert text.startswith("begin")
    assert len(text) == 5 + 1000 * count


def test_client_that_goes_away_cancels(server: RoostServer) -> None:
    seen = server.log().count("the client went: true")
    with server.connect() as connection:
        connection.send(b"GET /cancelled HTTP/1.1\r\nHost: t\r\n\r\n")
    server.wait_log("the client went: true", seen + 1)
    with fresh(server) as client:
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
    with fresh(server) as client:
        response = client.get(path)
    assert response.status_code == 500
    assert says not in response.text, "what broke is for the log alone"
    line = server.wait_log(rf"^.*{re.escape(says)}.*$")
    access = server.wait_output(rf'"target":"{path}"')
    assert json.loads(access)["id"] in line


def test_broken_body_reader_is_500(server: RoostServer) -> None:
    with fresh(server) as client:
        assert client.post("/broken_reader", content=b"x").status_code == 500
    server.wait_log("reader broke")


def test_http_error_answers_what_it_says(server: RoostServer) -> None:
    with fresh(server) as client:
        response = client.get("/conflict")
    assert (response.status_code, response.text) == (409, "in the way")


def test_dropped_responder_is_500(server: RoostServer) -> None:
    with fresh(server) as client:
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
    with fresh(server) as client:
        assert client.get("/sync/again").text == "sync again"
    server.wait_log("(?i)sig(nal 11|segv)|segmentation fault")
    server.wait_log(r"started in worker \d", 2)


# Middleware ---------------------------------------------------------------------------------------------------------


def test_middleware_continues_or_responds(roost_server: Start) -> None:
    server = roost_server(site(middleware="[{ plugin: t.gate, paths: [/sync/*] }, { plugin: t.watch }]"))
    with fresh(server) as client:
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
    with fresh(server) as client:
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
    with fresh(server) as client:
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
    with fresh(defaults) as client:
        assert client.get("/config").text == "7 8 0.5 false 1500 1024 none"
    config = "{ limit: -3, small: 255, ratio: 2, flag: on, wait: 2m, size: 3KiB, nested: { name: n }, names: [a, b] }"
    with fresh(roost_server(site(config=config))) as client:
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
    with fresh(server) as client:
        assert client.get("/").text == "plain C"


# The plugins that come with the server ------------------------------------------------------------------------------

SHIPPED = """
server: { listen: 127.0.0.1:0 }
plugins:
  hello: { library: libroost_hello.so, config: { greeting: Good day } }
  markdown: { library: libroost_markdown.so }
middleware: [{ plugin: hello.stamp }]
routes:
  - { path: /hello/:name, plugin: hello.greet }
  - { path: /chat, plugin: hello.chat }
  - { path: /render, methods: [GET, POST], plugin: markdown.render }
"""


@pytest.fixture(scope="module")
def shipped(module_server: Start) -> RoostServer:
    """A server with hello and markdown."""
    return module_server(SHIPPED)


def test_hello_greets_and_stamps(shipped: RoostServer) -> None:
    with fresh(shipped) as client:
        response = client.get("/hello/J%C3%BCrgen")
    assert (response.text, response.headers["x-greeting"]) == ("Good day, Jürgen!", "Good day")


def test_chat_reaches_all_others_in_all_workers(roost_server: Start) -> None:
    server = roost_server(SHIPPED.replace("{ listen: 127.0.0.1:0 }", "{ listen: 127.0.0.1:0, processes: 2 }"))
    url = f"{server.ws_url}/chat"
    with ExitStack() as stack:
        clients = [stack.enter_context(connect(url, open_timeout=60, proxy=None)) for _ in range(8)]
        for client in clients:
            assert str(client.recv(60)).startswith("Welcome. There are ")
        clients[0].send("hello all")
        clients[1].send("and back")
        for client in clients[2:]:
            assert {client.recv(60), client.recv(60)} == {"hello all", "and back"}
        assert clients[0].recv(60) == "and back"
        assert clients[1].recv(60) == "hello all"
    with fresh(server) as http:
        assert http.get("/chat").status_code == 426


@pytest.mark.parametrize(
    ("markdown", "there", "not_there"),
    [
        ("# Title\n\n*em* ~~no~~", ["<h1>Title</h1>", "<em>em</em>", "<del>no</del>"], []),
        ("|a|b|\n|-|-|\n|1|2|", ["<table>", "<td>1</td>"], []),
        ("- [x] done", ['type="checkbox"'], []),
        ("www.example.org", ['href="http://www.example.org"'], []),
        ("<script>alert(1)</script>\n\ntext <img src=x onerror=alert(1)>", ["text"], ["<script", "<img", "onerror"]),
        ("[a](javascript:alert%281%29) [b](JaVaScRiPt:x) [c](data:text/html,x)", ["<a"], ["cript:", "data:"]),
        ("![i](data:image/png;base64,AA==) ![j](data:text/html,x)", ["data:image/png"], ["text/html"]),
        ('[q](https://x.example/"onmouseover="x)', ["<a"], ['"onmouseover']),
        ("`<b>` & <", ["&lt;b&gt;", "&amp;", "&lt;"], ["<b>"]),
        ("", [], ["<"]),
        ("a\x00b", ["a\ufffdb"], ["\x00"]),
    ],
)
def test_markdown_becomes_safe_html(
    shipped: RoostServer, markdown: str, there: list[str], not_there: list[str]
) -> None:
    with fresh(shipped) as client:
        response = client.post("/render", content=markdown.encode())
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    for text in there:
        assert text in response.text
    for text in not_there:
        assert text not in response.text


def test_markdown_of_any_size_and_from_many_at_once(shipped: RoostServer) -> None:
    with fresh(shipped) as client:
        assert client.get("/render").text == ""
        assert client.post("/render", content=b"\xff\xfe").text == "<p>\ufffd\ufffd</p>\n"
        large = client.post("/render", content="line ~~x~~\n\n" * 50_000).text
        assert large == "<p>line <del>x</del></p>\n" * 50_000
    failures: list[str] = []

    def render() -> None:
        with fresh(shipped) as client:
            for _ in range(100):
                text = client.post("/render", content="a ~~b~~ www.example.org").text
                if "<del>b</del>" not in text or "<a " not in text:
                    failures.append(text)

    threads = [threading.Thread(target=render) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


# The command line ---------------------------------------------------------------------------------------------------


def test_inspect_tells_what_is_in_a_plugin(roost_cli: Cli) -> None:
    done = roost_cli("plugin", "inspect", str(TEST_PLUGINS / "libroost_sdk_test.so"))
    assert done.returncode == 0, done.stderr
    told = dict(re.split(r":\s+", line, maxsplit=1) for line in done.stdout.splitlines())
    assert (told["name"], told["version"], told["interface"]) == ("sdk_test", "1.2.3", "1.1 (this server: 1.1)")
    assert "libstdc++" in told["compiler"]
    for handler in ("sync (synchronous)", "later (asynchronous)", "blocking (blocking)", "streams its body"):
        assert handler in told["handlers"]
    assert told["middleware"] == "gate, slow_gate, watch"
    chat = roost_cli("plugin", "inspect", str(PLUGINS / "libroost_hello.so"))
    assert "chat (websocket)" in chat.stdout


@pytest.mark.parametrize(
    ("file", "says"),
    [("nowhere.so", "cannot load nowhere.so"), ("/dev/null", "cannot load"), ("libroost_wrong_abi.so", "version 2.3")],
)
def test_inspect_refuses_what_is_no_plugin(roost_cli: Cli, file: str, says: str) -> None:
    path = str(TEST_PLUGINS / file) if file.startswith("lib") else file
    done = roost_cli("plugin", "inspect", path)
    assert done.returncode == 1
    assert says in done.stderr


def test_new_plugin_builds_and_passes_its_own_test(roost_cli: Cli, tmp_path: Path) -> None:
    done = roost_cli("plugin", "new", "my_plugin2")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "my_plugin2"
    for command in (
        ["cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja"],
        ["cmake", "--build", folder / "build"],
        ["ctest", "--test-dir", folder / "build", "--output-on-failure"],
    ):
        step = subprocess.run(command, capture_output=True, text=True, check=False)
        assert step.returncode == 0, step.stdout + step.stderr
    assert "100% tests passed" in step.stdout
    again = roost_cli("plugin", "new", "my_plugin2")
    assert again.returncode == 1
    assert "my_plugin2 exists already" in again.stderr


@pytest.mark.parametrize("name", ["", "a-b", "A", "1a", "../x", "a/b", "x" * 65])
def test_new_plugin_refuses_bad_names(roost_cli: Cli, tmp_path: Path, name: str) -> None:
    done = roost_cli("plugin", "new", name)
    assert done.returncode == 2
    assert "is no name for a plugin" in done.stderr or "required" in done.stderr
    assert not list(tmp_path.iterdir())
