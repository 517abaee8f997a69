"""The plugins that come with the server: hello and notes' Markdown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from websockets.sync.client import connect

from server_process import RoostServer

Start = Callable[..., RoostServer]


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
    with shipped.client() as client:
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
    with server.client() as http:
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
    with shipped.client() as client:
        response = client.post("/render", content=markdown.encode())
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    for text in there:
        assert text in response.text
    for text in not_there:
        assert text not in response.text


def test_markdown_of_any_size_and_from_many_at_once(shipped: RoostServer) -> None:
    with shipped.client() as client:
        assert client.get("/render").text == ""
        assert client.post("/render", content=b"\xff\xfe").text == "<p>\ufffd\ufffd</p>\n"
        large = client.post("/render", content="line ~~x~~\n\n" * 50_000).text
        assert large == "<p>line <del>x</del></p>\n" * 50_000
    failures: list[str] = []

    def render() -> None:
        with shipped.client() as client:
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
