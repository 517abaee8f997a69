"""Header fields that an application gives to all of its requests or responses."""

from __future__ import annotations

from roost import _pattern
from roost._chain import applies_to
from roost._native import Headers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from roost._chain import Bound
    from roost._native import Response

    Pairs = tuple[tuple[str, str], ...]
    DirectoryFields = tuple[Pairs, Pairs, tuple[str, ...]]


def add_vary(response: Response, name: str) -> None:
    """Says that the response depends on this request header (RFC 9110 section 12.5.5)."""
    headers = response.headers
    words = [word.strip() for line in headers.get_all("vary") for word in line.split(",")]
    if "*" not in words and name.lower() not in [word.lower() for word in words]:
        headers.set("Vary", ", ".join([*words, name]))


def for_directories(around: Iterable[tuple[GlobalHeaders, str]]) -> DirectoryFields:
    """What the server itself gives to the files that it serves: added, set where there is none, left out.

    Args:
        around: those of the routers that the directory is in, innermost first, with their prefixes.
    """
    added: list[tuple[str, str]] = []
    defaults: dict[str, tuple[str, str]] = {}
    excluded: list[str] = []
    for headers, prefix in around:
        if headers._added or headers._set:
            added += headers._added
            defaults = {**headers._set, **defaults}
            excluded += [_pattern.join(prefix, pattern) for pattern in headers.excluded]
    return tuple(added), tuple(defaults.values()), tuple(excluded)


class GlobalHeaders:
    """Fields to set (one value) and to add (one more), and the paths that are left out; a step of the chain.

    Args:
        after: they are the response's; else the request's.
    """

    def __init__(self, after: bool) -> None:
        self._after = after
        self._set: dict[str, tuple[str, str]] = {}
        self._added: list[tuple[str, str]] = []
        self.excluded: list[str] = []

    def set(self, key: str, value: str) -> None:
        """One value; a response's own field of that name stays."""
        Headers({key: value})
        self._set[key.lower()] = (key, str(value))

    def append(self, key: str, value: str) -> None:
        """One value more."""
        Headers({key: value})
        self._added.append((key, str(value)))

    def get_headers(self) -> dict[str, list[str]]:
        """All of them, by name in small letters."""
        return Headers([*self._set.values(), *self._added]).get_headers()

    def exclude(self, patterns: Iterable[str] | None) -> None:
        """The paths or patterns that get none of them."""
        self.excluded = [_pattern.checked(pattern.rstrip("/") or "/") for pattern in patterns or ()]

    def on(self, prefix: str, route: str) -> Bound | None:
        """As `Step.on`."""
        if not self._set and not self._added:
            return None
        excluded = [_pattern.join(prefix, pattern) for pattern in self.excluded]
        relations = [_pattern.relate(pattern, route) for pattern in excluded]
        if True in relations:
            return None
        function = self._to_response if self._after else self._to_request
        some = [
            applies_to(pattern, route)
            for pattern, relation in zip(excluded, relations, strict=True)
            if relation is None
        ]
        return function, 1, False, (lambda request: not any(left_out(request) for left_out in some)) if some else None

    def _to_request(self, request: Any) -> None:
        headers = request.headers
        for key, value in self._set.values():
            headers.set(key, value)
        for key, value in self._added:
            headers.append(key, value)

    def _to_response(self, response: Any) -> None:
        headers = response.headers
        for key, value in self._set.values():
            if key not in headers:
                headers.set(key, value)
        for key, value in self._added:
            headers.append(key, value)
