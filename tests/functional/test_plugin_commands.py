"""`roost plugin inspect` and `roost plugin new`."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from server_process import PLUGINS, TEST_PLUGINS

Cli = Callable[..., subprocess.CompletedProcess[str]]


def test_inspect_tells_what_is_in_a_plugin(roost_cli: Cli) -> None:
    done = roost_cli("plugin", "inspect", str(TEST_PLUGINS / "libroost_sdk_test.so"))
    assert done.returncode == 0, done.stderr
    told = dict(re.split(r":\s+", line, maxsplit=1) for line in done.stdout.splitlines())
    assert (told["name"], told["version"], told["interface"]) == ("sdk_test", "1.2.3", "1.1 (this server: 1.1)")
    assert "libstdc++" in told["compiler"]
    for handler in ("sync (synchronous)", "later (asynchronous)", "blocking (blocking)", "streams its body"):
        assert handler in told["handlers"]
    assert told["middleware"] == "gate, slow_gate, watch"
    chat = roost_cli("plugin", "inspect", str(PLUGINS / "libroost_hello.so"))
    assert "chat (websocket)" in chat.stdout


@pytest.mark.parametrize(
    ("file", "says"),
    [("nowhere.so", "cannot load nowhere.so"), ("/dev/null", "cannot load"), ("libroost_wrong_abi.so", "version 2.3")],
)
def test_inspect_refuses_what_is_no_plugin(roost_cli: Cli, file: str, says: str) -> None:
    path = str(TEST_PLUGINS / file) if file.startswith("lib") else file
    done = roost_cli("plugin", "inspect", path)
    assert done.returncode == 1
    assert says in done.stderr


def test_new_plugin_builds_and_passes_its_own_test(roost_cli: Cli, tmp_path: Path) -> None:
    done = roost_cli("plugin", "new", "my_plugin2")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "my_plugin2"
    for command in (
        ["cmake", "-S", folder, "-B", folder / "build", "-G", "Ninja"],
        ["cmake", "--build", folder / "build"],
        ["ctest", "--test-dir", folder / "build", "--output-on-failure"],
    ):
        step = subprocess.run(command, capture_output=True, text=True, check=False)
        assert step.returncode == 0, step.stdout + step.stderr
    assert "100% tests passed" in step.stdout
    inspected = roost_cli("plugin", "inspect", str(folder / "build/libroost_my_plugin2.so"))
    assert inspected.stdout.split()[:2] == ["name:", "my_plugin2"]
    again = roost_cli("plugin", "new", "my_plugin2")
    assert again.returncode == 1
    assert "my_plugin2 exists already" in again.stderr


def test_new_plugin_builds_as_its_readme_says_without_cmake(roost_cli: Cli, tmp_path: Path) -> None:
    assert roost_cli("plugin", "new", "plain").returncode == 0
    folder = tmp_path / "plain"
    assert [file.name for file in folder.iterdir() if "@NAME" in file.read_text()] == []
    (folder / "build").mkdir()
    block = (folder / "README.md").read_text().split("Without CMake:")[1].split("```")[1]
    step = subprocess.run(["bash", "-ec", block], cwd=folder, capture_output=True, text=True, check=False)
    assert step.returncode == 0, step.stdout + step.stderr
    done = roost_cli("check", str(folder / "roost.yaml"))
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", ["", "a-b", "A", "1a", "../x", "a/b", "x" * 65])
def test_new_plugin_refuses_bad_names(roost_cli: Cli, tmp_path: Path, name: str) -> None:
    done = roost_cli("plugin", "new", name)
    assert done.returncode == 2
    assert "is no name for a plugin" in done.stderr or "required" in done.stderr
    assert not list(tmp_path.iterdir())
