"""`python -m roost app.py [OPTION]...`: runs the program; `python -m roost --create FOLDER` writes a new one."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str], called: str = "python -m roost") -> None:
    """Becomes the program that the arguments name, or answers what they ask for.

    Args:
        called: what the command is called, in messages.

    Raises:
        SystemExit: there is no program, or what was asked for is done.
    """
    from roost import _command_line
    from roost.config import _OPTIONS

    parser = _command_line.parser({name: option[0] for name, option in _OPTIONS.items()})
    parser.prog = called
    parser.usage = f"{called} app.py [OPTION]...\n       {called} --create [FOLDER]"
    given, rest = parser.parse_known_args(arguments)
    _command_line.answer(parser, vars(given))
    program = next((word for word in rest if not word.startswith("-")), None)
    if program is None:
        parser.error("which program? Name the file that calls app.start(), such as app.py")
    if not os.path.isfile(program):
        parser.error(f"there is no file {program}")
    arguments.remove(program)
    os.execv(sys.executable, [sys.executable, program, *arguments])


if __name__ == "__main__":
    main(sys.argv[1:])
