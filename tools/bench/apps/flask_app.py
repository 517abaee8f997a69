"""Flask, under gunicorn."""

import os

import work
from flask import Flask, request
from psycopg.rows import dict_row
from psycopg_pool import ConnectionPool

app = Flask(__name__)
pools = []
if os.environ.get("BENCH_DATABASE"):
    url = os.environ["BENCH_DATABASE"]
    pools.append(
        ConnectionPool(url, min_size=work.POOL, max_size=work.POOL, kwargs={"row_factory": dict_row}, open=True)
    )


@app.get("/sync")
def sync() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.post("/post-json")
def post_json():
    return request.get_json()


@app.get("/db")
def database():
    with pools[0].connection() as connection:
        rows = connection.execute(work.ROWS).fetchall()
        total = connection.execute(work.COUNT).fetchone()["count"]
    return {"items": rows, "total": total}


@app.get("/cpu")
def cpu():
    return {"total": work.arithmetic()}
