"""What the application answered."""

from __future__ import annotations

import httpx


class TestResponse(httpx.Response):
    """A response of httpx; `ok` tells whether its status is one of success (2xx), as `is_success` does."""

    __test__ = False  # no test of pytest's

    @property
    def ok(self) -> bool:
        return self.is_success
