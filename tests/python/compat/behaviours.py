"""What users of Robyn 0.88 rely on, one request each, and what is seen of the answer."""

from __future__ import annotations

import time
from typing import Any

import httpx

JSON = {"Content-Type": "application/json"}

Behaviour = tuple[str, str, dict[str, Any]]


def get(path: str, **more: Any) -> Behaviour:
    return "GET", path, more


def post(path: str, **more: Any) -> Behaviour:
    return "POST", path, more


BEHAVIOURS: dict[str, Behaviour] = {
    "text": get("/text"),
    "text of a coroutine": get("/async/text"),
    "dict is JSON": get("/dict"),
    "list is JSON": get("/list"),
    "bytes": get("/bytes"),
    "number is shown as text": get("/number"),
    "None": get("/none"),
    "object that is no response": get("/object"),
    "jsonify gives a str": get("/jsonify"),
    "tuple of three": get("/tuple"),
    "tuple of two is an error": get("/tuple/wrong"),
    "response": get("/response"),
    "response with a dict of headers": get("/response/dict-headers"),
    "response of bytes": get("/response/bytes"),
    "header twice": get("/response/many"),
    "cookies": get("/cookie"),
    "html": get("/html"),
    "html of a file": get("/html/file"),
    "file": get("/file"),
    "template, escaped": get("/template"),
    "status_code of the route": get("/status"),
    "const": get("/const"),
    "stream": get("/stream"),
    "stream of an async generator": get("/stream/async"),
    "server-sent events": get("/sse"),
    "exception handler": get("/raise"),
    "exception handler of a coroutine": get("/async/raise"),
    "query": get("/query?a=1&a=2&b=x%20y"),
    "query that is empty": get("/query"),
    "query's get without a default": get("/query/get?a=1"),
    "headers": get("/headers", headers={"X-One": "1"}),
    "headers are writable": get("/headers/write"),
    "path parameter": get("/param/a%20b"),
    "path parameter with umlaut": get("/param/%C3%BC"),
    "remainder": get("/param/1/rest/a/b"),
    "body of text is str": post("/body", content="text"),
    "body of bytes is bytes": post("/body", content=b"\xff\x00"),
    "body that is empty": post("/body"),
    "body echoed": post("/body/echo", content="größer"),
    "json object": post("/json", content='{"a": 1, "b": [1.5, null, true, "x"]}', headers=JSON),
    "json array": post("/json", content="[1]", headers=JSON),
    "json that is none": post("/json", content="{", headers=JSON),
    "form of fields": post("/form", data={"a": "1", "b": "x y"}),
    "multipart fields": post("/form", files={"f": ("f.txt", b"content")}, data={"a": "1"}),
    "multipart files are bytes by name": post("/files", files={"f": ("own.txt", b"content")}),
    "url": get("/url"),
    "method and address": get("/method"),
    "put": ("PUT", "/verb", {}),
    "patch": ("PATCH", "/verb", {}),
    "delete": ("DELETE", "/verb", {}),
    "post": post("/verb"),
    "options": ("OPTIONS", "/options", {}),
    "head": ("HEAD", "/head", {}),
    "typed path": get("/typed/path/7"),
    "typed path of another type": get("/typed/path/seven"),
    "typed query": get("/typed/query?a=1&b=2.5&c=x&d=yes"),
    "typed query with defaults": get("/typed/query?a=1"),
    "typed query that is missing": get("/typed/query"),
    "typed query of another type": get("/typed/query?a=x"),
    "typed query that is no bool": get("/typed/query?a=1&d=perhaps"),
    "typed list": get("/typed/list?a=1&a=2"),
    "typed uuid": get("/typed/uuid?a=12345678-1234-5678-1234-567812345678"),
    "typed uuid that is none": get("/typed/uuid?a=1"),
    "parts of the request by name": get("/typed/names?a=1", headers={"X-One": "1"}),
    "parts of the request by annotation": post("/typed/annotations/3?a=1", content="b", headers={"X-One": "1"}),
    "form and files by annotation": post("/typed/form", files={"f": ("f.txt", b"1")}, data={"a": "1"}),
    "JsonBody": post("/typed/jsonbody", content='{"a": 1}', headers=JSON),
    "JsonBody that is none": post("/typed/jsonbody", content="{", headers=JSON),
    "pydantic": post("/typed/pydantic", content='{"name": "pen", "price": "2.5"}', headers=JSON),
    "pydantic with an error": post("/typed/pydantic", content='{"name": 1}', headers=JSON),
    "pydantic without json": post("/typed/pydantic", content="{", headers=JSON),
    "pydantic model returned": post("/typed/model", content='{"name": "pen", "price": 1}', headers=JSON),
    "TypedDict": post("/typed/typeddict", content='{"a": 1}', headers=JSON),
    "response model": get("/typed/response-model"),
    "before handlers in order": get("/order"),
    "before handler ends": get("/stopped"),
    "before handler ends with a dict": get("/stopped/dict"),
    "after handler of two arguments": get("/after/two"),
    "excluded from global headers": get("/excluded"),
    "not authenticated": get("/auth"),
    "wrong token": get("/auth", headers={"Authorization": "Bearer bad"}),
    "authenticated": get("/auth", headers={"Authorization": "Bearer good"}),
    "global dependency": get("/inject/global"),
    "router dependency": get("/inject/router"),
    "sub-router": get("/sub/one"),
    "sub-router with a parameter": get("/sub/param/1"),
    "sub-router's post": post("/sub/one", content="[1]", headers=JSON),
    "sub-router's dependency": get("/sub/inject"),
    "add_route": get("/added"),
    "directory's file": get("/static/style.css"),
    "directory's index": get("/static/"),
    "directory's missing file": get("/static/missing"),
    "missing": get("/missing"),
    "another method": post("/dict"),
    "OPTIONS of a route without one": ("OPTIONS", "/dict", {}),
    "HEAD of a GET route": ("HEAD", "/text", {}),
    "trailing slash": get("/text/"),
    "openapi": get("/openapi.json"),
    "docs": get("/docs"),
}
LEFT_OUT = {
    "date",
    "connection",
    "keep-alive",
    "transfer-encoding",
    "content-length",
    "server",
    "vary",
    "etag",
    "last-modified",
}
LEFT_OUT |= {"accept-ranges", "x-accel-buffering", "x-content-type-options", "content-disposition-x"}


def observe(client: httpx.Client, behaviour: Behaviour) -> dict[str, Any]:
    """Status, headers that an application cares for, and body of the answer."""
    method, path, more = behaviour
    for again in range(3):
        try:
            answer = client.request(method, path, **more)
            break
        except httpx.RemoteProtocolError:  # Robyn closes idle connections without a word
            if again == 2:
                return {"status": 0, "headers": [], "body": "closed without an answer"}
            time.sleep(0)
    headers = sorted([n.lower(), v] for n, v in answer.headers.multi_items() if n.lower() not in LEFT_OUT)
    if path in ("/openapi.json", "/docs"):  # the application's own headers come with them here
        headers = [header for header in headers if header[0] == "content-type"]
    if path == "/openapi.json":
        # Robyn shows a remainder as it is registered, which OpenAPI does not know.
        body: Any = sorted(path for path in answer.json()["paths"] if "rest" not in path)
    elif path == "/docs":
        body = "a page" if "<html" in answer.text.lower() else answer.text
    elif answer.headers.get("content-type", "").startswith("application/json"):
        try:
            body = answer.json()
        except ValueError:
            body = answer.text
    else:
        body = answer.content.decode("utf-8", errors="backslashreplace")
    return {"status": answer.status_code, "headers": headers, "body": body}
