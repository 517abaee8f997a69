"""One running `roost serve`, as the functional tests see it: started, waited for, watched, stopped."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import httpx

REPOSITORY = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ROOST_BUILD", REPOSITORY / "build"))
BINARY = Path(os.environ.get("ROOST_BIN", BUILD / "bin" / "roost"))
PLUGINS = BUILD / "plugins"
TEST_PLUGINS = BUILD / "test-plugins"
VENV = Path(os.environ.get("ROOST_VENV", REPOSITORY / ".venv"))

PATIENCE = 60.0
"""Seconds after which a condition that never came fails the test; generous, as sanitizers are slow."""

_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1
_SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|WARNING: ThreadSanitizer|: runtime error: ")


def _die_with_parent() -> None:
    """Runs in the child before exec: whatever ends the test process ends the server, so that none is left behind."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of the server: that of the test, where to find the repository's parts, and `extra`."""
    base = dict(os.environ)
    for name in ("PYTHONHOME", "VIRTUAL_ENV", "DATABASE_URL", "REDIS_URL"):
        base.pop(name, None)
    base |= {"ROOST_VENV": str(VENV), "ROOST_PLUGINS": str(PLUGINS), "ROOST_REPOSITORY": str(REPOSITORY)}
    base |= {"ROOST_TEST_PLUGINS": str(TEST_PLUGINS)}
    # CPython frees nothing at exit on purpose; leaks of native code are looked for by the unit tests.
    base["ASAN_OPTIONS"] = "detect_leaks=0:detect_stack_use_after_return=0"
    return base | dict(extra or {})


class ServerError(AssertionError):
    """The server did not do what the test waited for; the message carries its output and its log."""


class RoostServer:
    """A server in a process group of its own, ready when the constructor returns.

    Raises:
        ServerError: the server ended before it was ready, or was not ready within `PATIENCE` seconds.
    """

    def __init__(
        self,
        config: Path,
        env: Mapping[str, str] | None = None,
        args: Sequence[str] = (),
        wait_ready: bool = True,
        command: Sequence[str] | None = None,
        ready: str = "ready",
    ) -> None:
        self.config = config
        self.directory = config.parent
        self._ready = ready
        self._changed = threading.Condition()
        self._output: list[str] = []
        self.log_path = self.directory / f"roost-{time.monotonic_ns()}.log"
        self._stopped = False
        with self.log_path.open("wb") as log:
            self.process = subprocess.Popen(
                list(command) if command else [str(BINARY), "serve", str(config), *args],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=self.directory,
                env=environment(env),
                preexec_fn=_die_with_parent,
                start_new_session=True,
            )
        self._reader = threading.Thread(target=self._read_output, daemon=True)
        self._reader.start()
        if wait_ready:
            try:
                self.wait_ready()
            except BaseException:
                self.kill()
                raise

    def _read_output(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._changed:
                self._output.append(line.decode(errors="replace").rstrip("\n"))
                self._changed.notify_all()

    # What it said -----------------------------------------------------------------------------------------------

    @property
    def pid(self) -> int:
        """The process id of the master."""
        return self.process.pid

    def output(self) -> str:
        """What it wrote to standard output so far (start-up and, by default, the access log)."""
        with self._changed:
            return "\n".join(self._output)

    def log(self) -> str:
        """What it wrote to standard error so far: the server's log."""
        return self.log_path.read_text(errors="replace")

    def everything(self) -> str:
        """Output and log, as shown when a test fails."""
        return f"--- standard output ---\n{self.output()}\n--- server log ---\n{self.log()}"

    @property
    def urls(self) -> list[str]:
        """What it listens on, in the order of the configuration, e.g. `http://127.0.0.1:41234` or `unix:/path`."""
        with self._changed:
            return [line.split()[1] for line in self._output if line.startswith("listening ")]

    @property
    def url(self) -> str:
        """The first address, without a trailing slash."""
        return self.urls[0]

    @property
    def port(self) -> int:
        """The port of the first TCP address."""
        for url in self.urls:
            if found := re.match(r"https?://.*:(\d+)", url):
                return int(found[1])
        raise ServerError(f"no TCP address\n{self.everything()}")

    @property
    def ws_url(self) -> str:
        """The first address for a WebSocket client."""
        return self.url.replace("http", "ws", 1)

    # Waiting ----------------------------------------------------------------------------------------------------

    def wait_ready(self, times: int = 1) -> None:
        """Waits until `ready` was printed `times` times: once at start, once more for each reload that says so."""

        def ready() -> bool:
            if self._output.count(self._ready) >= times:
                return True
            if self.process.poll() is not None:
                raise ServerError(f"ended with status {self.process.returncode} before it was ready\n{self.log()}")
            return False

        self._wait_output(ready, f"'{self._ready}' ({times} times)")

    def wait_output(self, pattern: str) -> str:
        """Waits for a line of standard output that matches; returns it."""
        found: list[str] = []

        def matches() -> bool:
            found[:] = [line for line in self._output if re.search(pattern, line)]
            return bool(found)

        self._wait_output(matches, f"output matching {pattern!r}")
        return found[0]

    def _wait_output(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        with self._changed:
            while not condition():
                if time.monotonic() > deadline:
                    raise ServerError(
                        f"waited {PATIENCE} s in vain for {what}\n" + "\n".join(self._output) + "\n" + self.log()
                    )
                self._changed.wait(0.1)  # a line wakes it at once; the end of the process is looked for now and then

    def wait_log(self, pattern: str, count: int = 1) -> str:
        """Waits until the server's log matches `pattern` at least `count` times; returns the text of the last match."""
        found: list[str] = []

        def matches() -> bool:
            found[:] = [match[0] for match in re.finditer(pattern, self.log(), re.MULTILINE)]
            return len(found) >= count

        self.wait_for(matches, f"log matching {pattern!r}")
        return found[-1]

    def wait_for(self, condition: Callable[[], object], what: str = "the condition") -> None:
        """Asks again and again, a hundredth of a second apart, until `condition()` is true."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > deadline:
                raise ServerError(f"waited {PATIENCE} s in vain for {what}\n{self.everything()}")
            threading.Event().wait(0.01)

    # Its processes ----------------------------------------------------------------------------------------------

    def descendants(self) -> list[int]:
        """All processes below the master, parents first."""
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    fields = (entry / "stat").read_text().rpartition(")")[2].split()
                except OSError:
                    continue
                if fields[0] != "Z":
                    parents.setdefault(int(fields[1]), []).append(int(entry.name))
        found = [self.pid]
        for pid in found:
            found += parents.get(pid, [])
        return found[1:]

    def leaves(self) -> list[int]:
        """The processes below the master that have no children of their own: its workers."""
        everyone = self.descendants()
        parents = set()
        for pid in everyone:
            try:
                parents.add(int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]))
            except OSError:
                continue
        return [pid for pid in everyone if pid not in parents]

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the master."""
        self.process.send_signal(number)

    def stop(self, patience: float = PATIENCE) -> int:
        """Asks it to drain and stop (SIGTERM); returns its exit status. Kills it after `patience` seconds.

        Raises:
            ServerError: it had to be killed, or a sanitizer reported something.
        """
        if self._stopped:
            return self.process.returncode
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"not stopped {patience} s after SIGTERM\n{self.everything()}") from None
        self.kill()
        self._reader.join(patience)  # what it said last
        if _SANITIZER.search(self.log()):
            raise ServerError(f"a sanitizer reported an error\n{self.everything()}")
        return self.process.returncode

    def wait(self, patience: float = PATIENCE) -> int:
        """Waits until the master ends by itself; returns its exit status."""
        status = self.process.wait(patience)
        self._reader.join(patience)
        return status

    def kill(self) -> None:
        """Ends what is left of it at once. May be called again."""
        self._stopped = True
        try:
            os.killpg(self.pid, signal.SIGKILL)  # its own group: also children that outlived the master
        except ProcessLookupError:
            pass
        self.process.wait()

    # Talking to it ----------------------------------------------------------------------------------------------

    def client(self) -> httpx.Client:
        """A client of the server's URL, with connections of its own."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE, trust_env=False)

    def connect(self) -> RawConnection:
        """A raw connection to the first TCP address."""
        return RawConnection(socket.create_connection(("127.0.0.1", self.port), PATIENCE))

    def exchange(self, data: bytes) -> bytes:
        """Sends these bytes, and returns all that comes back until the server closes."""
        with self.connect() as connection:
            connection.send(data)
            return connection.read_all()


class RawResponse:
    """A response as it was on the wire: `status`, `headers` (names in lower case, last one wins), `body`, `head`."""

    def __init__(self, head: bytes) -> None:
        self.head = head
        first, *lines = head.decode("latin-1").split("\r\n")
        self.version, status, *_ = first.split(" ", 2)
        self.status = int(status)
        self.header_list = [(n.strip().lower(), v.strip()) for n, _, v in (line.partition(":") for line in lines)]
        self.headers = dict(self.header_list)
        self.body = b""


class RawConnection:
    """A TCP or Unix connection that sends exactly the bytes it is told to, and reads one response at a time."""

    def __init__(self, sock: socket.socket) -> None:
        self.socket = sock
        self._buffer = b""
        self._ports: tuple[int, int] | None = None  # own, the server's
        if sock.family == socket.AF_INET:
            with contextlib.suppress(OSError):  # it is closed already
                self._ports = sock.getsockname()[1], sock.getpeername()[1]

    def server_has_closed(self) -> bool:
        """Whether the server's end of a TCP connection to 127.0.0.1 is no longer established; reads nothing."""
        if self._ports is None:
            return True
        own, servers = (f":{port:04X}" for port in self._ports)
        for line in Path("/proc/net/tcp").read_text().splitlines():
            fields = line.split()
            if fields[1].endswith(servers) and fields[2].endswith(own):
                return fields[3] != "01"  # ESTABLISHED
        return True

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes at once."""
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Sends all of it; a server that has closed already is no error here but at the next read."""
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            pass

    def shutdown_write(self) -> None:
        """Says that nothing more will be sent, and goes on reading."""
        self.socket.shutdown(socket.SHUT_WR)

    def _more(self) -> bool:
        try:
            data = self.socket.recv(65536)
        except ConnectionResetError:
            data = b""
        self._buffer += data
        return bool(data)

    def read_all(self) -> bytes:
        """Everything until the server closes."""
        while self._more():
            pass
        data, self._buffer = self._buffer, b""
        return data

    def read_until(self, mark: bytes) -> bytes:
        """Up to and with `mark`.

        Raises:
            ConnectionError: the server closed before.
        """
        while mark not in self._buffer:
            if not self._more():
                raise ConnectionError(f"closed before {mark!r}; got {self._buffer!r}")
        data, mark, self._buffer = self._buffer.partition(mark)
        return data + mark

    def read_exactly(self, count: int) -> bytes:
        """`count` bytes.

        Raises:
            ConnectionError: the server closed before.
        """
        while len(self._buffer) < count:
            if not self._more():
                raise ConnectionError(f"closed after {len(self._buffer)} of {count} bytes")
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def read_response(self, method: str = "GET") -> RawResponse:
        """One response with its body: by length, in chunks, or until the server closes."""
        response = RawResponse(self.read_until(b"\r\n\r\n")[:-4])
        if method == "HEAD" or response.status in (204, 304) or response.status < 200:
            return response
        if response.headers.get("transfer-encoding", "") == "chunked":
            while size := int(self.read_until(b"\r\n").split(b";")[0], 16):
                response.body += self.read_exactly(size)
                assert self.read_exactly(2) == b"\r\n", "a chunk ends with CRLF"
            while self.read_until(b"\r\n") != b"\r\n":
                pass
        elif "content-length" in response.headers:
            response.body = self.read_exactly(int(response.headers["content-length"]))
        else:
            response.body = self.read_all()
        return response

    def closed(self) -> bool:
        """Waits for the server to close; false when it sends something instead."""
        return not self._buffer and not self._more()
