"""The options of a program that serves itself: arguments over environment over `.env` over code.

| option           | argument               | variable                 | is |
|------------------|------------------------|--------------------------|---|
| `processes`      | `--processes N`        | ROOST_PROCESSES          | forked workers (1) |
| `workers`        | `--workers N`          | ROOST_WORKERS            | I/O threads of each of them (1) |
| `log_level`      | `--log-level L`        | ROOST_LOG_LEVEL          | DEBUG, INFO, WARNING or ERROR (INFO) |
| `dev`            | `--dev`                | ROOST_DEV                | tracebacks in the browser, reload on save |
| `host`, `port`   | `--host H`, `--port N` | ROOST_HOST, ROOST_PORT   | where to listen (127.0.0.1, 8080) |
| `fast`           | `--fast`               | ROOST_FAST               | a process for each core, log level WARNING |
| `open_browser`   | `--open-browser`       | ROOST_OPEN_BROWSER       | shows the site in a browser once it is served |
| `disable_openapi`| `--disable-openapi`    | ROOST_DISABLE_OPENAPI    | neither /docs nor /openapi.json |
| `client_timeout` |                        | ROOST_CLIENT_TIMEOUT     | seconds for a client to send a request |
| `keep_alive_timeout` |                    | ROOST_KEEP_ALIVE_TIMEOUT | seconds that a connection may be idle |

`fast` and `dev` change only what nobody has said. Under `roost serve`, whose file says the rest, only
ROOST_DISABLE_OPENAPI is read.
"""

from __future__ import annotations

import os
import sys

from roost import _dotenv

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_LEVELS = {
    "DEBUG": "debug",
    "INFO": "info",
    "WARN": "warning",
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "error",
}
_TRUE, _FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off", "")


def _number(low: int, high: int, what: str) -> Any:
    def check(value: Any) -> int:
        try:
            number = int(value)
        except (TypeError, ValueError):
            number = low - 1
        if isinstance(value, bool | float) or not low <= number <= high:
            raise ValueError(f"{value!r} is no {what}: a number from {low} to {high}")
        return number

    return check


def _flag(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in _TRUE:
        return True
    if str(value).lower() in _FALSE:
        return False
    raise ValueError(f"{value!r} is neither true nor false: write 1 or 0, true or false, yes or no, on or off")


def _level(value: Any) -> str:
    if str(value).upper() not in _LEVELS:
        raise ValueError(f"{value!r} is no log level: {', '.join(_LEVELS)}")
    return str(value).upper()


def _host(value: Any) -> str:
    if not isinstance(value, str) or not value or any(c.isspace() or c == "/" for c in value):
        raise ValueError(f"{value!r} is no address to listen on: one such as 127.0.0.1, 0.0.0.0 or ::1")
    return value[1:-1] if value[0] == "[" and value[-1] == "]" else value


_OPTIONS: dict[str, tuple[Any, Any]] = {  # how a value is read, the default
    "processes": (_number(1, 256, "number of processes"), 1),
    "workers": (_number(1, 256, "number of workers"), 1),
    "log_level": (_level, "INFO"),
    "dev": (_flag, False),
    "host": (_host, None),
    "port": (_number(0, 65535, "port"), None),
    "fast": (_flag, False),
    "open_browser": (_flag, False),
    "disable_openapi": (_flag, False),
    "client_timeout": (_number(1, 86400, "number of seconds"), None),
    "keep_alive_timeout": (_number(1, 86400, "number of seconds"), None),
}


class Config:
    """The options in force; see the table above. What is assigned, or given here, is the code's word.

    Args:
        options: some of the table's names.

    Raises:
        TypeError: there is no such option.
        ValueError: an option cannot have this value.
    """

    prefix = "ROOST_"
    """Of the environment's variables."""

    variables: Mapping[str, str] = {}
    """Further names of variables, and the options they mean."""

    if TYPE_CHECKING:
        processes: int
        workers: int
        log_level: str
        dev: bool
        host: str | None
        port: int | None
        fast: bool
        open_browser: bool
        disable_openapi: bool
        client_timeout: int | None
        keep_alive_timeout: int | None

    def __init__(self, **options: Any) -> None:
        self._arguments: dict[str, Any] = {}
        self._environment: dict[str, Any] = {}
        self._code: dict[str, Any] = {}
        self.was_read = False
        self.code("Config", options)

    def __getattr__(self, name: str) -> Any:
        if name not in _OPTIONS:
            raise AttributeError(f"{name!r} is no option: {', '.join(_OPTIONS)}")
        said = self._said(name)
        if said is not None:
            return said
        if name == "log_level" and not self.fast and self.dev:
            return "DEBUG"
        if name == "log_level" and self.fast:
            return "WARNING"
        if name == "processes" and self.fast:
            return len(os.sched_getaffinity(0))
        return _OPTIONS[name][1]

    def __setattr__(self, name: str, value: Any) -> None:
        if name in _OPTIONS:
            self.code("Config", {name: value})
        else:
            object.__setattr__(self, name, value)

    def _said(self, name: str) -> Any:
        for source in (self._arguments, self._environment, self._code):
            if name in source:
                # In development what the code says for production is not meant: one process, whose breakpoint() has
                # the terminal.
                if source is self._code and name in ("processes", "workers") and self.dev:
                    return 1
                return source[name]
        return None

    def code(self, where: str, options: Mapping[str, Any]) -> None:
        """Takes what the program says, such as the arguments of `App.start`; None says nothing.

        Args:
            where: names the call in the message of an error.

        Raises:
            TypeError: there is no such option.
            ValueError: an option cannot have this value.
        """
        for name, value in options.items():
            if name not in _OPTIONS:
                raise TypeError(f"{where}({name}=...): there is no such option, but {', '.join(_OPTIONS)}")
            if value is not None:
                try:
                    self._code[name] = _OPTIONS[name][0](value)
                except ValueError as error:
                    raise ValueError(f"{where}({name}={value!r}): {error}") from None

    @property
    def server_log_level(self) -> str:
        """`log_level` as the configuration file writes it."""
        return _LEVELS[self.log_level]

    def read(self, arguments: Sequence[str], directory: str) -> None:
        """Reads the `.env` of this folder into the environment, then the environment, then the arguments.

        Raises:
            SystemExit: something is wrong with them (a message, or 2), or was asked for and has been answered (0).
        """
        self.was_read = True
        origin = self.load_files(directory)
        self.read_environment(origin)
        self.parse(arguments)

    def load_files(self, directory: str) -> dict[str, str]:
        """Puts what `.env` says into the environment, where it says nothing itself; where each variable came from.

        Raises:
            SystemExit: the file is not as it should be.
        """
        try:
            return _dotenv.load(os.path.join(directory, ".env"))
        except ValueError as error:
            raise SystemExit(str(error)) from None

    def read_environment(self, origin: Mapping[str, str] | None = None, only: Sequence[str] = ()) -> None:
        """Reads the variables.

        Args:
            origin: where a variable comes from, for the message of an error; the environment by default.
            only: the options to read; all by default.

        Raises:
            SystemExit: one has a value that it cannot have.
        """
        named = {self.prefix + name.upper(): name for name in _OPTIONS}
        for variable, name in {**named, **self.variables}.items():
            text = os.environ.get(variable, "")
            if not text or (only and name not in only):
                continue
            try:
                self._environment[name] = _OPTIONS[name][0](text)
            except ValueError as error:
                where = (origin or {}).get(variable, "environment")
                raise SystemExit(f"{where}: {variable}: {error}") from None
        if not only:
            self._point_out_slips({*named, *self.variables}, origin or {})
        self._check("environment")

    def _point_out_slips(self, known: set[str], origin: Mapping[str, str]) -> None:
        """Variables that are nearly one of ours, and were meant to be."""
        options = {variable.removeprefix(self.prefix): variable for variable in known}
        for variable in os.environ:
            if not variable.startswith(self.prefix) or variable in known:
                continue
            import difflib

            if near := difflib.get_close_matches(variable.removeprefix(self.prefix), options, 1, 0.8):
                where = origin.get(variable, "environment")
                print(f"{where}: {variable} is no option (did you mean {options[near[0]]}?)", file=sys.stderr)

    def parse(self, arguments: Sequence[str]) -> None:
        """Reads the options it knows; what else is there is the application's own.

        Raises:
            SystemExit: an option has a value it cannot have (2), or one that asks for something was answered (0).
        """
        from roost import _command_line

        given = _command_line.parse(arguments, {name: option[0] for name, option in _OPTIONS.items()})
        self._arguments.update(given)
        self._check("command line")

    def _check(self, where: str) -> None:
        if self.fast and self.dev:
            raise SystemExit(
                f"{where}: --fast and --dev exclude each other: one is for production, the other for development"
            )

    def settings(self, host: str, port: int) -> dict[str, Any]:
        """The `server:` of the configuration file that says the same.

        Args:
            host, port: where to listen, unless an option says so.
        """
        host = self.host if self.host is not None else _host(host)
        port = self.port if self.port is not None else _OPTIONS["port"][0](port)
        quiet = self.log_level not in ("DEBUG", "INFO")
        timeouts = {}
        if self.client_timeout is not None:
            timeouts = dict.fromkeys(("header", "body"), f"{self.client_timeout}s")
        if self.keep_alive_timeout is not None:
            timeouts["keep_alive"] = f"{self.keep_alive_timeout}s"
        return {
            "listen": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
            "processes": self.processes,
            "threads": self.workers,
            "log_level": self.server_log_level,
            "mode": "development" if self.dev else "production",
            "access_log": {"format": "none" if quiet else "combined"},
            **({"timeouts": timeouts} if timeouts else {}),
        }


def names() -> list[str]:
    """Of the options."""
    return list(_OPTIONS)


def is_program(file: str) -> bool:
    """Whether `file` is the module that this process was started with."""
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    return main is not None and os.path.abspath(main) == file


def of_program(config: Config, file: str) -> Config:
    """`config` with the command line, environment and `.env` of the program, when `file` is its main module.

    Elsewhere, as under `roost serve`, whose file says the rest, only what concerns the application itself is read of
    the environment.
    """
    if is_program(file):
        config.read(sys.argv[1:], os.path.dirname(file))
    else:
        config.read_environment(only=("disable_openapi",))
    return config
