"""When hooks run."""

from __future__ import annotations

from enum import Enum


class Events(Enum):
    """Start and end of a worker."""

    STARTUP = "startup"
    SHUTDOWN = "shutdown"
