"""What the applications of all frameworks do alike in the benchmark."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ROWS = "SELECT id, title, body, stars FROM items ORDER BY stars DESC LIMIT 20"
COUNT = "SELECT count(*) FROM items"
POOL = 10


def arithmetic() -> int:
    """10,000 iterations in plain Python."""
    total = 0
    for i in range(10_000):
        total += i * i % 7
    return total


async def open_pool() -> Any:
    """A pool of connections to the benchmark's database."""
    import asyncpg

    return await asyncpg.create_pool(os.environ["BENCH_DATABASE"], min_size=POOL, max_size=POOL)


async def page(pool: Any) -> dict[str, Any]:
    """Twenty rows and their count."""
    async with pool.acquire() as connection:
        rows = await connection.fetch(ROWS)
        total = await connection.fetchval(COUNT)
    return {"items": [dict(row) for row in rows], "total": total}
