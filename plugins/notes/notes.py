"""Notes, the demo's application: list, search, create, update, delete, and tell every open page of a change.

    GET    /api/notes?limit=20&offset=0&q=text   {"items": [note, ...], "total": 42}
    POST   /api/notes       {"title", "body"}    201 and the note
    GET    /api/notes/:id                        the note
    PUT    /api/notes/:id   {"title", "body"}    the note
    DELETE /api/notes/:id                        204
    WS     /ws                                   {"type": "created" | "updated" | "deleted", "note" | "id"}

The notes are in the SQLite file NOTES_DB (notes.sqlite3 beside this file), or in PostgreSQL when DATABASE_URL is set.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from roost import App, Request, Response, WebSocket

from notes_store import Store, open_store

MAX_TITLE = 200
MAX_BODY = 100_000
MAX_PAGE = 100

app = App(__file__)
changes = WebSocket(app, "/ws")


class Refused(ValueError):
    """What the client sent cannot be accepted; the text says why."""


@app.startup_handler
async def open_notes() -> None:
    """Runs in each worker, so that none inherits another one's connection."""
    path = Path(os.environ.get("NOTES_DB") or Path(__file__).with_name("notes.sqlite3"))
    app.state.store = await open_store(os.environ.get("DATABASE_URL", ""), path)


@app.shutdown_handler
async def close_notes() -> None:
    """Runs in each worker when its last request is answered."""
    await _store().close()


def _store() -> Store:
    store: Store = app.state.store
    return store


def _json(status: int, value: object) -> Response:
    return Response(status, {"Content-Type": "application/json"}, json.dumps(value))


def _not_found() -> Response:
    return _json(404, {"error": "there is no such note"})


def _number(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name, None)
    if text is None or text == "":
        return default
    # Not isdigit: that also takes digits of other scripts. Ten places are plenty, and bound what int() is given.
    if not (text.isascii() and text.isdigit() and len(text) <= 10 and low <= int(text) <= high):
        raise Refused(f"{name} must be a number from {low} to {high}")
    return int(text)


def _note_id(request: Request) -> int | None:
    text = request.path_params["id"]
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 15 else None


def _fields(request: Request) -> tuple[str, str]:
    try:
        sent: Any = request.json()
    except ValueError:
        raise Refused("the body must be JSON") from None
    if not isinstance(sent, dict):
        raise Refused("the body must be a JSON object")
    title, body = sent.get("title"), sent.get("body", "")
    if not isinstance(title, str) or not title.strip():
        raise Refused("title must be a text that is not empty")
    if not isinstance(body, str):
        raise Refused("body must be a text")
    if len(title) > MAX_TITLE or len(body) > MAX_BODY:
        raise Refused(f"at most {MAX_TITLE} characters in title, {MAX_BODY} in body")
    if "\0" in title or "\0" in body:
        raise Refused("NUL characters are not accepted")
    return title.strip(), body


def _tell(kind: str, **what: object) -> None:
    """Reaches the open pages of every worker process."""
    changes.broadcast(json.dumps({"type": kind, **what}))


@app.get("/api/notes")
async def list_notes(request: Request) -> Response | dict[str, Any]:
    """One page of the notes that contain `q`."""
    try:
        limit = _number(request, "limit", 20, 1, MAX_PAGE)
        offset = _number(request, "offset", 0, 0, 1_000_000_000)
    except Refused as error:
        return _json(400, {"error": str(error)})
    items, total = await _store().page(request.query_params.get("q", ""), limit, offset)
    return {"items": items, "total": total}


@app.post("/api/notes")
async def create_note(request: Request) -> Response:
    """Adds a note."""
    try:
        title, body = _fields(request)
    except Refused as error:
        return _json(400, {"error": str(error)})
    note = await _store().create(title, body)
    _tell("created", note=note)
    headers = {"Content-Type": "application/json", "Location": f"/api/notes/{note['id']}"}
    return Response(201, headers, json.dumps(note))


@app.get("/api/notes/:id")
async def read_note(request: Request) -> Response | dict[str, Any]:
    """One note."""
    note_id = _note_id(request)
    note = None if note_id is None else await _store().read(note_id)
    return dict(note) if note else _not_found()


@app.put("/api/notes/:id")
async def update_note(request: Request) -> Response | dict[str, Any]:
    """Replaces title and body of a note."""
    try:
        title, body = _fields(request)
    except Refused as error:
        return _json(400, {"error": str(error)})
    note_id = _note_id(request)
    note = None if note_id is None else await _store().update(note_id, title, body)
    if note is None:
        return _not_found()
    _tell("updated", note=note)
    return dict(note)


@app.delete("/api/notes/:id")
async def delete_note(request: Request) -> Response:
    """Removes a note."""
    note_id = _note_id(request)
    if note_id is None or not await _store().delete(note_id):
        return _not_found()
    _tell("deleted", id=note_id)
    return Response(204, {}, "")


@changes.on("connect")
async def joined(ws: Any) -> str:
    """A page was opened; it hears of changes from now on."""
    return ""


@changes.on("message")
async def heard(ws: Any, message: str) -> str:
    """Pages say nothing; what comes all the same is ignored."""
    return ""


@changes.on("close")
async def left(ws: Any) -> str:
    """A page was closed."""
    return ""


if __name__ == "__main__":
    app.start(host="127.0.0.1", port=8080)
