"""Bare WSGI, for Granian."""

import orjson


def app(environ, start_response):
    body = orjson.dumps({"message": "Hello, World!"})
    start_response("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]
