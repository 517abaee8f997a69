"""The Python routes of this server in the benchmark."""

from roost import App, Request

app = App(__file__)


@app.get("/sync")
def sync(request: Request) -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/async")
async def asynchronous(request: Request) -> dict[str, str]:
    return {"message": "Hello, World!"}
