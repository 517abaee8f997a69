"""Reads `.env`: a variable a line, for development and for what a deployment does not set.

# a comment
DATABASE_URL=postgresql://localhost/shop   # white space and '#' end an unquoted value
export GREETING="Hello,\nworld"            # in double quotes \n, \t, \\ and \" mean what they mean
PATTERN='as it $stands'
"""

from __future__ import annotations

import os

_LOADED = "ROOST_DOTENV_LOADED"
"""Names what came from a file, so that the same program, started again for a reload, reads it anew."""


def load(path: str) -> dict[str, str]:
    """Puts the file's variables into the environment, which wins where it has one; from where each came ("file:line").

    Raises:
        ValueError: a line is none of the above; the message begins with file and line.
    """
    loaded = _LOADED + "".join(c if c.isalnum() else "_" for c in os.path.basename(path).upper())
    before = set(filter(None, os.environ.get(loaded, "").split(",")))
    found = read(path) if os.path.exists(path) else {}
    for name in before - found.keys():
        os.environ.pop(name, None)
    origin = {}
    for name, (value, line) in found.items():
        if name not in os.environ or name in before:
            os.environ[name] = value
            origin[name] = f"{path}:{line}"
    if origin:
        os.environ[loaded] = ",".join(origin)
    return origin


def read(path: str) -> dict[str, tuple[str, int]]:
    """The variables of a file, each with its line.

    Raises:
        ValueError: a line is none; the message begins with file and line.
    """
    found: dict[str, tuple[str, int]] = {}
    try:
        with open(path, encoding="utf-8-sig") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: cannot be read: {error}") from None
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        name = name.strip()
        if not equals or not name.isidentifier():
            raise ValueError(f"{path}:{number}: {text!r} is no variable: write NAME=value")
        try:
            found[name] = (_value(value.strip()), number)
        except ValueError as error:
            raise ValueError(f"{path}:{number}: {name}: {error}") from None
    return found


def _value(text: str) -> str:
    quote = text[:1]
    if quote not in ("'", '"'):
        for i, character in enumerate(text):
            if character == "#" and (i == 0 or text[i - 1].isspace()):
                return text[:i].rstrip()
        return text
    value = ""
    i = 1
    while i < len(text) and text[i] != quote:
        if quote == '"' and text[i] == "\\" and i + 1 < len(text):
            i += 1
            value += {"n": "\n", "t": "\t", "r": "\r"}.get(text[i], text[i] if text[i] in '"\\$' else "\\" + text[i])
        else:
            value += text[i]
        i += 1
    if i == len(text):
        raise ValueError(f"the quote {quote} is not closed on its line")
    rest = text[i + 1 :].strip()
    if rest and not rest.startswith("#"):
        raise ValueError(f"{rest!r} stands behind the closing quote")
    return value
