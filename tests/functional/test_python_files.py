"""Files, cookies, redirects and background tasks of Python handlers."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from conftest import StartServer

from server_process import RoostServer

APP = """
import asyncio, contextvars, os, threading
from roost import (
    App, BackgroundTask, BackgroundTasks, FileResponse, Response, StreamingResponse, html, redirect, serve_file,
    serve_html
)

app = App(__file__)
mark = contextvars.ContextVar("mark", default="none")
done = []
gate = threading.Event()
async_gate = None

@app.get("/file/:name")
def file(request):
    return FileResponse(request.path_params["name"], headers={"X-Mine": "1", "Cache-Control": "max-age=9"})

@app.get("/async_file/:name")
async def async_file(request):
    return serve_file(request.path_params["name"])

@app.get("/named")
def named():
    return serve_file("small.txt", "r\\u00e9sum\\u00e9 \\"1\\".csv")

@app.get("/page")
def page():
    return serve_html("page.bin")

@app.get("/status")
def status():
    return FileResponse("small.txt", 404, {"Content-Type": "text/x"})

@app.get("/etag")
def etag():
    return FileResponse("small.txt", headers={"ETag": '"mine"'})

@app.get("/default")
def default():
    return FileResponse("small.txt")

@app.get("/bad")
def bad():
    return FileResponse("small.txt", headers={"X": "a\\r\\nb"})

@app.get("/html")
def page_text():
    return html("<p>\\u00e9</p>")

@app.get("/go")
def go():
    return redirect("/else where?q=\\u00e9&x=%20\\r\\nX-Forged: 1", 303)

@app.get("/cookies")
def cookies():
    response = Response(200, {}, "x")
    response.set_cookie(
        "a", "1", path="/", max_age=60, secure=True, http_only=True, same_site="lax", domain="example.com"
    )
    response.set_cookie("b", "old")
    response.set_cookie("b", "new")
    response.delete_cookie("c", path="/")
    return response

def plain_task(name):
    gate.wait()
    done.append([name, threading.current_thread().name, mark.get()])

async def async_task(name):
    await asyncio.to_thread(gate.wait)
    done.append([name, threading.current_thread().name, mark.get()])

@app.get("/later/:kind/:task")
def later(request):
    mark.set("sync handler")
    task = plain_task if request.path_params["task"] == "plain" else async_task
    return answer(request, BackgroundTask(task, name=request.path_params["task"]))

@app.get("/async_later/:kind/:task")
async def async_later(request):
    mark.set("async handler")
    task = plain_task if request.path_params["task"] == "plain" else async_task
    return answer(request, BackgroundTask(task, request.path_params["task"]))

def answer(request, task):
    kind = request.path_params["kind"]
    if kind == "file":
        return FileResponse("small.txt", background=task)
    if kind == "stream":
        return StreamingResponse(["small", " file\\n"], background=task)
    return Response(200, {}, "small file\\n", background=task)

@app.get("/several")
def several():
    tasks = BackgroundTasks([BackgroundTask(plain_task, "first")])
    tasks.add_task(async_task, "second")
    tasks.add_task(plain_task, "third")
    return Response(200, {}, "", background=tasks)

@app.get("/failing")
def failing():
    def fail():
        raise RuntimeError("in the background")
    return Response(200, {}, "ok", background=BackgroundTask(fail))

@app.get("/done")
def read_done():
    return done

@app.post("/gate/:state")
def set_gate(request):
    if request.path_params["state"] == "open":
        gate.set()
    else:
        gate.clear()
        done.clear()
    return {}
"""

HOOKED = """
from roost import App, FileResponse

app = App(__file__)

@app.get("/file")
def file():
    return FileResponse("small.txt")

@app.after_request()
def after(response):
    assert isinstance(response, FileResponse)
    response.headers["X-After"] = response.headers["content-disposition"]
"""

YAML = """
server: { listen: "127.0.0.1:0", processes: 1, timeouts: { drain: 20s } }
python: { venv: "${ROOST_VENV}", path: [.], threads: 4 }
routes:
  - { path: /hooked, python: hooked:app }
  - { path: /, python: files:app }
"""

SMALL = b"small file\n"
LARGE = bytes(range(256)) * 4096
FILES: dict[str, str | bytes] = {
    "files.py": APP,
    "hooked.py": HOOKED,
    "small.txt": SMALL,
    "large.bin": LARGE,
    "empty.txt": b"",
    "page.bin": b"<p>page</p>",
    "folder/x": b"",
}


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, FILES)


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with server.client() as connected:
        yield connected


def test_a_file_is_sent_with_what_tells_of_it(client: httpx.Client, server: RoostServer) -> None:
    for name, content, kind in (
        ("small.txt", SMALL, "text/plain; charset=utf-8"),
        ("large.bin", LARGE, "application/octet-stream"),
        ("empty.txt", b"", "text/plain; charset=utf-8"),
    ):
        for _ in range(2):
            response = client.get(f"/file/{name}")
            assert (response.status_code, response.content) == (200, content)
        assert response.headers["content-type"] == kind
        assert response.headers["content-length"] == str(len(content))
        assert (response.headers["x-mine"], response.headers["cache-control"]) == ("1", "max-age=9")
        assert response.headers["accept-ranges"] == "bytes"
        assert response.headers["etag"].strip("W/").startswith('"')
        modified = datetime.fromtimestamp(int((server.directory / name).stat().st_mtime), UTC)
        assert response.headers["last-modified"] == modified.strftime("%a, %d %b %Y %H:%M:%S GMT")


def test_head_tells_of_the_file_without_it(client: httpx.Client) -> None:
    response = client.head("/file/large.bin")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-length"] == str(len(LARGE))


@pytest.mark.parametrize("path", ["/file/large.bin", "/async_file/large.bin"])
@pytest.mark.parametrize(
    ("asked", "status", "content", "told"),
    [
        ("bytes=0-9", 206, LARGE[:10], f"bytes 0-9/{len(LARGE)}"),
        ("bytes=100-", 206, LARGE[100:], f"bytes 100-{len(LARGE) - 1}/{len(LARGE)}"),
        ("bytes=-7", 206, LARGE[-7:], f"bytes {len(LARGE) - 7}-{len(LARGE) - 1}/{len(LARGE)}"),
        (f"bytes={len(LARGE)}-", 416, b"", f"bytes */{len(LARGE)}"),
        ("lines=1-2", 200, LARGE, None),
    ],
)
def test_ranges(client: httpx.Client, path: str, asked: str, status: int, content: bytes, told: str | None) -> None:
    response = client.get(path, headers={"Range": asked})
    assert (response.status_code, response.headers.get("content-range")) == (status, told)
    assert response.content == content


def test_several_ranges_come_in_parts(client: httpx.Client) -> None:
    response = client.get("/file/small.txt", headers={"Range": "bytes=0-1, 6-7"})
    assert response.status_code == 206
    assert response.headers["content-type"].startswith("multipart/byteranges; boundary=")
    assert b"\r\n\r\nsm\r\n" in response.content
    assert b"\r\n\r\nfi\r\n" in response.content


def test_a_known_file_is_not_sent_again(client: httpx.Client, server: RoostServer) -> None:
    old = server.directory / "large.bin"
    os.utime(old, (1_700_000_000, 1_700_000_000))
    first = client.get("/file/large.bin")
    tag, modified = first.headers["etag"], first.headers["last-modified"]
    for headers in ({"If-None-Match": tag}, {"If-Modified-Since": modified}):
        response = client.get("/file/large.bin", headers=headers)
        assert (response.status_code, response.content) == (304, b""), headers
        assert response.headers["etag"] == tag
        assert response.headers["cache-control"] == "max-age=9"
        assert "content-disposition" not in response.headers
    assert client.get("/file/large.bin", headers={"If-Match": '"other"'}).status_code == 412
    for condition, status in ((tag, 206), ('"other"', 200)):
        headers = {"If-Range": condition, "Range": "bytes=0-0"}
        assert client.get("/file/large.bin", headers=headers).status_code == status


def test_validators_of_the_handler_count(client: httpx.Client) -> None:
    assert client.get("/etag").headers["etag"] == '"mine"'
    assert client.get("/etag", headers={"If-None-Match": '"mine"'}).status_code == 304


def test_another_status_is_sent_whole(client: httpx.Client) -> None:
    response = client.get("/status", headers={"Range": "bytes=0-0", "If-None-Match": "*"})
    assert (response.status_code, response.content, response.headers["content-type"]) == (404, SMALL, "text/x")


@pytest.mark.parametrize("name", ["missing", "folder", "folder%2Fnone"])
def test_what_is_no_file_is_not_found(client: httpx.Client, server: RoostServer, name: str) -> None:
    assert client.get(f"/file/{name}").status_code == 404
    server.wait_log("cannot be sent: ")


def test_a_malformed_header_is_an_error(client: httpx.Client, server: RoostServer) -> None:
    assert client.get("/bad").status_code == 500
    server.wait_log("a header that HTTP does not allow")


def test_file_helpers(client: httpx.Client) -> None:
    assert client.get("/default").headers["content-disposition"] == "attachment"
    assert client.get("/async_file/small.txt").headers["content-disposition"] == "attachment; filename=small.txt"
    named = client.get("/named")
    assert named.headers["content-type"] == "text/csv"
    assert named.headers["content-disposition"] == (
        "attachment; filename=\"r_sum_ _1_.csv\"; filename*=UTF-8''r%C3%A9sum%C3%A9%20%221%22.csv"
    )
    page = client.get("/page")
    assert (page.headers["content-type"], page.text) == ("text/html; charset=utf-8", "<p>page</p>")
    text = client.get("/html")
    assert (text.headers["content-type"], text.text) == ("text/html; charset=utf-8", "<p>\u00e9</p>")


def test_a_redirect_cannot_forge_headers(client: httpx.Client) -> None:
    response = client.get("/go")
    assert response.status_code == 303
    assert response.headers["location"] == "/else%20where?q=%C3%A9&x=%20%0D%0AX-Forged:%201"
    assert "x-forged" not in response.headers


def test_after_handlers_edit_the_headers_of_files(client: httpx.Client) -> None:
    response = client.get("/hooked/file")
    assert (response.content, response.headers["x-after"]) == (SMALL, "attachment")


def test_cookies(client: httpx.Client) -> None:
    assert client.get("/cookies").headers.get_list("set-cookie") == [
        "a=1; Path=/; Domain=example.com; Max-Age=60; Secure; HttpOnly; SameSite=Lax",
        "b=new",
        "c=; Path=/; Max-Age=0; Expires=Thu, 01 Jan 1970 00:00:00 GMT",
    ]


COOKIES: list[tuple[dict[str, Any], str | None]] = [
    ({"key": "a", "value": "1"}, "a=1"),
    ({"key": "a", "value": ""}, "a="),
    ({"key": "a", "value": "1", "partitioned": True, "secure": True}, "a=1; Secure; Partitioned"),
    ({"key": "a", "value": "1", "same_site": "NONE", "secure": True}, "a=1; Secure; SameSite=None"),
    (
        {"key": "a", "value": "1", "expires": datetime(2026, 10, 21, 7, 28, tzinfo=UTC)},
        "a=1; Expires=Wed, 21 Oct 2026 07:28:00 GMT",
    ),
    ({"key": "a", "value": "1", "max_age": 0}, "a=1; Max-Age=0"),
    ({"key": "a b", "value": "1"}, None),
    ({"key": "", "value": "1"}, None),
    ({"key": "a=b", "value": "1"}, None),
    ({"key": "a", "value": "1; Domain=evil"}, None),
    ({"key": "a", "value": "1\r\nSet-Cookie: b=2"}, None),
    ({"key": "a", "value": "\u00e9"}, None),
    ({"key": "a", "value": "1", "path": "/; Secure"}, None),
    ({"key": "a", "value": "1", "domain": "x\r\nY: z"}, None),
    ({"key": "a", "value": "1", "expires": "now; Secure"}, None),
    ({"key": "a", "value": "1", "same_site": "sometimes"}, None),
    ({"key": "a", "value": "1", "same_site": "None"}, None),
    ({"key": "a", "value": "1", "partitioned": True}, None),
]


@pytest.mark.parametrize(("given", "want"), COOKIES)
def test_cookie_attributes(given: dict[str, Any], want: str | None) -> None:
    roost = pytest.importorskip("roost")
    response = roost.Response()
    if want is None:
        with pytest.raises(ValueError, match=r"cookie|same_site"):
            response.set_cookie(**given)
        assert len(response.cookies) == 0
    else:
        response.set_cookie(**given)
        assert response.headers.get_all("set-cookie") == [want]
        assert response.cookies.keys() == ["a"]


def test_cookies_of_one_name_but_of_other_paths_stay() -> None:
    roost = pytest.importorskip("roost")
    response = roost.Response()
    response.set_cookie("a", "1", path="/x")
    response.set_cookie("a", "2", path="/y")
    response.set_cookie("a", "3", path="/x")
    assert response.headers.get_all("set-cookie") == ["a=2; Path=/y", "a=3; Path=/x"]
    response.cookies.delete("a", path="/y")
    assert response.cookies.get("a").max_age == 0
    response.cookies.remove("a")
    assert response.cookies.is_empty()


@pytest.mark.parametrize("task", ["plain", "async"])
@pytest.mark.parametrize("kind", ["text", "file", "stream"])
@pytest.mark.parametrize("handler", ["later", "async_later"])
def test_the_client_does_not_wait_for_background_tasks(
    server: RoostServer, client: httpx.Client, handler: str, kind: str, task: str
) -> None:
    client.post("/gate/shut")
    assert client.get(f"/{handler}/{kind}/{task}").text == "small file\n"
    assert client.get("/done").json() == []
    client.post("/gate/open")
    server.wait_for(lambda: client.get("/done").json(), "the task")
    name, thread, mark = client.get("/done").json()[0]
    assert name == task
    assert ("asyncio" in thread) == (task == "async") or thread.startswith("Dummy")
    assert mark == ("sync handler" if handler == "later" else "async handler")


def test_several_tasks_keep_their_order(server: RoostServer, client: httpx.Client) -> None:
    client.post("/gate/shut")
    client.get("/several")
    client.post("/gate/open")
    server.wait_for(lambda: len(client.get("/done").json()) == 3, "all tasks")
    assert [entry[0] for entry in client.get("/done").json()] == ["first", "second", "third"]


def test_an_error_in_the_background_is_logged(server: RoostServer, client: httpx.Client) -> None:
    assert client.get("/failing").text == "ok"
    server.wait_log(r"RuntimeError: in the background")
