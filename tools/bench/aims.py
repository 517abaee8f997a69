"""What this server is held against: each aim is a ratio of two figures of one run."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Aim:
    """`figure` of this server at `work`, over that of `peer` at `peer_work`: at most `limit`."""

    what: str
    work: str
    peer: str
    peer_work: str
    limit: float
    figure: str = "cpu_us"
    at_least: bool = False


AIMS = [
    Aim("sync route, CPU to Robyn's", "python-sync", "robyn", "python-sync", 1 / 7),
    Aim("sync route, CPU to Granian RSGI's", "python-sync", "granian-rsgi", "python-sync", 1 / 2),
    Aim("sync route, CPU to a native route's", "python-sync", "roost", "json", 1.5),
    Aim("async route, CPU to a sync route's", "python-async", "roost", "python-sync", 1.15),
    Aim("const route, CPU to a native route's", "python-const", "roost", "json", 1.05),
    Aim("two before, one after handler, CPU to Robyn's", "python-chain", "robyn-chain", "python-chain", 1 / 6),
    Aim("JSON of 1 KiB read and returned, CPU to Robyn's", "python-json", "robyn", "python-json", 1 / 5),
    Aim("typed pydantic handler, CPU to FastAPI's", "python-typed", "fastapi", "python-typed", 1 / 2),
    Aim("WebSocket echo of 64 bytes, CPU to uWebSockets'", "ws-echo", "uwebsockets", "ws-echo", 1.05),
    Aim("topic with 1,000 subscribers, CPU to uWebSockets'", "ws-topic", "uwebsockets", "ws-topic", 1.1),
    Aim("Python WebSocket echo, CPU to Robyn's", "ws-python-echo", "robyn", "ws-python-echo", 1 / 6),
    *(
        Aim(f"{name}, {connections} connections, requests/s to {peer}'s", work, peer, work, 1.0, "per_second", True)
        for name, kind in (("PostgreSQL", "db"), ("CPU-bound", "cpu"))
        for connections in (1, 64, 256)
        for peer in ("robyn", "fastapi", "flask")
        for work in [f"python-{kind}-{connections}"]
    ),
]


def table(samples: Mapping[tuple[str, str], Sequence[object]], median: Callable[..., float] = statistics.median) -> str:
    """The aims that this run has figures for, as a Markdown table."""
    lines = ["| aim | limit | measured | |", "|---|--:|--:|---|"]
    for aim in AIMS:
        mine, theirs = samples.get((aim.work, "roost")), samples.get((aim.peer_work, aim.peer))
        if not mine or not theirs:
            continue
        ratio = median(getattr(s, aim.figure) for s in mine) / median(getattr(s, aim.figure) for s in theirs)
        kept = ratio >= aim.limit if aim.at_least else ratio <= aim.limit
        sign = "at least" if aim.at_least else "at most"
        lines.append(f"| {aim.what} | {sign} {aim.limit:.3f} | {ratio:.3f} | {'kept' if kept else '**missed**'} |")
    return "\n".join(lines) if len(lines) > 2 else ""
