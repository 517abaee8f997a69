"""`robyn.env`: variables for the environment, which wins where it has one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from roost import _dotenv


def parser(config_path: str | os.PathLike[str] | None = None, project_root: str = "") -> Iterator[list[str]]:
    """Name and value of each line of the file, `robyn.env` in `project_root` by default."""
    path = Path(config_path) if config_path is not None else Path(project_root) / "robyn.env"
    if path.exists():
        for name, (value, _) in _dotenv.read(str(path)).items():
            yield [name, value]


def load_vars(variables: Iterable[list[str]] | None = None, project_root: str = "") -> None:
    """Puts them into the environment.

    Raises:
        SystemExit: the file is not as it should be; the message names file and line.
    """
    if variables is None:
        try:
            _dotenv.load(str(Path(project_root) / "robyn.env"))
        except ValueError as error:
            raise SystemExit(str(error)) from None
        return
    for name, value in variables:
        os.environ.setdefault(name, value)
