"""The command line of `python app.py`."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_LEVELS = {
    "DEBUG": "debug",
    "INFO": "info",
    "WARN": "warning",
    "WARNING": "warning",
    "ERROR": "error",
    "CRITICAL": "error",
}


class Config:
    """The options given on the command line, or their defaults.

    processes: forked workers.
    workers: I/O threads of each of them.
    log_level: "DEBUG", "INFO", "WARNING" or "ERROR".
    dev: tracebacks in the browser, and a reload when a file changes.
    host, port: where to listen, in place of what `App.start` is given; None when not on the command line.
    """

    def __init__(self) -> None:
        self.processes = 1
        self.workers = 1
        self.log_level = "INFO"
        self.dev = False
        self.host: str | None = None
        self.port: int | None = None

    @property
    def server_log_level(self) -> str:
        """`log_level` as the configuration file writes it."""
        return _LEVELS[self.log_level]

    def parse(self, arguments: Sequence[str]) -> None:
        """Reads the options it knows; what else is there is the application's own.

        Raises:
            SystemExit: an option has a value it cannot have (2), or help was asked for (0).
        """
        import argparse

        def positive(text: str) -> int:
            value = int(text)
            if not 1 <= value <= 4096:
                raise ValueError
            return value

        def port(text: str) -> int:
            value = int(text)
            if not 0 <= value <= 65535:
                raise ValueError
            return value

        def level(text: str) -> str:
            if text.upper() not in _LEVELS:
                raise argparse.ArgumentTypeError(f"{text!r} is none of {', '.join(_LEVELS)}")
            return text.upper()

        parser = argparse.ArgumentParser(description="Serves this application with Roost.")
        parser.add_argument("--processes", type=positive, default=1, help="forked workers (1)")
        parser.add_argument("--workers", type=positive, default=1, help="I/O threads of each worker (1)")
        parser.add_argument("--log-level", type=level, default=None, help="DEBUG, INFO, WARNING or ERROR (INFO)")
        parser.add_argument("--dev", action="store_true", help="tracebacks in the browser, reload when a file changes")
        parser.add_argument("--host", default=None, help="address to listen on, in place of the program's")
        parser.add_argument("--port", type=port, default=None, help="port to listen on, in place of the program's")
        parser.parse_known_args(arguments, namespace=self)
        if self.log_level is None:
            self.log_level = "DEBUG" if self.dev else "INFO"
