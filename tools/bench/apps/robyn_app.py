"""Robyn: a route of each kind."""

import os

from robyn import Request, Robyn

app = Robyn(__file__)


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


app.serve_directory(route="/static", directory_path=os.environ["BENCH_STATIC"])
app.start(host="127.0.0.1", port=int(os.environ["BENCH_PORT"]), _check_port=False)
