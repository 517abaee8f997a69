"""Robyn: a route of each kind. With BENCH_CHAIN, middleware around every route."""

import os

import work
from robyn import Request, Response, Robyn

app = Robyn(__file__)
pools = []


@app.startup_handler
async def start():
    if os.environ.get("BENCH_DATABASE"):
        pools.append(await work.open_pool())


@app.get("/json", const=True)
def const():
    return {"message": "Hello, World!"}


@app.get("/sync")
def sync(request: Request):
    return {"message": "Hello, World!"}


@app.get("/async")
async def asynchronous(request: Request):
    return {"message": "Hello, World!"}


@app.get("/users/:id")
def user(request: Request):
    return {"id": request.path_params["id"]}


@app.post("/echo")
def echo(request: Request):
    return request.body


@app.post("/post-json")
def post_json(request: Request):
    return request.json()


@app.get("/db")
async def database(request: Request):
    return await work.page(pools[0])


@app.get("/cpu")
def cpu(request: Request):
    return {"total": work.arithmetic()}


@app.websocket("/ws-python")
async def socket(websocket):
    while True:
        await websocket.send_bytes(await websocket.receive_bytes())


if os.environ.get("BENCH_CHAIN"):

    @app.before_request()
    def first(request: Request):
        return request

    @app.before_request()
    def second(request: Request):
        return request

    @app.after_request()
    def last(response: Response):
        return response


app.serve_directory(route="/static", directory_path=os.environ["BENCH_STATIC"])
app.start(host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), _check_port=False)
