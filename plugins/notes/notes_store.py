"""Where the notes are kept: a file of SQLite, or PostgreSQL; both behind one asynchronous interface."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, TypedDict, TypeVar

T = TypeVar("T")

PATIENCE = 10.0
"""Seconds that a worker waits for what others do to the same file."""


class Note(TypedDict):
    """A note as it goes over the wire; the times are ISO 8601, in UTC."""

    id: int
    title: str
    body: str
    created: str
    updated: str


class Store(Protocol):
    """Notes that last. Every worker process opens one of its own; all of them see the same notes."""

    async def page(self, text: str, limit: int, offset: int) -> tuple[list[Note], int]:
        """The notes whose title or body contains `text`, latest change first, and how many there are in all."""

    async def create(self, title: str, body: str) -> Note:
        """Adds a note."""

    async def read(self, note_id: int) -> Note | None:
        """The note, or None when there is none of this id."""

    async def update(self, note_id: int, title: str, body: str) -> Note | None:
        """Replaces title and body; None when there is no such note."""

    async def delete(self, note_id: int) -> bool:
        """Whether there was such a note; there is none now."""

    async def close(self) -> None:
        """Gives connections back. The store is of no use afterwards."""


async def open_store(database_url: str, path: Path) -> Store:
    """PostgreSQL at `database_url`, or the SQLite file `path` when that is empty; its table is made when missing."""
    if database_url:
        return await PostgresStore.open(database_url)
    return await SqliteStore.open(path)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _like(text: str) -> str:
    """A LIKE pattern, with the escape character of both databases, that finds `text` as it is."""
    for special in "\\%_":
        text = text.replace(special, "\\" + special)
    return f"%{text}%"


def _journal_ahead(database: sqlite3.Connection) -> None:
    """Readers go on beside a writer (sqlite.org/wal.html): other worker processes write too.

    While another connection changes the mode, this one is not made to wait but told that the database is locked.
    """
    end = time.monotonic() + PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError:
            if time.monotonic() > end:
                raise
            time.sleep(0.005)


class SqliteStore:
    """Notes in a file. One thread works on its one connection, so that a waiting write never holds up the loop."""

    def __init__(self, database: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._database = database
        self._thread = thread

    @classmethod
    async def open(cls, path: Path) -> SqliteStore:
        """Opens the file, and makes it when there is none.

        Raises:
            sqlite3.Error: it cannot be opened, or is no database.
        """
        thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="notes-sqlite")

        def connect() -> sqlite3.Connection:
            database = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
            database.row_factory = sqlite3.Row
            _journal_ahead(database)
            database.execute("PRAGMA synchronous = NORMAL")
            # The other workers start at this moment, too: who comes second waits here, and finds all made.
            database.execute("BEGIN IMMEDIATE")
            database.execute(
                "CREATE TABLE IF NOT EXISTS notes (id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL,"
                " body TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL)"
            )
            database.execute("CREATE INDEX IF NOT EXISTS notes_updated ON notes (updated DESC, id DESC)")
            database.execute("COMMIT")
            return database

        try:
            return cls(await asyncio.get_running_loop().run_in_executor(thread, connect), thread)
        except BaseException:
            thread.shutdown(wait=False)
            raise

    async def _call(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, self._database)

    async def _one(self, statement: str, *values: object) -> Note | None:
        row = await self._call(lambda database: database.execute(statement, values).fetchone())
        return _note(row) if row else None

    async def page(self, text: str, limit: int, offset: int) -> tuple[list[Note], int]:
        """See `Store`."""
        where = ""
        found: tuple[str, ...] = ()
        if text:
            where, found = "WHERE title LIKE ? ESCAPE '\\' OR body LIKE ? ESCAPE '\\'", (_like(text),) * 2

        def work(database: sqlite3.Connection) -> tuple[list[Note], int]:
            (total,) = database.execute(f"SELECT count(*) FROM notes {where}", found).fetchone()
            rows = database.execute(
                f"SELECT * FROM notes {where} ORDER BY updated DESC, id DESC LIMIT ? OFFSET ?", (*found, limit, offset)
            )
            return [_note(row) for row in rows], total

        return await self._call(work)

    async def create(self, title: str, body: str) -> Note:
        """See `Store`."""
        now = _now()
        note = await self._one(
            "INSERT INTO notes (title, body, created, updated) VALUES (?, ?, ?, ?) RETURNING *", title, body, now, now
        )
        assert note is not None
        return note

    async def read(self, note_id: int) -> Note | None:
        """See `Store`."""
        return await self._one("SELECT * FROM notes WHERE id = ?", note_id)

    async def update(self, note_id: int, title: str, body: str) -> Note | None:
        """See `Store`."""
        return await self._one(
            "UPDATE notes SET title = ?, body = ?, updated = ? WHERE id = ? RETURNING *", title, body, _now(), note_id
        )

    async def delete(self, note_id: int) -> bool:
        """See `Store`."""
        return await self._call(lambda db: db.execute("DELETE FROM notes WHERE id = ?", (note_id,)).rowcount) > 0

    async def close(self) -> None:
        """See `Store`."""
        await self._call(lambda database: database.close())
        self._thread.shutdown()


class PostgresStore:
    """Notes in PostgreSQL, through a small pool of asyncpg's connections."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    @classmethod
    async def open(cls, url: str) -> PostgresStore:
        """Connects.

        Raises:
            ImportError: asyncpg is not installed.
            OSError, asyncpg.PostgresError: there is no such database, or it refuses.
        """
        import asyncpg

        pool = await asyncpg.create_pool(url, min_size=1, max_size=8)
        async with pool.acquire() as connection, connection.transaction():
            # IF NOT EXISTS fails when two workers create at the same time; the lock ends with the transaction.
            await connection.execute("SELECT pg_advisory_xact_lock(hashtext('roost notes'))")
            await connection.execute(
                "CREATE TABLE IF NOT EXISTS notes (id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
                " title TEXT NOT NULL, body TEXT NOT NULL, created TEXT NOT NULL, updated TEXT NOT NULL)"
            )
            await connection.execute("CREATE INDEX IF NOT EXISTS notes_updated ON notes (updated DESC, id DESC)")
        return cls(pool)

    async def page(self, text: str, limit: int, offset: int) -> tuple[list[Note], int]:
        """See `Store`."""
        where, found = ("WHERE title ILIKE $1 OR body ILIKE $1", (_like(text),)) if text else ("", ())
        window = f"LIMIT ${len(found) + 1} OFFSET ${len(found) + 2}"
        async with self._pool.acquire() as connection:
            total = await connection.fetchval(f"SELECT count(*) FROM notes {where}", *found)
            rows = await connection.fetch(
                f"SELECT * FROM notes {where} ORDER BY updated DESC, id DESC {window}", *found, limit, offset
            )
        return [_note(row) for row in rows], total

    async def create(self, title: str, body: str) -> Note:
        """See `Store`."""
        return _note(
            await self._pool.fetchrow(
                "INSERT INTO notes (title, body, created, updated) VALUES ($1, $2, $3, $3) RETURNING *",
                title,
                body,
                _now(),
            )
        )

    async def read(self, note_id: int) -> Note | None:
        """See `Store`."""
        row = await self._pool.fetchrow("SELECT * FROM notes WHERE id = $1", note_id)
        return _note(row) if row else None

    async def update(self, note_id: int, title: str, body: str) -> Note | None:
        """See `Store`."""
        row = await self._pool.fetchrow(
            "UPDATE notes SET title = $1, body = $2, updated = $3 WHERE id = $4 RETURNING *",
            title,
            body,
            _now(),
            note_id,
        )
        return _note(row) if row else None

    async def delete(self, note_id: int) -> bool:
        """See `Store`."""
        return bool(await self._pool.fetchval("DELETE FROM notes WHERE id = $1 RETURNING true", note_id))

    async def close(self) -> None:
        """See `Store`."""
        await self._pool.close()


def _note(row: Any) -> Note:
    return Note(id=row["id"], title=row["title"], body=row["body"], created=row["created"], updated=row["updated"])
