"""What was measured, as Markdown: medians over the rounds; an asterisk marks errors or answers other than 2xx."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from servers import Server


@dataclass(frozen=True)
class Sample:
    """One server at one work for some seconds; latencies in microseconds."""

    cpu_us: float
    per_second: float
    p50_us: float
    p99_us: float
    errors: str


# By work and name of the server: a sample for each round.
Samples = dict[tuple[str, str], list[Sample]]

# What is shown side by side, and by which figure.
GROUPS = (
    ("Native routes and files, CPU us/request", "cpu_us", ("json", "json-x16", "param", "echo", "static-")),
    (
        "Python, CPU us/request",
        "cpu_us",
        ("python-sync", "python-async", "python-const", "python-chain", "python-json", "python-typed"),
    ),
    ("Python with PostgreSQL and CPU-bound, requests/s", "per_second", ("python-db-", "python-cpu-")),
    ("WebSockets, CPU us/message", "cpu_us", ("ws-",)),
)


def _cell(taken: Sequence[Sample] | None, figure: str) -> str:
    if not taken:
        return ""
    value = statistics.median(getattr(sample, figure) for sample in taken)
    mark = "*" if any(sample.errors for sample in taken) else ""
    return f"{value:.0f}{mark}" if value >= 100 else f"{value:.2f}{mark}"


def summary(works: Sequence[str], servers: Sequence[Server], samples: Samples) -> str:
    """A table for each group of works: a line for each server."""
    tables = []
    for title, figure, prefixes in GROUPS:
        columns = [work for work in works if work.startswith(prefixes) and (work, "roost") in samples]
        if not columns:
            continue
        short = [work.removeprefix("python-") for work in columns]
        lines = [f"| {title} | {' | '.join(short)} |", f"|---|{'--:|' * len(columns)}"]
        for server in servers:
            cells = [_cell(samples.get((work, server.name)), figure) for work in columns]
            if any(cells):
                lines.append(f"| {server.name} | {' | '.join(cells)} |")
        tables.append("\n".join(lines))
    return "\n\n".join(tables)


def every_figure(works: Sequence[str], servers: Sequence[Server], samples: Samples) -> str:
    """Every figure of every server, in one long table."""
    lines = [
        "| work | server | CPU us/request | to roost | requests/s | p50 us | p99 us |",
        "|---|---|--:|--:|--:|--:|--:|",
    ]
    for work in works:
        mine = samples.get((work, "roost"))
        base = statistics.median(s.cpu_us for s in mine) if mine else None
        for server in servers:
            taken = samples.get((work, server.name))
            if not taken:
                continue
            cpu, rate, p50, p99 = (
                statistics.median(getattr(s, field) for s in taken)
                for field in ("cpu_us", "per_second", "p50_us", "p99_us")
            )
            mark = "*" if any(s.errors for s in taken) else ""
            ratio = f"{cpu / base:.2f}" if base else ""
            lines.append(f"| {work} | {server.name}{mark} | {cpu:.2f} | {ratio} | {rate:.0f} | {p50:.0f} | {p99:.0f} |")
    return "\n".join(lines)
