"""The fixtures of the functional tests: the real binary on a port of its own, and its command line."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import pytest

from server_process import BINARY, PATIENCE, RoostServer, environment

# What nohup(1), or a shell for what runs in its background, has ignored, the servers of the tests are to hear.
for number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.SIG_DFL)

Files = Mapping[str, str | bytes]
StartServer = Callable[..., RoostServer]

_servers = pytest.StashKey[list[RoostServer]]()


def write_files(directory: Path, files: Files) -> None:
    """Writes each file below `directory`, making the folders on the way."""
    for name, content in files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


def _factory(directory: Path, servers: list[RoostServer]) -> StartServer:
    def start(
        yaml_text: str,
        files: Files | None = None,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        wait_ready: bool = True,
    ) -> RoostServer:
        folder = directory / f"server{len(servers)}"
        write_files(folder, {"roost.yaml": yaml_text, **(files or {})})
        server = RoostServer(folder / "roost.yaml", env, args, wait_ready)
        servers.append(server)
        return server

    return start


def _stop_all(servers: list[RoostServer]) -> None:
    errors = []
    for server in servers:
        try:
            server.stop()
        except AssertionError as error:
            errors.append(error)
    if errors:
        raise errors[0]


@pytest.fixture
def roost_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StartServer]:
    """`roost_server(yaml_text, files={}, env={}, args=[], wait_ready=True)`: a `RoostServer`, stopped after the test.

    The YAML goes to `roost.yaml` in a folder of the server's own, `files` beside it. It listens on 127.0.0.1:0 and the
    test asks for `.url` or `.port`. In YAML, `${ROOST_VENV}` is the virtual environment that has the package roost,
    `${ROOST_PLUGINS}` the folder of the built plugins, `${ROOST_TEST_PLUGINS}` that of the tests' own,
    `${ROOST_REPOSITORY}` the repository.
    """
    servers = request.node.stash.setdefault(_servers, [])
    yield _factory(tmp_path, servers)
    _stop_all(servers)


@pytest.fixture(scope="module")
def module_server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StartServer]:
    """As `roost_server`, for a server that all tests of a module share."""
    servers = request.node.stash.setdefault(_servers, [])
    yield _factory(tmp_path_factory.mktemp("module"), servers)
    _stop_all(servers)


@pytest.fixture
def roost_cli(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`roost_cli("check", "roost.yaml", files={...}, env={})`: runs the command in `tmp_path`, returns how it ended."""

    def run(
        *args: str, files: Files | None = None, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        write_files(tmp_path, files or {})
        return subprocess.run(
            [str(BINARY), *args],
            cwd=tmp_path,
            env=environment(env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    return run


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    """Closes what a test enters into it."""
    with ExitStack() as stack:
        yield stack


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows what the test's servers said when it failed."""
    report = yield
    if report.failed:
        for node in item.listchain():
            for server in node.stash.get(_servers, []):
                report.sections.append((f"roost {server.config}", server.everything()[-20000:]))
    return report
