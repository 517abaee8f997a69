"""Fixtures for the tests of applications; pytest finds them by itself where roost is installed.

[tool.pytest.ini_options]
roost_app = "shop.main:app"     # "app:app" unless said so; or override the fixture roost_app

def test_note_is_created(roost_client):
    assert roost_client.post("/notes", json={"title": "Bread"}).status_code == 201

def test_over_a_socket(roost_server):
    assert roost_server.client.get("/notes").status_code == 200
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from roost.app import App
    from roost.testing import RunningServer, TestClient


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declares the setting `roost_app`."""
    parser.addini(
        "roost_app", "the application that the fixtures of roost test, as module:attribute", default="app:app"
    )


@pytest.fixture
def roost_app(pytestconfig: pytest.Config) -> App:
    """The application under test: what the setting `roost_app` names."""
    module, _, attribute = str(pytestconfig.getini("roost_app")).partition(":")
    try:
        app: App = getattr(importlib.import_module(module), attribute or "app")
    except (ModuleNotFoundError, AttributeError) as error:
        raise pytest.UsageError(
            f'roost_app: {error}; name the application in the settings of pytest, e.g. roost_app = "shop.main:app"'
        ) from error
    return app


@pytest.fixture
def roost_client(roost_app: App) -> Iterator[TestClient]:
    """A `TestClient` of `roost_app`, started, and stopped after the test."""
    from roost.testing import TestClient

    with TestClient(roost_app) as client:
        yield client


@pytest.fixture
def roost_server(roost_app: App) -> Iterator[RunningServer]:
    """A `RunningServer` of `roost_app` on a free port: `.url`, `.ws_url`, `.client`, `.log`; stopped after the test."""
    from roost.testing import RunningServer

    with RunningServer(roost_app) as server:
        yield server
