"""Robyn's test client, over Roost's."""

from __future__ import annotations

from typing import Any

from roost import Headers, Request, Response, testing
from roost.testing import TestResponse


class TestClient(testing.TestClient):
    """`roost.testing.TestClient`, which takes Robyn's words as well: json_data, query_params, form_data, body."""

    __test__ = False  # no test of pytest's

    def request(self, method: str, url: Any, **more: Any) -> TestResponse:
        """Sends one request."""
        for robyns, httpxs in (
            ("json_data", "json"),
            ("query_params", "params"),
            ("form_data", "data"),
            ("body", "content"),
        ):
            if robyns in more:
                more[httpxs] = more.pop(robyns)
        if isinstance(files := more.get("files"), dict):  # there a file's bytes are named as the file is
            more["files"] = {n: (n, file) if isinstance(file, bytes) else file for n, file in files.items()}
        return super().request(method, url, **more)

    def get(self, url: Any, **more: Any) -> TestResponse:
        """Sends GET."""
        return self.request("GET", url, **more)

    def post(self, url: Any, json_data: Any = None, **more: Any) -> TestResponse:
        """Sends POST."""
        return self.request("POST", url, **_json(json_data, more))

    def put(self, url: Any, json_data: Any = None, **more: Any) -> TestResponse:
        """Sends PUT."""
        return self.request("PUT", url, **_json(json_data, more))

    def patch(self, url: Any, json_data: Any = None, **more: Any) -> TestResponse:
        """Sends PATCH."""
        return self.request("PATCH", url, **_json(json_data, more))

    def delete(self, url: Any, json_data: Any = None, **more: Any) -> TestResponse:
        """Sends DELETE."""
        return self.request("DELETE", url, **_json(json_data, more))

    def head(self, url: Any, **more: Any) -> TestResponse:
        """Sends HEAD."""
        return self.request("HEAD", url, **more)

    def options(self, url: Any, **more: Any) -> TestResponse:
        """Sends OPTIONS."""
        return self.request("OPTIONS", url, **more)


def _json(value: Any, more: dict[str, Any]) -> dict[str, Any]:
    return more if value is None or "body" in more else {**more, "json": value}


__all__ = ["Headers", "Request", "Response", "TestClient", "TestResponse"]
