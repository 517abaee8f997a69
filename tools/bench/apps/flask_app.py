"""Flask, under gunicorn."""

from flask import Flask

app = Flask(__name__)


@app.get("/sync")
def sync() -> dict[str, str]:
    return {"message": "Hello, World!"}
