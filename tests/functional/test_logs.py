"""The access log, one line a request in either form, and the server's log, which name a request by the same id."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from server_process import RoostServer

CONFIGURATION = """
server: { listen: 127.0.0.1:0, processes: 1, access_log: LOG, log_level: LEVEL }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /text, respond: { body: some text } }
  - { path: /users/:id, plugin: probe.describe }
  - { path: /echo, methods: [POST], plugin: probe.echo }
  - { path: /stream, plugin: probe.stream }
  - { path: /fail, plugin: probe.fail }
  - { path: /log, plugin: probe.log }
  - { path: /files, directory: www }
"""


def start(roost_server: Callable[..., RoostServer], log: str, level: str = "info") -> RoostServer:
    return roost_server(CONFIGURATION.replace("LOG", log, 1).replace("LEVEL", level), {"www/a.txt": "0123456789"})


def entry(server: RoostServer, pattern: str) -> dict[str, Any]:
    line: dict[str, Any] = json.loads(server.wait_output(pattern))
    return line


def test_json_line_says_what_was_asked_and_answered(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, '{ path: "-", format: json }')
    httpx.get(f"{server.url}/text?a=b")
    line = entry(server, r"/text\?a=b")
    assert line["method"] == "GET"
    assert line["target"] == "/text?a=b"
    assert line["mount"] == "/text"
    assert line["status"] == 200
    assert line["bytes"] == len("some text")
    assert line["client"] == "127.0.0.1"
    assert 0 <= line["us"] < 10_000_000
    assert abs(datetime.fromisoformat(line["time"]) - datetime.now(UTC)) < timedelta(minutes=1)


def test_every_kind_of_answer_has_its_line(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, '{ path: "-", format: json }')
    cases = [
        ("GET", "/nothing/here", 404, None),
        ("POST", "/text", 405, None),
        ("HEAD", "/text?head", 200, 0),
        ("GET", "/files/a.txt", 200, 10),
        ("GET", "/stream?chunks=3&size=10", 200, 30),
        ("GET", "/fail", 500, None),
        ("GET", "/users/7", 200, None),
    ]
    for method, target, status, size in cases:
        httpx.request(method, server.url + target)
        line = entry(server, rf'"method":"{method}","target":"{re.escape(target)}"')
        assert line["status"] == status, target
        if size is not None:
            assert line["bytes"] == size, target
    assert entry(server, "/users/7")["mount"] == "/users/:id"


def test_one_line_for_each_request(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, '{ path: "-", format: json }')
    with server.connect() as connection:
        connection.send(b"".join(b"GET /text?n=%d HTTP/1.1\r\nHost: a\r\n\r\n" % n for n in range(200)))
        for _ in range(200):
            connection.read_response()
    server.stop()
    lines = [json.loads(line) for line in server.output().splitlines() if line.startswith("{")]
    assert [line["target"] for line in lines] == [f"/text?n={n}" for n in range(200)]
    assert len({line["id"] for line in lines}) == 200


def test_refused_request_is_logged(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, '{ path: "-", format: json }')
    server.exchange(b"GET /text HTTP/1.1\r\n\r\n")
    server.wait_output(r'"status":400')


def test_hostile_bytes_cannot_forge_a_line(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, '{ path: "-", format: json }')
    server.exchange(b'GET /"},{"x":"\\ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    line = entry(server, "x.*status")
    assert line["target"] == '/"},{"x":"\\'


def test_combined_line(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, "{ path: access.log, format: combined }")
    httpx.get(f"{server.url}/text", headers={"User-Agent": 'a "quoted" agent', "Referer": "http://r/"})
    path = server.directory / "access.log"
    server.wait_for(lambda: path.exists() and path.read_text().endswith("\n"), "a line in the file")
    pattern = (
        r'127\.0\.0\.1 - - \[\d\d/\w{3}/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET /text HTTP/1\.1" 200 9 '
        r'"http://r/" "a \\x22quoted\\x22 agent"\n'
    )
    assert re.fullmatch(pattern, path.read_text())


def test_no_access_log_when_there_is_to_be_none(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, "{ format: none }")
    httpx.get(f"{server.url}/text")
    server.stop()
    assert "/text" not in "".join(line for line in server.output().splitlines() if "status" in line)


def test_request_id_is_the_same_in_both_logs(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, '{ path: "-", format: json }')
    httpx.get(f"{server.url}/fail")
    line = entry(server, "/fail.*status")
    server.wait_log("the probe failed as it was told to")
    failure = next(text for text in server.log().splitlines() if "the probe failed" in text)
    assert line["id"] in failure


def test_plugin_logs_into_the_servers_log(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, "{ format: none }")
    httpx.get(f"{server.url}/log?a-word-of-its-own")
    server.wait_log("probe.*a-word-of-its-own")


def test_log_level_hides_what_is_below(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, "{ format: none }", "error")
    httpx.get(f"{server.url}/log?a-mere-warning")
    httpx.get(f"{server.url}/fail")
    server.wait_log("the probe failed")
    assert "a-mere-warning" not in server.log()


def test_usr1_opens_the_access_log_anew(roost_server: Callable[..., RoostServer]) -> None:
    server = start(roost_server, "{ path: access.log, format: json }")
    path, old = server.directory / "access.log", server.directory / "access.log.1"
    httpx.get(f"{server.url}/text?before")
    server.wait_for(lambda: path.exists() and "before" in path.read_text(), "the first line")
    path.rename(old)
    server.signal(signal.SIGUSR1)

    def asked_and_found() -> bool:
        httpx.get(f"{server.url}/text?after")
        return path.exists() and "after" in path.read_text()

    server.wait_for(asked_and_found, "a line in the new file")
    assert "before" in old.read_text()


def test_log_file_that_cannot_be_opened_is_an_error_at_start(roost_server: Callable[..., RoostServer]) -> None:
    text = CONFIGURATION.replace("LOG", "{ path: no/such/folder/access.log }", 1).replace("LEVEL", "info")
    server = roost_server(text, {"www/a.txt": ""}, wait_ready=False)
    assert server.wait() != 0
    assert "access.log" in server.log()
