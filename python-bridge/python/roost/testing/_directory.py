"""A plain twin of the server's directories: files, index, redirect, listing; ranges and ETags are the server's."""

from __future__ import annotations

import html
import mimetypes
from pathlib import Path
from urllib.parse import quote

Result = tuple[int, list[tuple[str, str]], bytes | None]


def serve(directory: str, rest: str | None, path: str, index: str, listing: bool) -> Result:
    """Status, headers and body; a body of None is the server's short one.

    Args:
        rest: the decoded path below the directory; None for the directory itself, without a slash.
        path: of the request, for redirects.
    """
    root = Path(directory).resolve()
    wanted = (root / (rest or "").lstrip("/")).resolve()
    hidden = any(part.startswith(".") and part != ".well-known" for part in Path(rest or "").parts)
    if hidden or not wanted.is_relative_to(root) or not wanted.exists():
        return 404, [], None
    if wanted.is_dir():
        if not path.endswith("/"):
            return 301, [("Location", path + "/"), ("Content-Length", "0")], b""
        if index and (wanted / index).is_file():
            wanted /= index
        elif listing:
            return _page(_listed(wanted, path), "text/html; charset=utf-8")
        else:
            return 404, [], None
    elif path.endswith("/"):
        return 404, [], None
    return _page(wanted.read_bytes(), _kind(wanted.name))


def file(path: str, headers: list[tuple[str, str]]) -> bytes | None:
    """The content of a file that a handler answers with, None when there is none; adds the type that headers lack."""
    try:
        content = Path(path).read_bytes()
    except OSError:
        return None
    if not any(name.lower() == "content-type" for name, _ in headers):
        headers.append(("Content-Type", _kind(path)))
    return content


def _kind(name: str) -> str:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return f"{kind}; charset=utf-8" if kind.startswith("text/") or kind == "application/json" else kind


def _page(body: bytes, kind: str) -> Result:
    return 200, [("Content-Type", kind), ("Content-Length", str(len(body)))], body


def _listed(folder: Path, path: str) -> bytes:
    rows = []
    for entry in sorted(folder.iterdir(), key=lambda entry: (not entry.is_dir(), entry.name)):
        if not entry.name.startswith("."):
            name = entry.name + ("/" if entry.is_dir() else "")
            rows.append(f'<li><a href="{quote(name)}">{html.escape(name)}</a></li>')
    return f"<!doctype html><title>{html.escape(path)}</title><ul>{''.join(rows)}</ul>".encode()
