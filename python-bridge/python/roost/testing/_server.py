"""The real server for a test: a process of its own, on a port that is free."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from types import TracebackType
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from roost.app import App


class RunningServer:
    """An application served as `python app.py` does it; ready when the constructor returns.

    with RunningServer(app) as server:
        assert server.client.get("/").status_code == 200

    Args:
        app: the application, found again by the process through the module that holds it.
        options: of `App.start`, e.g. processes=2.

    Raises:
        LookupError: no module of this process has the application as an attribute.
        RuntimeError: the server did not start; the message has its log.
    """

    def __init__(self, app: App, **options: Any) -> None:
        module, attribute = _place_of(app)
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(path or os.getcwd() for path in sys.path))
        self._log = tempfile.TemporaryFile(  # noqa: SIM115 (closed by close)
            mode="w+", encoding="utf-8", errors="replace"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "roost.testing._run", module, attribute, repr({"port": 0, **options})],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            encoding="utf-8",
            errors="replace",
        )
        assert self.process.stdout is not None
        self.url = ""
        for line in self.process.stdout:
            if line.startswith("listening ") and not self.url:
                self.url = line.split()[1]
            if line == "ready\n":
                break
        else:
            self.process.wait()
            raise RuntimeError(f"the server ended with status {self.process.returncode}:\n{self.log}")
        # What follows is the access log: read, so that the server never waits for it.
        import threading

        threading.Thread(target=self.process.stdout.read, name="roost-server-output", daemon=True).start()
        self.client = httpx.Client(base_url=self.url)

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        return httpx.URL(self.url).port or 0

    @property
    def ws_url(self) -> str:
        """Its address for WebSocket clients."""
        return self.url.replace("http", "ws", 1)

    @property
    def log(self) -> str:
        """What it has logged so far, tracebacks of handlers included."""
        self._log.seek(0)
        return self._log.read()

    def close(self) -> int:
        """Has it drain and stop; the exit status."""
        if self.process.poll() is None:
            self.process.terminate()
        status = self.process.wait()
        if hasattr(self, "client"):
            self.client.close()
        self._log.close()
        return status

    def __enter__(self) -> RunningServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _place_of(app: App) -> tuple[str, str]:
    """The name or file of the module that holds the application, and what it is called there."""
    for name, module in list(sys.modules.items()):
        for attribute, value in list(getattr(module, "__dict__", {}).items()):
            if value is app:
                file = getattr(module, "__file__", None)
                return (file if file and not getattr(module, "__package__", "") else name), attribute
    raise LookupError(f"no module has the application of {app.file} as an attribute: a server cannot import it")
