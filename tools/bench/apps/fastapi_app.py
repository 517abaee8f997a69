"""FastAPI under uvicorn: a route of each kind."""

import os
from contextlib import asynccontextmanager

import work
from fastapi import FastAPI, Request
from pydantic import BaseModel


@asynccontextmanager
async def lifespan(app: FastAPI):
    app.state.pool = await work.open_pool() if os.environ.get("BENCH_DATABASE") else None
    yield


app = FastAPI(lifespan=lifespan)


class Item(BaseModel):
    name: str
    price: float
    quantity: int
    tags: list[str]


@app.get("/sync")
def sync() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/async")
async def asynchronous() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.post("/post-json")
async def post_json(request: Request):
    return await request.json()


@app.post("/typed")
async def typed(item: Item) -> Item:
    return item


@app.get("/db")
async def database(request: Request):
    return await work.page(request.app.state.pool)


@app.get("/cpu")
async def cpu():
    return {"total": work.arithmetic()}
