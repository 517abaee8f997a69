"""A PostgreSQL of the benchmark's own: Debian's `postgresql`, in a folder that goes away, on a Unix socket."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_ITEMS = """
CREATE TABLE items (id serial PRIMARY KEY, title text NOT NULL, body text NOT NULL, stars integer NOT NULL);
INSERT INTO items (title, body, stars)
SELECT 'item ' || i, repeat('text ', 1 + i % 20), i * 7919 % 5000 FROM generate_series(1, 1000) AS i;
CREATE INDEX ON items (stars DESC);
ANALYZE;
"""


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@contextlib.contextmanager
def postgres(core: int | None) -> Iterator[str]:
    """The URL of a database with 1000 rows; its processes are kept to one core.

    Raises:
        RuntimeError: PostgreSQL is not installed, or did not start.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        raise RuntimeError("PostgreSQL is not installed")
    account = _account()
    folder = Path(tempfile.mkdtemp(prefix="roost-bench-pg-"))
    pinned = [] if core is None else ["taskset", "-c", str(core)]

    def run(program: str, *words: str) -> None:
        command = [*pinned, str(programs[-1].parent / program), *words]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **account)
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stdout}{done.stderr}")

    try:
        if account:
            os.chown(folder, account["user"], account["group"])
        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "bench", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            run("psql", "-q", "-h", str(folder), "-U", "bench", "-d", "postgres", "-c", _ITEMS)
            yield f"postgresql://bench@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "fast", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
