"""Granian's own interface."""

import orjson


class App:
    async def __rsgi__(self, scope, proto):
        if scope.path == "/echo":
            proto.response_bytes(200, [("content-type", "application/octet-stream")], await proto())
        elif scope.path.startswith("/users/"):
            proto.response_bytes(200, [("content-type", "application/json")], orjson.dumps({"id": scope.path[7:]}))
        else:
            body = orjson.dumps({"message": "Hello, World!"})
            proto.response_bytes(200, [("content-type", "application/json")], body)


app = App()
