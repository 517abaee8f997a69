"""`python -m robyn app.py`."""

from __future__ import annotations

import sys

from roost.__main__ import main


def run() -> None:
    """Becomes the program that the command line names, or answers what it asks for."""
    main(sys.argv[1:], "python -m robyn")


__all__ = ["run"]
