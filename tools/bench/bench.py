#!/usr/bin/env python3
"""Measures this server and its peers, one after another on this machine; started by tools/bench/run.

The server under test has core 0 for itself, the load generator core 1. Each round starts every server anew, so that
what disturbs the machine for a while meets all of them; the figures are medians over the rounds. CPU per request is
that of the whole process tree, children included: it is steadier than requests per second.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import aims
import memory
from database import postgres
from process_tree import cpu_seconds, free_port, running
from servers import BENCH, BUILD, DATABASE, WORKS, Server, all_servers
from tables import Sample, Samples, every_figure, summary

SERVER_CORE, LOAD_CORE = 0, 1
CONNECTIONS = 64
SUBSCRIBERS = {"ws-topic": 1000, "ws-topic-large": 5000}
WARM_UP = 1
SLEEPERS = 32
READY = ("json", "python-sync", "python-async", "python-chain")
SCRIPTS = {"json-x16": "pipeline.lua", "echo": "echo.lua", "python-json": "post-json.lua", "python-typed": "typed.lua"}


def connections(work: str) -> int:
    """How many connections a work is done on."""
    if work == "python-sleep":
        return SLEEPERS
    last = work.rpartition("-")[2]
    return int(last) if last.isdigit() else CONNECTIONS


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
        kind = "topic" if work in SUBSCRIBERS else "echo"
        many = SUBSCRIBERS.get(work, CONNECTIONS)
        words = [str(BUILD / "bin" / "ws_load"), kind, str(port), path, str(many), str(seconds)]
        return subprocess.run([*pinned, *words], capture_output=True, text=True, check=True).stdout
    script = SCRIPTS.get(work)
    command = [*pinned, "wrk", "-t1", f"-c{connections(work)}", f"-d{seconds}s", "--latency"]
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
    p50, p99 = (_microseconds(_figure(rf"\b{share}%\s+(\S+)\s*\n", output)) for share in (50, 99))
    errors = " ".join(line.strip() for line in output.splitlines() if "Non-2xx" in line or "Socket errors" in line)
    return Sample(cpu * 1e6 / requests, float(_figure(r"Requests/sec:\s+([\d.]+)", output)), p50, p99, errors)


def measure_sleep(port: int, path: str, native: str, seconds: int) -> str:
    """Latencies of handlers that sleep 100 ms, 32 at a time, and of a native route before and meanwhile."""

    def p99(output: str) -> float:
        return _microseconds(_figure(r"\b99%\s+(\S+)\s*\n", output))

    def probe() -> list[str]:
        pinned = ["taskset", "-c", str(LOAD_CORE)]
        return [*pinned, "wrk", "-t1", "-c1", f"-d{seconds}s", "--latency", f"http://127.0.0.1:{port}{native}"]

    load(port, path, "python-sleep", 2)
    alone = p99(subprocess.run(probe(), capture_output=True, text=True, check=True).stdout)
    with subprocess.Popen(probe(), stdout=subprocess.PIPE, text=True) as beside:
        output = load(port, path, "python-sleep", seconds)
        together = p99(beside.communicate()[0])
    p50 = _microseconds(_figure(r"\b50%\s+(\S+)\s*\n", output))
    return (
        f"{SLEEPERS} handlers that sleep 100 ms at once: p50 {p50 / 1e3:.0f} ms, p99 {p99(output) / 1e3:.0f} ms;"
        f" a native route's p99 {alone:.0f} us before, {together:.0f} us meanwhile"
    )


def note(name: str, work: str, samples: Samples, pid: int, port: int, path: str, seconds: int) -> None:
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
    servers: list[Server],
    works: list[str],
    seconds: int,
    samples: Samples,
    remarks: list[str],
    database: str,
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
                env = server.environment(port, folder) | {"BENCH_DATABASE": database}
                ready = next((p for w, p in server.works.items() if w in READY), "/json")
                with running(server.command(port, folder), env, folder, port, ready, SERVER_CORE) as pid:
                    for work in mine:
                        if work == "python-sleep":
                            remarks.append(measure_sleep(port, server.works[work], server.works["json"], seconds))
                            print(f"  {server.name:14} {remarks[-1]}", file=sys.stderr, flush=True)
                            continue
                        note(server.name, work, samples, pid, port, server.works[work], seconds)
            except (RuntimeError, subprocess.SubprocessError) as error:
                print(f"  {server.name}: {error}", file=sys.stderr, flush=True)


def measured(servers: list[Server], works: list[str], rounds: int, seconds: int) -> str:
    """All the rounds: the table, what was held against what, remarks."""
    samples: Samples = defaultdict(list)
    remarks: list[str] = []
    runs = rounds * sum((seconds + WARM_UP) for s in servers for w in works if w in s.works)
    print(f"some {(runs + rounds * 3 * len(servers)) // 60 + 1} minutes", file=sys.stderr, flush=True)
    with contextlib.ExitStack() as stack:
        wanted = any(work in DATABASE for work in works)
        database = stack.enter_context(postgres(LOAD_CORE)) if wanted else ""
        for number in range(rounds):
            print(f"round {number + 1} of {rounds}", file=sys.stderr, flush=True)
            run_round(servers, works, seconds, samples, remarks, database)
    parts = [summary(works, servers, samples), aims.table(samples), *remarks]
    parts.append(
        f"Medians of {rounds} rounds of {seconds} s, wrk with {CONNECTIONS} connections where the work names no other;"
        f" WebSocket echo with as many, topics with {SUBSCRIBERS['ws-topic']} subscribers (large:"
        f" {SUBSCRIBERS['ws-topic-large']}; roost-4 has them on four workers): a request is a message delivered."
    )
    parts.append(every_figure(works, servers, samples))
    return "\n\n".join(part for part in parts if part)


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
        result = measured(servers, options.works, options.rounds, options.seconds)
    result += f"\n\nMeasured {machine()}."
    print(result)
    if options.markdown:
        options.markdown.write_text(result + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
