"""The application's log, in colours."""

from __future__ import annotations

import logging
from enum import Enum


class Colors(Enum):
    """As terminals write them."""

    BLUE = "\033[94m"
    CYAN = "\033[96m"
    GREEN = "\033[92m"
    YELLOW = "\033[93m"
    RED = "\033[91m"


class Logger:
    """Python's logger "robyn.logger", with a colour, bold or underlined."""

    HEADER = "\033[95m"
    ENDC = "\033[0m"
    BOLD = "\033[1m"
    UNDERLINE = "\033[4m"

    def __init__(self) -> None:
        self.logger = logging.getLogger(__name__)

    def _log(
        self, level: int, msg: str, args: tuple[object, ...], color: Colors | None, bold: bool, underline: bool
    ) -> None:
        text = f"{color.value}{msg}{self.ENDC}" if color else msg
        text = (self.UNDERLINE if underline else "") + (self.BOLD if bold else "") + text
        self.logger.log(level, text, *args)

    def error(
        self, msg: str, *args: object, color: Colors | None = Colors.RED, bold: bool = False, underline: bool = False
    ) -> None:
        """Logs an error."""
        self._log(logging.ERROR, msg, args, color, bold, underline)

    def warn(
        self, msg: str, *args: object, color: Colors | None = Colors.YELLOW, bold: bool = False, underline: bool = False
    ) -> None:
        """Logs a warning."""
        self._log(logging.WARNING, msg, args, color, bold, underline)

    def info(
        self, msg: str, *args: object, color: Colors | None = Colors.GREEN, bold: bool = False, underline: bool = False
    ) -> None:
        """Logs what happens."""
        self._log(logging.INFO, msg, args, color, bold, underline)

    def debug(
        self, msg: str, *args: object, color: Colors | None = Colors.BLUE, bold: bool = False, underline: bool = False
    ) -> None:
        """Logs what helps to find a mistake."""
        self._log(logging.DEBUG, msg, args, color, bold, underline)


logger = Logger()
