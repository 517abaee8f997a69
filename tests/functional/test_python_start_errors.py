"""What keeps a server with Python from starting, and how it says so."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import StartServer

from server_process import VENV

APP = """
server: {{ listen: 127.0.0.1:0 }}
python: {{ venv: {venv} }}
routes:
  - {{ path: /, python: "{value}" }}
"""


def test_import_failure_has_its_place_and_traceback(roost_cli: Callable[..., Any]) -> None:
    result = roost_cli(
        "check",
        "--strict",
        "roost.yaml",
        files={
            "roost.yaml": APP.format(venv=VENV, value="broken:app"),
            "broken.py": "import nowhere_to_be_found\n",
        },
    )
    assert result.returncode == 1
    assert "roost.yaml:5:" in result.stderr
    assert "import nowhere_to_be_found" in result.stderr
    assert "ModuleNotFoundError: No module named 'nowhere_to_be_found'" in result.stderr


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("handlers", 'expected "module:name"'),
        ("handlers:nothing", "has no attribute 'nothing'"),
        ("handlers:number", "is neither a function nor a Roost app but int"),
    ],
)
def test_what_cannot_be_mounted_is_an_error(roost_cli: Callable[..., Any], value: str, why: str) -> None:
    result = roost_cli(
        "check",
        "--strict",
        "roost.yaml",
        files={"roost.yaml": APP.format(venv=VENV, value=value), "handlers.py": "number = 1\n"},
    )
    assert (result.returncode, why in result.stderr) == (1, True), result.stderr


def test_missing_venv_is_an_error(roost_cli: Callable[..., Any]) -> None:
    result = roost_cli("check", "--strict", "roost.yaml", files={"roost.yaml": APP.format(venv="nowhere", value="m:f")})
    assert result.returncode == 1
    assert re.search(r"roost\.yaml:3:\d+: python\.venv: there is no virtual environment .*/nowhere;", result.stderr)


def test_venv_without_the_package_says_how_to_install_it(roost_cli: Callable[..., Any], tmp_path: Path) -> None:
    bare = tmp_path / "bare"
    (bare / "bin").mkdir(parents=True)
    (bare / "bin" / "python").symlink_to(Path(sys.executable).resolve())
    (bare / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    result = roost_cli("check", "--strict", "roost.yaml", files={"roost.yaml": APP.format(venv=bare, value="m:f")})
    assert result.returncode == 1
    assert "the package roost is not installed for" in result.stderr
    assert f"{bare}/bin/python -m pip install" in result.stderr


def test_python_home_is_refused(roost_cli: Callable[..., Any]) -> None:
    result = roost_cli(
        "check",
        "--strict",
        "roost.yaml",
        files={"roost.yaml": APP.format(venv=VENV, value="m:f")},
        env={"PYTHONHOME": "/usr"},
    )
    assert result.returncode == 1
    assert "PYTHONHOME is set (/usr)" in result.stderr


def test_venv_of_another_minor_version_is_refused(roost_cli: Callable[..., Any], tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(VENV / "bin", other / "bin", symlinks=True)
    (other / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\nversion = 3.10.1\n")
    result = roost_cli("check", "--strict", "roost.yaml", files={"roost.yaml": APP.format(venv=other, value="m:f")})
    assert result.returncode == 1
    assert "was made for Python 3.10.1" in result.stderr


STARTUP = """
from roost import App
app = App(__file__)

@app.get("/")
def index(): return "ok"

@app.startup_handler
{define} fail(): raise LookupError("no database")
"""


@pytest.mark.parametrize("define", ["def", "async def"])
def test_startup_handler_that_raises_keeps_the_server_from_starting(roost_server: StartServer, define: str) -> None:
    server = roost_server(
        APP.format(venv=VENV, value="starting:app"),
        files={"starting.py": STARTUP.format(define=define)},
        wait_ready=False,
    )
    assert server.wait() == 1
    assert "LookupError: no database" in server.everything()
