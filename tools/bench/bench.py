#!/usr/bin/env python3
"""Measures this server and its peers, one after another on this machine; started by tools/bench/run.

The server under test has core 0 for itself, the load generator core 1. Each round starts every server anew, so that
what disturbs the machine for a while meets all of them; the figures are medians over the rounds. CPU per request is
that of the whole process tree, children included: it is steadier than requests per second.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import memory
from process_tree import cpu_seconds, free_port, running
from servers import BENCH, BUILD, WORKS, Server, all_servers

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS, SUBSCRIBERS = 64, 1000
WARM_UP = 1


@dataclass(frozen=True)
class Sample:
    """One server at one work for some seconds; latencies in microseconds."""

    cpu_us: float
    per_second: float
    p50_us: float
    p99_us: float
    errors: str


def _microseconds(text: str) -> float:
    found = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    assert found, text
    return float(found[1]) * {"us": 1, "ms": 1e3, "s": 1e6, "m": 6e7}[found[2]]


def _figure(pattern: str, output: str) -> str:
    found = re.search(pattern, output)
    if not found:
        raise RuntimeError(f"no {pattern} in what wrk printed:\n{output}")
    return found[1]


def load(port: int, path: str, work: str, seconds: int) -> str:
    """One run of wrk, for WebSockets of ws_load, on the load's core; what it printed."""
    pinned = ["taskset", "-c", str(LOAD_CORE)]
    if work.startswith("ws-"):
        kind = work.removeprefix("ws-")
        many = SUBSCRIBERS if kind == "topic" else CONNECTIONS
        words = [str(BUILD / "bin" / "ws_load"), kind, str(port), path, str(many), str(seconds)]
        return subprocess.run([*pinned, *words], capture_output=True, text=True, check=True).stdout
    script = {"json-x16": "pipeline.lua", "echo": "echo.lua"}.get(work)
    command = [*pinned, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency"]
    command += ["-s", str(BENCH / "lua" / script)] if script else []
    return subprocess.run(
        [*command, f"http://127.0.0.1:{port}{path}"], capture_output=True, text=True, check=True
    ).stdout


def measure(pid: int, port: int, path: str, work: str, seconds: int) -> Sample:
    """Warms up, then measures one work of a running server."""
    load(port, path, work, WARM_UP)
    before = cpu_seconds(pid)
    output = load(port, path, work, seconds)
    cpu = cpu_seconds(pid) - before
    requests = int(_figure(r"(\d+) requests in", output))
    if not requests:
        raise RuntimeError(f"no answer to {work} within {seconds} s")
    p50, p99 = (_microseconds(_figure(rf"\b{share}%\s+(\S+)\n", output)) for share in (50, 99))
    errors = " ".join(line.strip() for line in output.splitlines() if "Non-2xx" in line or "Socket errors" in line)
    return Sample(cpu * 1e6 / requests, float(_figure(r"Requests/sec:\s+([\d.]+)", output)), p50, p99, errors)


def note(
    name: str, work: str, samples: dict[tuple[str, str], list[Sample]], pid: int, port: int, path: str, seconds: int
) -> None:
    """Measures one work, keeps the sample and prints it; a server that cannot do it is left out of that work."""
    try:
        sample = measure(pid, port, path, work, seconds)
    except RuntimeError as error:
        print(f"  {name:14} {work:12} {error}", file=sys.stderr, flush=True)
        return
    samples[work, name].append(sample)
    print(
        f"  {name:14} {work:12} {sample.cpu_us:8.2f} us {sample.per_second:10.0f}/s {sample.errors}",
        file=sys.stderr,
        flush=True,
    )


def run_round(
    servers: list[Server], works: list[str], seconds: int, samples: dict[tuple[str, str], list[Sample]]
) -> None:
    """Every server once, in an order of its own."""
    for server in random.sample(servers, len(servers)):
        mine = [work for work in works if work in server.works]
        if not mine:
            continue
        with tempfile.TemporaryDirectory(prefix="roost-bench-") as name:
            folder, port = Path(name), free_port()
            folder.chmod(0o755)  # nginx serves files as another user
            (folder / "static").mkdir()
            (folder / "static" / "1k.bin").write_bytes(os.urandom(1024))
            (folder / "static" / "100k.bin").write_bytes(os.urandom(100 * 1024))
            for file, text in server.files(port, folder).items():
                (folder / file).write_text(text)
            try:
                env = server.environment(port, folder)
                ready = next((server.works[work] for work in mine if not work.startswith("ws-")), "/json")
                with running(server.command(port, folder), env, folder, port, ready, SERVER_CORE) as pid:
                    for work in mine:
                        note(server.name, work, samples, pid, port, server.works[work], seconds)
            except (RuntimeError, subprocess.SubprocessError) as error:
                print(f"  {server.name}: {error}", file=sys.stderr, flush=True)


def table(works: list[str], servers: list[Server], samples: dict[tuple[str, str], list[Sample]]) -> str:
    """The medians, as a Markdown table; an asterisk marks runs with errors or answers other than 2xx."""
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


def machine() -> str:
    """What it was measured on, and when."""
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    cpu = model[1] if model else platform.processor()
    return f"{datetime.date.today()}, {cpu}, {os.cpu_count()} cores, Linux {platform.release()}"


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def main() -> int:
    """See tools/bench/run --help."""
    parser = argparse.ArgumentParser(prog="tools/bench/run", description=__doc__)
    parser.add_argument("--only", type=_names, default=[], help="servers, with commas; this one is always measured")
    parser.add_argument("--works", type=_names, default=list(WORKS), help=f"of {', '.join(WORKS)}")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="for each server, work and round")
    parser.add_argument("--markdown", type=Path, help="writes the table here too")
    parser.add_argument("--memory", action="store_true", help="memory and replacement time of this server instead")
    parser.add_argument("--list", action="store_true", help="names the servers and their works")
    options = parser.parse_args()
    if unknown := set(options.works) - set(WORKS):
        parser.error(f"no such work: {', '.join(unknown)}")

    servers = all_servers()
    if unknown := set(options.only) - {server.name for server in servers}:
        parser.error(f"no such server: {', '.join(unknown)}")
    if options.list:
        for server in servers:
            print(f"{server.name}: {', '.join(server.works)}")
        return 0
    if options.memory:
        result = memory.report()
    else:
        if options.only:
            servers = [s for s in servers if s.name in {*options.only, "roost", "roost again"}]
        samples: dict[tuple[str, str], list[Sample]] = defaultdict(list)
        for number in range(options.rounds):
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
            run_round(servers, options.works, options.seconds, samples)
        result = table(options.works, servers, samples)
        result += f"\n\nMedians of {options.rounds} rounds of {options.seconds} s, wrk with {CONNECTIONS} connections; "
        result += (
            f"WebSocket echo with as many, topics with {SUBSCRIBERS} subscribers: a request is a message delivered."
        )
    result += f"\n\nMeasured {machine()}."
    print(result)
    if options.markdown:
        options.markdown.write_text(result + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
