"""HTTP/1.1 through the front door: connections that stay, pipelines, bodies both ways, methods, and handlers' ends."""

from __future__ import annotations

import re
import select
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import httpx
import pytest

from server_process import RawConnection, RoostServer

pytestmark = pytest.mark.tsan

CONFIGURATION = """
server: { listen: 127.0.0.1:0, processes: 1, threads: 2, access_log: { path: access.log } }
plugins:
  probe: { library: "${ROOST_TEST_PLUGINS}/libroost_probe.so" }
routes:
  - { path: /text, respond: { body: some text, headers: { X-Fixed: "1" } } }
  - { path: /gone, respond: { status: 410, body: gone } }
  - { path: /nothing, respond: { status: 204 } }
  - { path: /reset, respond: { status: 205, body: nobody reads this } }
  - { path: /echo, methods: [GET, POST, PUT], plugin: probe.echo }
  - { path: /never, plugin: probe.never }
  - { path: /late, plugin: probe.late }
  - { path: /block, plugin: probe.block }
  - { path: /open, plugin: probe.open }
  - { path: /counts, plugin: probe.counts }
  - { path: /big, plugin: probe.big }
  - { path: /stream, plugin: probe.stream }
  - { path: /count, methods: [POST], plugin: probe.count }
  - { path: /early, methods: [POST], plugin: probe.early }
  - { path: /fail, plugin: probe.fail }
  - { path: /drop, plugin: probe.drop }
"""


@pytest.fixture(scope="module")
def server(module_server: Callable[..., RoostServer]) -> RoostServer:
    return module_server(CONFIGURATION)


def get(path: str, *fields: str, method: str = "GET", version: str = "1.1") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/{version}", "Host: a", *fields, "", ""]).encode()


def counts(server: RoostServer) -> dict[str, int]:
    words = httpx.get(f"{server.url}/counts").text.split()
    return {name: int(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def test_connection_stays_for_many_requests(server: RoostServer) -> None:
    with server.connect() as connection:
        for _ in range(100):
            connection.send(get("/text"))
            response = connection.read_response()
            assert (response.status, response.body) == (200, b"some text")
            assert "connection" not in response.headers or response.headers["connection"] == "keep-alive"


def test_connection_close_is_announced_and_done(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/text", "Connection: close"))
        assert connection.read_response().headers["connection"] == "close"
        assert connection.closed()


def test_http_1_0_keep_alive_is_confirmed(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/text", "Connection: keep-alive", version="1.0"))
        assert connection.read_response().headers["connection"] == "keep-alive"
        connection.send(get("/text", version="1.0"))
        assert connection.read_response().status == 200
        assert connection.closed()


def test_pipelined_responses_come_in_order(server: RoostServer) -> None:
    paths = ["/text", "/gone", "/echo?1", "/nothing", "/echo?2", "/stream?chunks=2&size=3", "/text"] * 20
    with server.connect() as connection:
        connection.send(b"".join(get(path) for path in paths))
        for path in paths:
            response = connection.read_response()
            if path.startswith("/echo"):
                assert response.headers["x-query"] == path.partition("?")[2]
            assert response.status == {"/gone": 410, "/nothing": 204}.get(path, 200), path


def test_slow_request_holds_back_the_pipeline_behind_it(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/late") + get("/text"))
        server.wait_for(lambda: counts(server)["waiting"] == 1, "the first request to be in its handler")
        httpx.get(f"{server.url}/open")
        assert connection.read_response().body == b"late"
        assert connection.read_response().body == b"some text"


def test_every_response_has_a_date(server: RoostServer) -> None:
    date = httpx.get(f"{server.url}/text").headers["date"]
    assert parsedate_to_datetime(date).tzinfo is not None
    assert date.endswith(" GMT")


def test_head_has_the_fields_of_get_and_no_body(server: RoostServer) -> None:
    with server.connect() as connection:
        for path in ("/text", "/gone", "/big?size=70000"):
            connection.send(get(path))
            whole = connection.read_response()
            connection.send(get(path, method="HEAD"))
            head = connection.read_response("HEAD")
            assert head.status == whole.status
            assert head.headers["content-length"] == str(len(whole.body)), path
            assert head.headers.get("content-type") == whole.headers.get("content-type")


def test_head_of_a_stream_ends_after_the_head(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/stream", method="HEAD") + get("/text"))
        assert connection.read_response("HEAD").status == 200
        assert connection.read_response().body == b"some text"


def test_no_content_has_neither_body_nor_length(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/nothing") + get("/text"))
        response = connection.read_response()
        assert response.status == 204
        assert not {"content-length", "transfer-encoding"} & response.headers.keys()
        assert connection.read_response().body == b"some text"


def test_reset_content_has_a_length_of_nothing(server: RoostServer) -> None:
    for path in ("/reset", "/stream?status=205"):
        with server.connect() as connection:
            connection.send(get(path) + get("/text"))
            response = connection.read_response()
            assert (response.status, response.headers["content-length"]) == (205, "0")
            assert "transfer-encoding" not in response.headers
            assert connection.read_response().body == b"some text"


@pytest.mark.parametrize(
    "path, allow",
    [("/text", "GET, HEAD, OPTIONS"), ("/echo", "GET, HEAD, OPTIONS, POST, PUT"), ("/count", "OPTIONS, POST")],
)
def test_wrong_method_is_405_with_allow(server: RoostServer, path: str, allow: str) -> None:
    response = httpx.request("DELETE", server.url + path)
    assert response.status_code == 405
    assert sorted(response.headers["allow"].split(", ")) == allow.split(", ")


@pytest.mark.parametrize("path", ["/text", "/echo"])
def test_options_is_answered_with_allow(server: RoostServer, path: str) -> None:
    response = httpx.options(server.url + path)
    assert response.status_code in (200, 204)
    assert {"GET", "HEAD", "OPTIONS"} <= set(response.headers["allow"].split(", "))


def test_unknown_path_is_404_with_a_short_body(server: RoostServer) -> None:
    response = httpx.get(f"{server.url}/no/such/path")
    assert response.status_code == 404
    assert 0 < len(response.content) < 200


def test_body_by_length_and_in_chunks_arrives_whole(server: RoostServer) -> None:
    body = bytes(range(256)) * 300
    assert httpx.post(f"{server.url}/echo", content=body).content == body
    pieces = (body[i : i + 777] for i in range(0, len(body), 777))
    response = httpx.post(f"{server.url}/echo", content=pieces)
    assert response.request.headers["transfer-encoding"] == "chunked"
    assert response.content == body


def test_trailers_reach_the_handler(server: RoostServer) -> None:
    body = b"5\r\nhello\r\n0\r\nX-Sum: 42\r\nCookie: c\r\nX-Other: b\r\n\r\n"
    with server.connect() as connection:
        connection.send(get("/echo", "Transfer-Encoding: chunked", method="POST") + body)
        response = connection.read_response()
        assert response.body == b"hello"
        assert response.headers["x-trailers"] == "X-Sum=42;X-Other=b;"
        connection.send(get("/count", "Transfer-Encoding: chunked", method="POST") + body)
        assert connection.read_response().body == b"5 X-Sum=42 X-Other=b"


def test_expect_100_continue_is_answered_before_the_body(server: RoostServer) -> None:
    for path, answer in (("/echo", b"hello"), ("/count", b"5")):
        with server.connect() as connection:
            connection.send(get(path, "Expect: 100-Continue", "Content-Length: 5", method="POST"))
            assert connection.read_response().status == 100, path
            connection.send(b"hello")
            assert connection.read_response().body == answer


def test_expect_100_continue_is_refused_where_the_body_is_too_large(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/echo", "Expect: 100-continue", "Content-Length: 99999999999", method="POST"))
        assert connection.read_response().status == 413


def test_expect_100_continue_is_refused_where_no_route_takes_it(server: RoostServer) -> None:
    for target, method, status in (("/nowhere", "POST", 404), ("/text", "POST", 405)):
        with server.connect() as connection:
            connection.send(get(target, "Expect: 100-Continue", "Content-Length: 5", method=method))
            response = connection.read_response()
            assert (response.status, response.headers["connection"]) == (status, "close"), target
            assert connection.closed()


def test_unknown_expectation_is_417(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/text", "Expect: miracles"))
        assert connection.read_response().status == 417


def test_streamed_response_is_chunked_with_trailers(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/stream?chunks=3&size=10"))
        head = connection.read_until(b"\r\n\r\n").lower()
        assert b"transfer-encoding: chunked" in head
        assert b"content-length" not in head
        rest = connection.read_until(b"\r\n\r\n")
        sizes = re.findall(rb"(?m)^([0-9a-f]+)\r$", rest)
        assert sum(int(size, 16) for size in sizes) == 30
        assert rest.endswith(b"0\r\nX-Sum: done\r\n\r\n")
        connection.send(get("/text"))
        assert connection.read_response().body == b"some text"


def test_streamed_response_to_http_1_0_ends_with_the_connection(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/stream?chunks=3&size=10", "Connection: keep-alive", version="1.0"))
        response = connection.read_response()
        assert "transfer-encoding" not in response.headers
        assert response.body == b"s" * 30


def test_large_stream_arrives_whole(server: RoostServer) -> None:
    with httpx.stream("GET", f"{server.url}/stream?chunks=2000&size=10000") as response:
        assert sum(len(piece) for piece in response.iter_raw()) == 20_000_000


def test_large_response_arrives_whole(server: RoostServer) -> None:
    assert httpx.get(f"{server.url}/big?size=20000000").content == b"b" * 20_000_000


def test_stream_that_is_cut_has_no_end(server: RoostServer) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{server.url}/stream?chunks=3&cut=1")


def test_streamed_body_of_any_size_is_counted(server: RoostServer) -> None:
    size = 5_000_000
    assert httpx.post(f"{server.url}/count", content=b"x" * size).text == str(size)
    assert httpx.post(f"{server.url}/count", content=iter([b"x" * 100_000] * 50)).text == str(size)
    assert httpx.post(f"{server.url}/count", content=b"").text == "0"


def test_answer_while_the_body_still_arrives(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/early", "Content-Length: 1000000", method="POST") + b"x" * 1000)
        response = connection.read_response()
        assert (response.status, response.body) == (403, b"early")


def test_answer_outlives_a_long_body_that_is_refused(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/echo", "Content-Length: 99999999999", method="POST"))
        piece = b"x" * 1000
        for _ in range(30):  # longer than the silence after which the server gives up
            connection.send(piece)
            assert not select.select([], [], [connection.socket], 0.1)[2]
        assert connection.read_response().status == 413


def test_cut_body_is_an_error_to_a_streaming_reader(server: RoostServer) -> None:
    before = counts(server)["body_errors"]
    connection = server.connect()
    connection.send(get("/count", "Content-Length: 100", method="POST") + b"half")
    connection.close()
    server.wait_for(lambda: counts(server)["body_errors"] == before + 1, "the reader to be told")


def test_bad_chunk_is_an_error_to_a_streaming_reader(server: RoostServer) -> None:
    before = counts(server)["body_errors"]
    with server.connect() as connection:
        connection.send(get("/count", "Transfer-Encoding: chunked", method="POST") + b"5\r\nhello\r\nnonsense\r\n")
        assert connection.read_response().status == 400
        assert connection.closed()
    assert counts(server)["body_errors"] == before + 1


@pytest.mark.parametrize("path", ["/fail", "/drop"])
def test_handler_that_gives_up_is_500_and_its_connection_goes_on(server: RoostServer, path: str) -> None:
    with server.connect() as connection:
        connection.send(get(path) + get("/text"))
        assert connection.read_response().status == 500
        assert connection.read_response().body == b"some text"


def test_failure_is_logged_with_the_request_id(server: RoostServer) -> None:
    httpx.get(f"{server.url}/fail")
    server.wait_log("the probe failed as it was told to")


def test_client_that_goes_cancels_its_request(server: RoostServer) -> None:
    before = counts(server)
    connection = server.connect()
    connection.send(get("/never"))
    server.wait_for(lambda: counts(server)["waiting"] == before["waiting"] + 1, "the request to be in its handler")
    connection.close()
    server.wait_for(lambda: counts(server)["cancelled"] == before["cancelled"] + 1, "the handler to be told")
    assert counts(server)["waiting"] == before["waiting"]


def test_client_that_goes_while_its_handler_answers_disturbs_nothing(server: RoostServer) -> None:
    # The access log's line is written as the connection goes, whatever the handler's thread does; TSan looks on.
    for _ in range(5):
        connections = [server.connect() for _ in range(4)]
        for connection in connections:
            connection.send(get("/block"))
        server.wait_for(lambda: counts(server)["waiting"] == 4, "four handlers to block")
        with server.connect() as opening:
            opening.send(get("/open"))
            for connection in connections:
                connection.close()
            assert opening.read_response().status == 200
        server.wait_for(lambda: counts(server)["waiting"] == 0, "them to be done")


def test_finished_response_reaches_a_client_that_half_closed(server: RoostServer) -> None:
    with server.connect() as connection:
        connection.send(get("/big?size=300000"))
        connection.shutdown_write()
        assert len(connection.read_response().body) == 300_000


def test_blocking_handlers_hold_up_nobody(server: RoostServer) -> None:
    connections = [server.connect() for _ in range(4)]
    try:
        for connection in connections:
            connection.send(get("/block"))
        server.wait_for(lambda: counts(server)["waiting"] == 4, "four handlers to block")
        assert httpx.get(f"{server.url}/text").text == "some text"
        httpx.get(f"{server.url}/open")
        answers = [connection.read_response() for connection in connections]
        assert [(answer.body, answer.headers["x-ip"]) for answer in answers] == [(b"blocked", "127.0.0.1")] * 4
        assert len({answer.headers["x-id"] for answer in answers}) == 4
    finally:
        for connection in connections:
            connection.close()


def test_thousand_connections_are_served_at_once(server: RoostServer) -> None:
    connections: list[RawConnection] = []
    try:
        connections += [server.connect() for _ in range(1000)]
        for _ in range(2):
            for connection in connections:
                connection.send(get("/text"))
            for connection in connections:
                assert connection.read_response().body == b"some text"
    finally:
        for connection in connections:
            connection.close()


def test_unix_socket_serves(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(
        "server: { listen: [unix:here.sock], processes: 1, access_log: { format: none } }\n"
        "routes: [{ path: /, respond: { body: hello } }]"
    )
    assert server.urls == [f"unix:{server.directory}/here.sock"]
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(server.directory / "here.sock"))) as client:
        assert client.get("http://anything/").text == "hello"


def test_two_addresses_serve(roost_server: Callable[..., RoostServer]) -> None:
    server = roost_server(
        'server: { listen: ["127.0.0.1:0", "[::1]:0"], processes: 2, access_log: { format: none } }\n'
        "routes: [{ path: /, respond: { body: hello } }]"
    )
    assert len(server.urls) == 2
    assert [httpx.get(url).text for url in server.urls] == ["hello", "hello"]
