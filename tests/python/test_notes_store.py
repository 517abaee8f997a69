"""The notes' two databases, through the same calls: SQLite, and a PostgreSQL server of the test's own."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "notes"))

from notes_store import Store, open_store


def _account() -> dict[str, Any]:
    """PostgreSQL refuses to run as root; Debian's package has made an account for it."""
    if os.getuid() != 0:
        return {}
    entry = pwd.getpwnam("postgres")
    return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """The URL of a new database, on a Unix socket."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not programs:
        pytest.skip("PostgreSQL is not installed")
    bin_folder, account = programs[-1].parent, _account()
    folder = Path(tempfile.mkdtemp(prefix="notes-pg-"))
    try:
        if account:
            os.chown(folder, account["user"], account["group"])

        def run(program: str, *words: str) -> None:
            done = subprocess.run(
                [str(bin_folder / program), *words], cwd=folder, capture_output=True, text=True, check=False, **account
            )
            assert done.returncode == 0, done.stdout + done.stderr

        data = str(folder / "data")
        run("initdb", "-D", data, "-U", "notes", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C.UTF-8")
        options = f"-c listen_addresses='' -c unix_socket_directories='{folder}' -c fsync=off"
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        try:
            yield f"postgresql://notes@/postgres?host={folder}"
        finally:
            run("pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def with_store(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Callable[[Store], Awaitable[None]]], None]:
    """Runs a coroutine function with a store that holds nothing."""
    url = request.getfixturevalue("postgres") if request.param == "postgres" else ""

    def run(body: Callable[[Store], Awaitable[None]]) -> None:
        async def main() -> None:
            store = await open_store(url, tmp_path / "notes.sqlite3")
            try:
                items, _ = await store.page("", 100, 0)
                for note in items:
                    await store.delete(note["id"])
                await body(store)
            finally:
                await store.close()

        asyncio.run(main())

    return run


WithStore = Callable[[Callable[[Store], Awaitable[None]]], None]


def test_note_is_created_read_updated_and_deleted(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        note = await store.create("title", "body \N{SNOWMAN}")
        assert await store.read(note["id"]) == note
        assert note["created"] == note["updated"]
        changed = await store.update(note["id"], "other", "")
        assert changed is not None
        assert (changed["title"], changed["body"], changed["created"]) == ("other", "", note["created"])
        assert await store.delete(note["id"])
        assert not await store.delete(note["id"])
        assert await store.read(note["id"]) is None
        assert await store.update(note["id"], "a", "b") is None

    with_store(body)


def test_pages_cover_every_note_once_latest_change_first(with_store: WithStore) -> None:
    async def body(store: Store) -> None:
        ids = [(await store.create(f"note {number}", ""))["id"] for number in range(5)]
        pages = [await store.page("", 2, offset) for offset in (0, 2, 4, 6)]
        assert [total for _, total in pages] == [5] * 4
        assert [note["id"] for items, _ in pages for note in items] == ids[::-1]

    with_store(body)


@pytest.mark.parametrize(
    ("text", "want"),
    [
        ("MILK", {"Milk", "Shopping"}),
        ("100%", {"100%"}),
        ("_", {"a_b"}),
        ("\\", {"c\\d"}),
        ("'", {"it's"}),
        ("no", set()),
    ],
)
def test_search_takes_special_characters_as_they_are(with_store: WithStore, text: str, want: set[str]) -> None:
    async def body(store: Store) -> None:
        notes = {
            "Milk": "",
            "Shopping": "oat milk",
            "100%": "",
            "1000": "",
            "a_b": "",
            "axb": "",
            "c\\d": "",
            "it's": "",
        }
        for title, content in notes.items():
            await store.create(title, content)
        items, total = await store.page(text, 100, 0)
        assert {note["title"] for note in items} == want, text
        assert total == len(want)

    with_store(body)


def test_stores_on_one_file_write_at_the_same_time(tmp_path: Path) -> None:
    async def one(number: int) -> None:
        store = await open_store("", tmp_path / "notes.sqlite3")
        for count in range(20):
            await store.create(f"{number}-{count}", "")
        await store.close()

    async def main() -> None:
        await asyncio.gather(*(one(number) for number in range(4)))
        store = await open_store("", tmp_path / "notes.sqlite3")
        assert (await store.page("", 1, 0))[1] == 80
        await store.close()

    asyncio.run(main())


def test_workers_that_start_at_once_make_one_file(tmp_path: Path) -> None:
    async def open_all(path: Path) -> None:
        for store in await asyncio.gather(*(open_store("", path) for _ in range(8))):
            await store.close()

    for number in range(100):  # the moment is a short one
        asyncio.run(open_all(tmp_path / f"{number}.sqlite3"))
