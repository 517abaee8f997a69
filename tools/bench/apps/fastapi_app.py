"""FastAPI under uvicorn: a route of each kind."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/sync")
def sync() -> dict[str, str]:
    return {"message": "Hello, World!"}


@app.get("/async")
async def asynchronous() -> dict[str, str]:
    return {"message": "Hello, World!"}
