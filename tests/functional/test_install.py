"""`cmake --install`: the tree can be moved, serves, and a plugin outside of the repository builds against it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from conftest import write_files

from server_process import BUILD, RoostServer

pytestmark = pytest.mark.long

PLUGIN = """
#include <roost/plugin.hpp>

ROOST_PLUGIN(outside) {
  plugin.handler("say", [](const roost::Request& request) {
    return roost::Response::text("outside ", request.path());
  });
}
"""

CMAKE = """
cmake_minimum_required(VERSION 3.20)
project(outside LANGUAGES C CXX)
find_package(roost 0.1 CONFIG REQUIRED)
roost_add_plugin(outside outside.cpp)
"""

SITE = """
server: { listen: 127.0.0.1:0 }
plugins:
  hello: { library: libroost_hello.so, config: { greeting: Installed } }
  outside: { library: libroost_outside.so }
routes:
  - { path: /hello/:name, plugin: hello.greet }
  - { path: /say, plugin: outside.say }
"""


def run(*command: str | Path, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Its standard output; fails with all that it said."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installed tree that was moved after it was installed."""
    folder = tmp_path_factory.mktemp("install")
    run("cmake", "--install", BUILD, "--prefix", folder / "first")
    moved = folder / "moved here"
    (folder / "first").rename(moved)
    return moved


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[list[RoostServer]]:
    """Servers that end with the test."""
    servers: list[RoostServer] = []
    yield servers
    for server in servers:
        server.stop()


def expect_served(prefix: Path, folder: Path, servers: list[RoostServer]) -> None:
    (folder / "roost.yaml").write_text(SITE)
    config = folder / "roost.yaml"
    server = RoostServer(config, command=[str(prefix / "bin/roost"), "serve", str(config)])
    servers.append(server)
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        assert client.get("/hello/you").text == "Installed, you!"
        assert client.get("/say").text == "outside /say"


def test_tree_holds_what_is_promised(prefix: Path) -> None:
    for name in (
        "bin/roost",
        "include/roost/abi.h",
        "include/roost/plugin.hpp",
        "lib/roost/plugins/libroost_hello.so",
        "lib/roost/plugins/libroost_markdown.so",
        "lib/cmake/roost/roost-config.cmake",
        "lib/pkgconfig/roost.pc",
    ):
        assert (prefix / name).exists(), name
    assert list((prefix / "lib").glob("libroost_core.so.*"))
    for file in prefix.rglob("*"):
        if file.is_file() and not file.is_symlink():
            assert str(prefix.parent / "first").encode() not in file.read_bytes(), (
                f"{file} knows where it was installed"
            )
    assert run(prefix / "bin/roost", "--version").startswith("roost ")


def test_plugin_builds_by_find_package(prefix: Path, tmp_path: Path, serve: list[RoostServer]) -> None:
    write_files(tmp_path, {"outside.cpp": PLUGIN, "CMakeLists.txt": CMAKE})
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", f"-DCMAKE_PREFIX_PATH={prefix}")
    run("cmake", "--build", tmp_path / "build")
    (tmp_path / "build/libroost_outside.so").rename(tmp_path / "libroost_outside.so")
    expect_served(prefix, tmp_path, serve)


def test_plugin_builds_by_pkg_config(prefix: Path, tmp_path: Path, serve: list[RoostServer]) -> None:
    write_files(tmp_path, {"outside.cpp": PLUGIN})
    build = 'eval c++ -std=c++17 -fPIC -shared -o libroost_outside.so outside.cpp "$(pkg-config --cflags roost)"'
    run("bash", "-c", build, cwd=tmp_path, env={"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")})
    expect_served(prefix, tmp_path, serve)


def test_new_plugin_of_an_installed_server(prefix: Path, tmp_path: Path) -> None:
    run(prefix / "bin/roost", "plugin", "new", "fresh", cwd=tmp_path)
    run("cmake", "-B", "build", cwd=tmp_path / "fresh")
    run("cmake", "--build", "build", cwd=tmp_path / "fresh")
    assert "100% tests passed" in run("ctest", "--test-dir", "build", "--output-on-failure", cwd=tmp_path / "fresh")
