"""A plain function alone, for the memory of a worker that needs no event loop."""

from roost import App, Request

app = App(__file__)


@app.get("/sync")
def sync(request: Request) -> dict[str, str]:
    return {"message": "Hello, World!"}
