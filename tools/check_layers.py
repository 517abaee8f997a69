#!/usr/bin/env python3
"""Checks what no compiler does: includes that point upward, headers without `#pragma once` or an opening comment,
and libraries that are used outside the one stage that owns them (server/ARCHITECTURE.md)."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

LAYERS = (
    "base",
    "config",
    "http",
    "websocket",
    "routing",
    "middleware",
    "handlers",
    "dispatch",
    "net",
    "process",
    "cli",
)
PEERS = {("http", "websocket"), ("websocket", "http")}
"""Two stages beside each other, neither of which may include the other."""

OWNERS = {
    r"yaml-cpp/": ("config",),
    r"Poco/Net/": ("net", "process"),
    r"boost/dll": ("handlers",),
    r"CLI/": ("cli",),
}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def files() -> list[Path]:
    """The C++ files that git knows or would add."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "*.cpp", "*.hpp", "*.h"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    return [ROOT / name for name in listed.splitlines() if (ROOT / name).exists()]


def complaints(path: Path) -> list[str]:
    """What is wrong with one file."""
    name = path.relative_to(ROOT)
    text = path.read_text()
    found = []
    if path.suffix in (".h", ".hpp"):
        if "#pragma once" not in text and "#ifndef" not in text:
            found.append(f"{name}: no #pragma once")
        if not text.lstrip().startswith(("//", "/*")):
            found.append(f"{name}: the header does not open with a comment that says what it is")
    if name.parts[:2] != ("server", "src") or len(name.parts) < 4:
        return found
    layer = name.parts[2]
    if layer not in LAYERS:
        return [*found, f"{name}: {layer} is no known stage"]
    for included in INCLUDE.findall(text):
        first = included.split("/")[0]
        if (
            first in LAYERS
            and "/" in included
            and (LAYERS.index(first) > LAYERS.index(layer) or (layer, first) in PEERS)
        ):
            found.append(f"{name}: {layer} must not include {included}")
        for pattern, owners in OWNERS.items():
            if re.match(pattern, included) and layer not in owners:
                found.append(f"{name}: {included} belongs to {' and '.join(owners)}")
    return found


def main() -> int:
    """Prints the complaints; 1 when there are some."""
    found = [complaint for path in files() for complaint in complaints(path)]
    print("\n".join(found) or f"{len(files())} C++ files: includes and headers keep the rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
