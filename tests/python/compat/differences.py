"""Where python-bridge/compat answers otherwise than Robyn 0.88, and why.

EVERYWHERE is about every answer and taken out of both before they are compared; DIFFERENCES is about single behaviours:
the reason, and what is seen here instead.
"""

from __future__ import annotations

from typing import Any

GLOBAL = [["x-added", "added"], ["x-global", "set"]]
TEXT = ["content-type", "text/plain"]
JSON = ["content-type", "application/json"]

EVERYWHERE = [
    "a request has what its client sent, and the global request headers: Robyn gives it the global response headers",
    "a Response may have any body that a handler may return: Robyn's raises ValueError for all but str and bytes",
    "text says its charset: Robyn's text/plain and text/html leave umlauts to the browser's guess",
    "ALLOW_CORS with every origin allows no credentials: Robyn sends both, which browsers refuse (Fetch standard)",
    "a response with a body and without Content-Type is text/plain: Robyn sends none, and browsers sniff",
]


def comparable(seen: dict[str, Any]) -> dict[str, Any]:
    """An answer without what EVERYWHERE is about."""
    headers = [[name, value.removesuffix("; charset=utf-8")] for name, value in seen["headers"]]
    return {**seen, "headers": [header for header in headers if header != TEXT]}


def answer(status: int, body: Any, *headers: list[str], without_global: bool = False) -> dict[str, Any]:
    return {"status": status, "headers": sorted([*headers, *([] if without_global else GLOBAL)]), "body": body}


NOT_CACHED = "Robyn forbids caching of every stream; Roost that of server-sent events, others say so themselves"
DECODED = "Robyn does not percent-decode"
FILES = "headers for all responses are files', too; inline is what browsers do anyway"
METHODS = "Robyn answers 404 for a path that has other methods; RFC 9110 section 15.5.6: 405 with Allow"
PARSER = "the parser's own words about a mistake"
MISSING = "the server's own answer ends its line"

DIFFERENCES: dict[str, tuple[str, dict[str, Any]]] = {
    "tuple of three": (
        "Robyn fails with a dict in a tuple, against its documentation",
        answer(201, {"made": True}, JSON, ["x-tuple", "yes"]),
    ),
    "tuple of two is an error": ("Roost takes body and status alone, too", answer(201, "body")),
    "cookies": (
        "the same attributes in another order",
        answer(
            200,
            "cookie",
            ["set-cookie", "second=2"],
            ["set-cookie", "session=abc; Path=/; Max-Age=60; Secure; HttpOnly; SameSite=Lax"],
        ),
    ),
    "stream": (NOT_CACHED, answer(200, "one two three", ["x-stream", "yes"])),
    "stream of an async generator": (NOT_CACHED, answer(200, "abc")),
    "server-sent events": (
        "Robyn sends Cache-Control twice, and Pragma and Expires for browsers of the last century",
        answer(
            200,
            "event: greeting\nid: 1\nretry: 500\ndata: hello\n\ndata: two\ndata: lines\n\n",
            ["cache-control", "no-cache"],
            ["content-type", "text/event-stream"],
        ),
    ),
    "query": (
        DECODED,
        answer(
            200,
            {
                "get": "2",
                "default": "none",
                "first": "1",
                "all": ["1", "2"],
                "dict": {"a": ["1", "2"], "b": ["x y"]},
                "in": True,
                "contains": True,
                "empty": False,
                "items": [["a", "1"], ["a", "2"], ["b", "x y"]],
            },
            JSON,
        ),
    ),
    "query that is empty": (
        "get_all() of what is not there gives None in Robyn, and fails in every loop over it",
        answer(
            200,
            {
                "get": None,
                "default": "none",
                "first": None,
                "all": [],
                "dict": {},
                "in": False,
                "contains": False,
                "empty": True,
                "items": [],
            },
            JSON,
        ),
    ),
    "query's get without a default": (
        "Robyn's get() demands the default that its documentation leaves out",
        answer(200, "1"),
    ),
    "path parameter": (DECODED, answer(200, "a b")),
    "path parameter with umlaut": (DECODED, answer(200, "ü")),
    "json that is none": (
        PARSER,
        answer(500, "error msg: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ),
    "JsonBody that is none": (
        PARSER,
        answer(
            400,
            {"error": "Invalid JSON body: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"},
            JSON,
        ),
    ),
    "form of fields": (
        "Robyn 0.88 reads multipart forms only",
        answer(200, {"a": "1", "b": "x y"}, JSON),
    ),
    "excluded from global headers": (
        "Robyn sends the global headers to excluded paths, against its documentation",
        answer(200, "excluded", without_global=True),
    ),
    "directory's file": (FILES, answer(200, "body {}\n", ["content-type", "text/css"])),
    "directory's index": (FILES, answer(200, "<p>index\n", ["content-type", "text/html"])),
    "directory's missing file": (MISSING, answer(404, "Not Found\n")),
    "another method": (METHODS, answer(405, "Method Not Allowed\n", ["allow", "GET, HEAD, OPTIONS"])),
    "OPTIONS of a route without one": (METHODS, answer(204, "", ["allow", "GET, HEAD, OPTIONS"])),
    "HEAD of a GET route": ("RFC 9110 section 9.1: HEAD is answered where GET is", answer(200, "")),
}
