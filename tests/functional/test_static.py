"""Static directories through the front door: types, conditions, ranges, neighbours, listing, and no way out."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from server_process import RoostServer

CONFIGURATION = """
server: { listen: 127.0.0.1:0, processes: 1, access_log: { format: none } }
routes:
  - { path: /, directory: www, index: index.html }
  - { path: /listed, directory: www, listing: true }
  - { path: /dots, directory: www, hidden: true }
  - { path: /app, directory: app, fallback: index.html, cache_control: "public, max-age=3600" }
"""
TEXT = "0123456789" * 10
BIG = os.urandom(300_000)
FILES: dict[str, str | bytes] = {
    "secret.txt": "secret",
    "www/index.html": "<p>index</p>",
    "www/text.txt": TEXT,
    "www/big.bin": BIG,
    "www/empty.txt": "",
    "www/style.css": "p {}",
    "www/app.js": "1",
    "www/page.js": "2",
    "www/picture.svg": "<svg/>",
    "www/font.woff2": b"\0",
    "www/data.json": "{}",
    "www/unknown.zzzz": "?",
    "www/noextension": "?",
    "www/two words.txt": "two words",
    "www/sub/index.html": "sub",
    "www/bare/one.txt": "one",
    "www/bare/<b>.txt": "two",
    "www/.hidden": "hidden",
    "www/.git/config": "hidden",
    "www/sub/.env": "hidden",
    "www/.well-known/security.txt": "security",
    "www/.well-known/.env": "hidden",
    "www/packed.txt": "packed " * 100,
    "www/packed.txt.gz": gzip.compress(b"packed " * 100),
    "www/packed.txt.br": b"this stands for brotli",
    "app/index.html": "the app",
    "app/real.js": "real",
}


@pytest.fixture(scope="module")
def server(module_server: Callable[..., RoostServer], tmp_path_factory: pytest.TempPathFactory) -> RoostServer:
    server = module_server(CONFIGURATION, FILES)
    www = server.directory / "www"
    # Of a file that has just changed the tag is weak: it may change again within its time stamp.
    for path in www.iterdir():
        os.utime(path, (1_700_000_000, 1_700_000_000))
    (www / "inside.txt").symlink_to("text.txt")
    (www / "outside.txt").symlink_to("../secret.txt")
    (www / "outside").symlink_to("/etc")
    (www / "absolute.txt").symlink_to(www / "text.txt")
    (www / "loop").symlink_to("loop")
    os.mkfifo(www / "pipe")
    return server


@pytest.fixture(scope="module")
def client(server: RoostServer) -> httpx.Client:
    return httpx.Client(base_url=server.url, headers={"Accept-Encoding": "identity"})


def ask(server: RoostServer, target: str) -> tuple[int, bytes]:
    with server.connect() as connection:
        connection.send(f"GET {target} HTTP/1.1\r\nHost: a\r\n\r\n".encode("latin-1"))
        response = connection.read_response()
        return response.status, response.body


@pytest.mark.parametrize(
    "name, media_type",
    [
        ("/", "text/html"),
        ("/text.txt", "text/plain"),
        ("/style.css", "text/css"),
        ("/app.js", "text/javascript"),
        ("/picture.svg", "image/svg+xml"),
        ("/font.woff2", "font/woff2"),
        ("/data.json", "application/json"),
        ("/unknown.zzzz", "application/octet-stream"),
        ("/noextension", "application/octet-stream"),
    ],
)
def test_media_type(client: httpx.Client, name: str, media_type: str) -> None:
    response = client.get(name)
    assert response.status_code == 200
    assert response.headers["content-type"].split(";")[0] == media_type
    if media_type.startswith("text/"):
        assert "charset=utf-8" in response.headers["content-type"].lower()


@pytest.mark.parametrize(
    "target, body",
    [("/", "<p>index</p>"), ("/index.html", "<p>index</p>"), ("/sub/", "sub"), ("/two%20words.txt", "two words")],
)
def test_file_is_served(client: httpx.Client, target: str, body: str) -> None:
    response = client.get(target)
    assert (response.status_code, response.text) == (200, body)


def test_folder_without_its_slash_is_redirected(client: httpx.Client) -> None:
    response = client.get("/sub?a=b")
    assert (response.status_code, response.headers["location"]) == (301, "/sub/?a=b")


def test_folder_without_an_index_is_404(client: httpx.Client) -> None:
    assert client.get("/bare/").status_code == 404


def test_file_with_a_slash_behind_is_404(client: httpx.Client) -> None:
    assert client.get("/text.txt/").status_code == 404


def test_large_and_empty_files(client: httpx.Client) -> None:
    assert client.get("/big.bin").content == BIG
    empty = client.get("/empty.txt")
    assert (empty.status_code, empty.content, empty.headers["content-length"]) == (200, b"", "0")


def test_pipelined_files_arrive_in_order(server: RoostServer) -> None:
    names = ["/big.bin", "/text.txt", "/empty.txt", "/big.bin", "/nothing"] * 4
    with server.connect() as connection:
        connection.send("".join(f"GET {name} HTTP/1.1\r\nHost: a\r\n\r\n" for name in names).encode())
        for name in names:
            response = connection.read_response()
            expected = {"/big.bin": BIG, "/text.txt": TEXT.encode(), "/empty.txt": b""}.get(name)
            assert response.body == expected if expected is not None else response.status == 404


def test_head_has_the_length_and_no_body(client: httpx.Client) -> None:
    head, whole = client.head("/big.bin"), client.get("/big.bin")
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "content-type", "etag", "last-modified"):
        assert head.headers[name] == whole.headers[name]


def test_other_methods_are_405(client: httpx.Client) -> None:
    response = client.post("/text.txt", content=b"x")
    assert response.status_code == 405
    assert {"GET", "HEAD"} <= set(response.headers["allow"].split(", "))


def test_conditional_requests(client: httpx.Client) -> None:
    first = client.get("/text.txt")
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    cases: list[tuple[dict[str, str], int]] = [
        ({"If-None-Match": tag}, 304),
        ({"If-None-Match": f'"other", {tag}'}, 304),
        ({"If-None-Match": "*"}, 304),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Modified-Since": modified}, 304),
        ({"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": "nonsense"}, 200),
        ({"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"}, 200),
        ({"If-Modified-Since": modified, "If-None-Match": tag.strip('W/"')}, 200),
        ({"If-None-Match": f"W/{tag.removeprefix('W/')}"}, 304),
        ({"If-None-Match": '"other"', "If-Modified-Since": modified}, 200),
        ({"If-Match": tag}, 200),
        ({"If-Match": '"other"'}, 412),
        ({"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412),
        ({"If-Unmodified-Since": modified}, 200),
    ]
    for headers, status in cases:
        response = client.get("/text.txt", headers=headers)
        assert response.status_code == status, headers
        if status == 304:
            assert response.content == b""
            assert response.headers["etag"] == tag


def test_etag_changes_with_the_file(server: RoostServer, client: httpx.Client) -> None:
    path = server.directory / "www" / "changing.txt"
    path.write_text("one")
    first = client.get("/changing.txt")
    path.write_text("three")
    server.wait_for(lambda: client.get("/changing.txt").text == "three", "the change to be seen")
    assert client.get("/changing.txt", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize(
    "value, status, expected, content_range",
    [
        ("bytes=0-9", 206, TEXT[:10], "bytes 0-9/100"),
        ("bytes=95-", 206, TEXT[95:], "bytes 95-99/100"),
        ("bytes=-5", 206, TEXT[-5:], "bytes 95-99/100"),
        ("bytes=-500", 206, TEXT, "bytes 0-99/100"),
        ("bytes=90-500", 206, TEXT[90:], "bytes 90-99/100"),
        ("bytes=0-0", 206, TEXT[:1], "bytes 0-0/100"),
        ("bytes=100-", 416, None, "bytes */100"),
        ("bytes=200-300", 416, None, "bytes */100"),
        ("bytes=-0", 416, None, "bytes */100"),
        ("bytes=5-2", 200, TEXT, None),
        ("bytes=a-b", 200, TEXT, None),
        ("lines=0-9", 200, TEXT, None),
        ("bytes=", 200, TEXT, None),
    ],
)
def test_range(client: httpx.Client, value: str, status: int, expected: str | None, content_range: str | None) -> None:
    response = client.get("/text.txt", headers={"Range": value})
    assert response.status_code == status
    assert response.headers.get("content-range") == content_range
    if expected is not None:
        assert response.text == expected


def test_range_of_a_large_file(client: httpx.Client) -> None:
    assert client.get("/big.bin", headers={"Range": "bytes=1000-250000"}).content == BIG[1000:250_001]


def test_if_range_takes_the_whole_when_the_file_changed(client: httpx.Client) -> None:
    tag = client.get("/text.txt").headers["etag"]
    assert client.get("/text.txt", headers={"Range": "bytes=0-9", "If-Range": tag}).status_code == 206
    assert client.get("/text.txt", headers={"Range": "bytes=0-9", "If-Range": '"other"'}).status_code == 200


def test_ranges_are_announced(client: httpx.Client) -> None:
    assert client.get("/text.txt").headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize(
    "accepted, coding",
    [
        ("gzip", "gzip"),
        ("br", "br"),
        ("gzip, deflate, br", "br"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("gzip;q=0", None),
        ("*", "br"),
        ("deflate", None),
    ],
)
def test_precompressed_neighbour(server: RoostServer, accepted: str, coding: str | None) -> None:
    with server.connect() as connection:
        connection.send(f"GET /packed.txt HTTP/1.1\r\nHost: a\r\nAccept-Encoding: {accepted}\r\n\r\n".encode())
        response = connection.read_response()
    assert response.headers.get("content-encoding") == coding
    assert response.headers["content-type"].startswith("text/plain")
    assert "accept-encoding" in response.headers["vary"].lower()
    assert response.body == FILES["www/packed.txt" + {"gzip": ".gz", "br": ".br", None: ""}[coding]] or (
        coding is None and response.body.decode() == FILES["www/packed.txt"]
    )


def test_representations_have_different_tags(client: httpx.Client) -> None:
    tags = {client.get("/packed.txt", headers={"Accept-Encoding": coding}).headers["etag"] for coding in ("gzip", "")}
    assert len(tags) == 2


def test_fallback_answers_for_what_is_not_there(client: httpx.Client) -> None:
    for target in ("/app/some/page", "/app/", "/app/index.html"):
        response = client.get(target)
        assert (response.status_code, response.text) == (200, "the app"), target
    assert client.get("/app/real.js").text == "real"


def test_cache_control_is_sent(client: httpx.Client) -> None:
    assert client.get("/app/real.js").headers["cache-control"] == "public, max-age=3600"
    assert "cache-control" not in client.get("/text.txt").headers


def test_listing_shows_names_and_escapes_them(client: httpx.Client) -> None:
    response = client.get("/listed/bare/")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    assert "one.txt" in response.text
    assert "<b>.txt" not in response.text
    assert "&lt;b&gt;.txt" in response.text
    assert client.get("/listed/bare/%3Cb%3E.txt").text == "two"


OUTSIDE = [
    "/../secret.txt",
    "/sub/../../secret.txt",
    "/%2e%2e/secret.txt",
    "/%2E%2E%2Fsecret.txt",
    "/..%2fsecret.txt",
    "/sub/..%2f..%2fsecret.txt",
    "/sub%2f..%2f..%2fsecret.txt",
    "/.%2e/secret.txt",
    "/%252e%252e/secret.txt",
    "/..%c0%afsecret.txt",
    "/..%5csecret.txt",
    "/..\\secret.txt",
    "//secret.txt",
    "///etc/passwd",
    "/outside.txt",
    "/outside/passwd",
    "/outside/hostname",
    "/text.txt%00",
    "/text.txt%00.html",
    "/%00",
    "/....//secret.txt",
    "/.../secret.txt",
    "/text.txt/../../secret.txt",
    "/loop",
    "/pipe",
    "/listed/../secret.txt",
    "/app/../secret.txt",
    "/app/..%2fsecret.txt",
    "/app/%2e%2e/secret.txt",
    "http://a/../secret.txt",
    "/sub/./.././../secret.txt",
    "/~root/.profile",
    "/" + "../" * 30 + "etc/passwd",
    "/" + "%2e%2e/" * 30 + "etc/passwd",
    "/" + "x" * 300,
]


@pytest.mark.parametrize("target", OUTSIDE, ids=range(len(OUTSIDE)))
def test_nothing_outside_is_served(server: RoostServer, target: str) -> None:
    status, body = ask(server, target)
    assert b"secret" not in body
    assert b"root:" not in body
    # Where the fallback answers, what it answers with is inside.
    assert status in (301, 308, 400, 404) or body == b"the app", (target, status)


HIDDEN = [
    "/.hidden",
    "/%2ehidden",
    "/.git/config",
    "/x/../.git/config",
    "/sub/.env",
    "/.well-known/.env",
    "/.git",
    "/.git/",
]


@pytest.mark.parametrize("target", HIDDEN)
def test_names_that_begin_with_a_dot_are_not_served(server: RoostServer, target: str) -> None:
    for prefix in ("", "/listed"):
        assert ask(server, prefix + target)[0] == 404
    assert ask(server, "/app/.env") == (200, b"the app"), "as anything that is not there"


def test_well_known_resources_are_served(server: RoostServer) -> None:
    assert ask(server, "/.well-known/security.txt") == (200, b"security")


def test_names_that_begin_with_a_dot_are_served_where_that_is_wanted(server: RoostServer) -> None:
    for target in ("/.hidden", "/.git/config", "/sub/.env", "/.well-known/.env"):
        assert ask(server, "/dots" + target) == (200, b"hidden")


def test_symbolic_link_within_is_followed(server: RoostServer) -> None:
    assert ask(server, "/inside.txt") == (200, TEXT.encode())


def test_file_that_appears_is_served_and_one_that_goes_is_not(server: RoostServer, client: httpx.Client) -> None:
    path: Path = server.directory / "www" / "passing.txt"
    assert client.get("/passing.txt").status_code == 404
    path.write_text("here")
    server.wait_for(lambda: client.get("/passing.txt").status_code == 200, "the file to appear")
    path.unlink()
    server.wait_for(lambda: client.get("/passing.txt").status_code == 404, "the file to go")
