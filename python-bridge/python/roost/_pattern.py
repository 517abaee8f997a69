"""Path patterns as the server reads them: literals, `:name` for one, a trailing `*` or `*rest` for what remains.

Only for what Python decides itself: which middleware goes with a route, and the routes of the test client.
"""

from __future__ import annotations


def checked(pattern: str) -> str:
    """The pattern with its leading slash.

    Raises:
        ValueError: it is malformed.
    """
    if not isinstance(pattern, str):
        raise TypeError(f"a path must be a str, not {pattern!r}")
    pattern = pattern if pattern.startswith("/") else "/" + pattern
    parts = segments(pattern)
    names = [part[1:] for part in parts if part[:1] in (":", "*") and part[1:]]
    for part in parts:
        if len(part) > 2 and part[0] + part[-1] in ("{}", "<>"):  # as FastAPI and Flask have it
            name = part[1:-1].partition(":")[0] if part[0] == "{" else part[1:-1].rpartition(":")[2]
            raise ValueError(f"{pattern}: a parameter is written :{name}, not {part}")
    if any(part == ":" for part in parts):
        raise ValueError(f"{pattern}: a parameter needs a name behind its ':'")
    if any(part.startswith("*") for part in parts[:-1]):
        raise ValueError(f"{pattern}: '*' may stand only at the end")
    if len(set(names)) != len(names):
        raise ValueError(f"{pattern}: two parameters have the same name")
    return pattern


def join(prefix: str, pattern: str) -> str:
    """The pattern below a prefix, of which "/" is the prefix itself."""
    if not prefix:
        return pattern
    return checked(prefix if pattern == "/" else prefix + pattern)


def segments(path: str) -> list[str]:
    """`/a/b` in two, `/` in one that is empty."""
    return path[1:].split("/") if path else []


def names(pattern: str) -> list[str]:
    """Of its parameters, in order; the nameless remainder is called `*`."""
    return [part[1:] or "*" for part in segments(pattern) if part[:1] in (":", "*")]


def relate(outer: str, inner: str) -> bool | None:
    """True when `outer` takes every path that `inner` takes, False when none, None when it depends on the path."""
    return _relate(segments(outer), segments(inner))


def _relate(outer: list[str], inner: list[str]) -> bool | None:
    certain = True
    for i, part in enumerate(outer):
        if part.startswith("*"):
            return True if certain else None
        if i == len(inner):
            return False
        other = inner[i]
        if other.startswith("*"):
            return None
        if part.startswith(":"):
            continue
        if other.startswith(":"):
            certain = False
        elif part != other:
            return False
    if len(inner) > len(outer):
        # A remainder may be empty: "/api/*" takes "/api" too.
        return None if len(inner) == len(outer) + 1 and inner[-1].startswith("*") else False
    return True if certain else None


def match(pattern: str, path: list[str]) -> tuple[tuple[int, ...], dict[str, str]] | None:
    """How general the match of each segment is (0 literal, 1 name, 2 remainder: least wins) and the parameters.

    Args:
        path: the decoded segments.
    """
    found: dict[str, str] = {}
    rank: list[int] = []
    parts = segments(pattern)
    for i, part in enumerate(parts):
        if part.startswith("*"):
            found[part[1:] or "*"] = "/".join(path[i:])
            return (*rank, 2), found
        if i == len(path):
            return None
        if part.startswith(":"):
            if not path[i]:
                return None
            found[part[1:]] = path[i]
            rank.append(1)
        elif part == path[i]:
            rank.append(0)
        else:
            return None
    return (tuple(rank), found) if len(parts) == len(path) else None


def fill(pattern: str, params: dict[str, str]) -> list[str]:
    """The segments of the path that matched `pattern` with these parameters: the path below the application's mount."""
    path: list[str] = []
    for part in segments(pattern):
        if part.startswith(":"):
            path.append(params[part[1:]])
        elif part.startswith("*"):
            rest = params.get(part[1:] or "*", "")
            path += rest.split("/") if rest else []
        else:
            path.append(part)
    return path
