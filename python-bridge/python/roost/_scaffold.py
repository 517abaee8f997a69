"""Writes a new project: `python -m roost --create FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path

APP = '''"""{title}: run it with `python app.py --dev`."""

import os

from roost import App, Request

app = App(__file__)


@app.get("/")
def index() -> str:
    return os.environ.get("GREETING", "Hello!")


@app.get("/hello/:name")
async def hello(request: Request) -> dict[str, str]:
    return {"hello": request.path_params["name"]}


@app.post("/echo")
def echo(request: Request) -> dict[str, object]:
    return {"received": request.json()}


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=8080)
'''
TEST = '''"""Run them with `pytest`; no server is needed."""

from app import app
from roost.testing import TestClient


def test_greets_by_name() -> None:
    with TestClient(app) as client:
        assert client.get("/hello/Ada").json() == {"hello": "Ada"}


def test_echoes_json() -> None:
    with TestClient(app) as client:
        assert client.post("/echo", json=[1, 2]).json() == {"received": [1, 2]}
'''
YAML = """# For production: `roost check roost.yaml`, then `roost serve roost.yaml`.
server:
  listen: 127.0.0.1:8080
  processes: auto
python: { venv: .venv, path: [.] }
routes:
  - { path: /, python: app:app }
"""
ENV = """# Read by `python app.py`; the environment comes first.
GREETING="Hello from .env!"
ROOST_LOG_LEVEL=INFO
"""
README = """# {title}
    python -m venv .venv && . .venv/bin/activate
    pip install -r requirements.txt    # and roost, as you installed it where this project was made
    python app.py --dev                # http://127.0.0.1:8080/hello/you, reloads on save
    pytest
    python app.py --fast               # production: a process for each core
"""
FILES = {
    "app.py": APP,
    "test_app.py": TEST,
    "roost.yaml": YAML,
    ".env": ENV,
    "requirements.txt": "httpx\npytest\n",
    ".gitignore": ".venv/\n__pycache__/\n.env\n",
    "README.md": README,
}


def create(folder: str) -> int:
    """Writes the project, asking for its folder when none is named and somebody is there to ask; the exit status.

    Nothing is overwritten.
    """
    if not folder and sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty():
        folder = input("Folder of the new project (my-app): ").strip()
    target = Path(folder or "my-app").expanduser()
    in_the_way = [name for name in FILES if (target / name).exists()]
    if in_the_way:
        print(
            f"{target} has {', '.join(in_the_way)} already, and nothing was written: name another folder",
            file=sys.stderr,
        )
        return 1
    try:
        target.mkdir(parents=True, exist_ok=True)
        for name, text in FILES.items():
            (target / name).write_text(text.replace("{title}", target.resolve().name), encoding="utf-8")
    except OSError as error:
        print(f"{error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    print(f"{target}: a new project. Next: cd {target}, then python app.py --dev")
    return 0
