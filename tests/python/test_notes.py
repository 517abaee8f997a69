"""The demo's application, called in process."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("roost")

NOTES = Path(__file__).resolve().parents[2] / "plugins" / "notes"


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of an application whose database is new."""
    from roost.testing import TestClient

    monkeypatch.syspath_prepend(str(NOTES))
    monkeypatch.setenv("NOTES_DB", str(tmp_path / "notes.sqlite3"))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    for name in ("notes", "notes_store"):
        sys.modules.pop(name, None)
    import notes

    with TestClient(notes.app) as client:
        yield client


def test_created_note_is_listed_read_updated_and_deleted(client: Any) -> None:
    created = client.post("/api/notes", json={"title": " Bread ", "body": "flour, *water*"})
    assert created.status_code == 201, created.text
    note = created.json()
    assert (note["title"], note["body"]) == ("Bread", "flour, *water*")
    assert client.get("/api/notes").json() == {"items": [note], "total": 1}
    assert client.get(f"/api/notes/{note['id']}").json() == note

    changed = client.put(f"/api/notes/{note['id']}", json={"title": "Bread", "body": "rye"})
    assert changed.status_code == 200
    assert changed.json()["body"] == "rye"
    assert changed.json()["created"] == note["created"]

    assert client.delete(f"/api/notes/{note['id']}").status_code == 204
    assert client.get(f"/api/notes/{note['id']}").status_code == 404
    assert client.get("/api/notes").json() == {"items": [], "total": 0}


def test_pages_are_latest_change_first(client: Any) -> None:
    ids = [client.post("/api/notes", json={"title": f"note {i}"}).json()["id"] for i in range(5)]
    client.put(f"/api/notes/{ids[0]}", json={"title": "changed"})
    pages = [client.get(f"/api/notes?limit=2&offset={offset}").json() for offset in (0, 2, 4)]
    assert [page["total"] for page in pages] == [5, 5, 5]
    assert [note["id"] for page in pages for note in page["items"]] == [ids[0], *reversed(ids[1:])]


@pytest.mark.parametrize(
    ("text", "want"),
    [("milk", {"Milk", "Shopping"}), ("100%25", {"100%"}), ("_", {"a_b"}), ("nothing", set()), ("%22", set())],
)
def test_search_finds_the_text_as_it_is(client: Any, text: str, want: set[str]) -> None:
    for title, body in [("Milk", ""), ("Shopping", "oat milk"), ("100%", ""), ("1000", ""), ("a_b", ""), ("axb", "")]:
        client.post("/api/notes", json={"title": title, "body": body})
    assert {note["title"] for note in client.get(f"/api/notes?q={text}").json()["items"]} == want


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"title": ""},
        {"title": "  "},
        {"title": 1},
        {"title": "a", "body": 1},
        {"title": "a" * 201},
        [],
        "text",
        None,
    ],
)
def test_unacceptable_note_is_refused_with_400(client: Any, sent: object) -> None:
    answer = client.post("/api/notes", json=sent)
    assert answer.status_code == 400, (sent, answer.text)
    assert answer.json()["error"]


@pytest.mark.parametrize("query", ["limit=0", "limit=101", "limit=x", "offset=-1", "limit=%C2%B2"])
def test_unacceptable_page_is_refused_with_400(client: Any, query: str) -> None:
    assert client.get(f"/api/notes?{query}").status_code == 400, query


@pytest.mark.parametrize("note_id", ["1", "0", "x", "-1", "99999999999999999999"])
def test_unknown_note_answers_404(client: Any, note_id: str) -> None:
    for method in (client.get, client.delete):
        assert method(f"/api/notes/{note_id}").status_code == 404, note_id
    assert client.put(f"/api/notes/{note_id}", json={"title": "a"}).status_code == 404, note_id


def test_notes_outlive_the_application(client: Any) -> None:
    import notes
    from roost.testing import TestClient

    client.post("/api/notes", json={"title": "kept"})
    client.close()
    with TestClient(notes.app) as other:
        assert other.get("/api/notes").json()["total"] == 1
