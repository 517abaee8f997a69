"""The command line of `python app.py` and `python -m roost`."""

from __future__ import annotations

import argparse
import difflib
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

DOCUMENTATION = (
    "Roost's documentation is the README.md and conf/full.yaml of its repository, and help(roost); "
    "your application's own is served at /docs."
)
NO_RUST = (
    "{option} is Robyn's: here native code is a C++ plugin in a shared library, mounted from a YAML file. "
    "`roost plugin new NAME` writes one, `roost serve` runs it beside Python."
)


def parser(readers: Mapping[str, Callable[[Any], Any]]) -> argparse.ArgumentParser:
    """A parser that leaves out what was not given.

    Args:
        readers: how the value of each option is read.
    """
    made = argparse.ArgumentParser(
        description="Serves this application with Roost.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        epilog="Each has a variable, ROOST_PROCESSES and so on, in the environment or in .env beside the program.",
    )

    def typed(name: str) -> Callable[[str], Any]:
        def read(text: str) -> Any:
            try:
                return readers[name](text)
            except ValueError as error:
                raise argparse.ArgumentTypeError(str(error)) from None

        return read

    for name, metavar, text in (
        ("processes", "N", "forked workers (1)"),
        ("workers", "N", "I/O threads of each worker (1)"),
        ("log_level", "LEVEL", "DEBUG, INFO, WARNING or ERROR (INFO)"),
        ("host", "ADDRESS", "address to listen on, in place of the program's"),
        ("port", "N", "port to listen on, in place of the program's; 0 is any that is free"),
    ):
        made.add_argument("--" + name.replace("_", "-"), type=typed(name), metavar=metavar, help=text)
    for name, text in (
        ("dev", "tracebacks in the browser, reload when a file is saved, breakpoint() in the terminal"),
        ("fast", "for production: a process for each core, log level WARNING"),
        ("open_browser", "show the site in a browser once it is served"),
        ("disable_openapi", "neither /docs nor /openapi.json"),
    ):
        made.add_argument("--" + name.replace("_", "-"), action="store_true", help=text)
    made.add_argument("--create", nargs="?", const="", metavar="FOLDER", help="write a new project and end")
    made.add_argument("--version", action="store_true", help="say Roost's version and end")
    made.add_argument("--docs", action="store_true", help="say where the documentation is and end")
    for name in ("--compile-rust-path", "--create-rust-file"):
        made.add_argument(name, help=argparse.SUPPRESS)
    return made


def parse(arguments: Sequence[str], readers: Mapping[str, Callable[[Any], Any]]) -> dict[str, Any]:
    """The options that were given; what is asked for beside serving is done here.

    Raises:
        SystemExit: a value is wrong (2), or something else than serving was asked for (0).
    """
    known = parser(readers)
    given, unknown = known.parse_known_args(list(arguments))
    options = vars(given)
    answer(known, options)
    names = [name for action in known._actions for name in action.option_strings if name.startswith("--")]
    for word in unknown:
        if word == "--":
            break
        near = difflib.get_close_matches(word.partition("=")[0], names, 1, 0.84) if word.startswith("--") else []
        if near:
            print(
                f"{known.prog}: {word} is none of the server's options (did you mean {near[0]}?); "
                "it is left to the application",
                file=sys.stderr,
            )
    return {name: value for name, value in options.items() if name in readers}


def answer(known: argparse.ArgumentParser, options: Mapping[str, Any]) -> None:
    """Does what the options ask for beside serving, and ends the program; or returns.

    Raises:
        SystemExit: something was asked for.
    """
    for option in ("compile_rust_path", "create_rust_file"):
        if option in options:
            _refuse(known, NO_RUST.format(option="--" + option.replace("_", "-")))
    if "create" in options:
        from roost import _scaffold

        raise SystemExit(_scaffold.create(options["create"]))
    if options.get("version"):
        print(f"roost {version()}")
        raise SystemExit(0)
    if options.get("docs"):
        print(DOCUMENTATION)
        raise SystemExit(0)


def version() -> str:
    """Of the installed package."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        return installed("roost")
    except PackageNotFoundError:
        return "(not installed)"


def _refuse(known: argparse.ArgumentParser, message: str) -> NoReturn:
    print(f"{known.prog}: {message}", file=sys.stderr)
    raise SystemExit(2)
