"""Robyn's test client, by its other name."""

from robyn.testing import TestClient, TestResponse

__all__ = ["TestClient", "TestResponse"]
