"""The Python routes of this server in the benchmark."""

import time

import work
from roost import App, Request, Response, WebSocketAdapter

app = App(__file__)


@app.get("/sync")
def sync(request: Request) -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/async")
async def asynchronous(request: Request) -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/const", const=True)
def const() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.before_request("/chain")
def first(request: Request) -> Request:
    return request


@app.before_request("/chain")
def second(request: Request) -> Request:
    return request


@app.after_request("/chain")
def last(response: Response) -> Response:
    return response


@app.get("/chain")
def chain(request: Request) -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.post("/post-json")
def post_json(request: Request) -> object:
    return request.json()


@app.get("/db")
async def database(request: Request) -> object:
    if app.state.pool is None:
        raise RuntimeError("no database")
    return await work.page(app.state.pool)


@app.get("/cpu")
def cpu(request: Request) -> dict[str, int]:
    return {"total": work.arithmetic()}


@app.get("/sleep")
def sleep(request: Request) -> dict[str, str]:
    time.sleep(0.1)
    return {"message": "Hello, World!"}


@app.websocket("/ws-python")
async def echo(socket: WebSocketAdapter) -> None:
    while True:
        await socket.send(await socket.receive())


@app.startup_handler
async def start() -> None:
    import os

    app.state.pool = await work.open_pool() if os.environ.get("BENCH_DATABASE") else None
