"""The fixtures of the tests that call applications in process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from roost import App


@pytest.fixture
def app() -> App:
    from roost import App

    return App(__file__)
