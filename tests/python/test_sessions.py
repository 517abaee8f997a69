"""Sessions in signed cookies, in process."""

from __future__ import annotations

from typing import Any

import pytest

pytest.importorskip("roost")

from roost import App, Request
from roost.sessions import SessionManager
from roost.testing import TestClient


def counting(app: App) -> None:
    @app.get("/count")
    def count(request: Request) -> dict[str, Any]:
        request.session["n"] = request.session.get("n", 0) + 1
        request.session.setdefault("list", []).append(request.session["n"])
        return dict(request.session)

    @app.get("/look")
    def look(request: Request) -> Any:
        return request.session.get("list")

    @app.get("/nested")
    async def nested(request: Request) -> str:
        request.session["list"].append("nested")
        return ""

    @app.get("/clear")
    def clear(request: Request) -> str:
        request.session.clear()
        return ""

    app.get("/blind")(lambda: "")


def test_session_is_kept_in_a_signed_cookie(app: App) -> None:
    app.configure_sessions("secret", secure=False)
    counting(app)
    client = TestClient(app)
    first = client.get("/count")
    assert first.json() == {"n": 1, "list": [1]}
    line = first.headers["set-cookie"]
    assert line.startswith("session=")
    assert line.endswith("; Path=/; Max-Age=1209600; HttpOnly; SameSite=Lax")
    assert first.headers["vary"] == "Cookie"
    assert client.get("/count").json() == {"n": 2, "list": [1, 2]}
    look = client.get("/look")
    assert (look.json(), look.headers.get("set-cookie"), look.headers["vary"]) == ([1, 2], None, "Cookie")
    blind = client.get("/blind")
    assert (blind.headers.get("set-cookie"), blind.headers.get("vary")) == (None, None)
    assert "set-cookie" in client.get("/nested").headers
    assert client.get("/look").json() == [1, 2, "nested"]
    assert "Max-Age=0" in client.get("/clear").headers["set-cookie"]
    assert client.get("/look").text == ""


def test_session_of_a_stranger_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    manager = SessionManager("secret", max_age=60)
    good = manager.dumps({"user": "ada"})
    assert manager.loads(good) == {"user": "ada"}
    payload, _, signature = good.partition(".")
    other = SessionManager("other").dumps({"user": "ada"})
    renamed = SessionManager("secret", cookie_name="admin").dumps({"user": "ada"})
    for bad in ("", ".", payload, f"{payload}.", f".{signature}", f"{payload}x.{signature}", other, renamed, "é.é"):
        assert manager.loads(bad) is None, bad
    for i in range(len(good)):
        changed = good[:i] + ("A" if good[i] != "A" else "B") + good[i + 1 :]
        # The last character of a base64 text carries bits that count for nothing.
        assert i in (len(payload) - 1, len(good) - 1) or manager.loads(changed) is None, changed
    import time

    later = time.time() + 61
    monkeypatch.setattr(time, "time", lambda: later)
    assert manager.loads(good) is None


def test_session_keys_are_rotated() -> None:
    old = SessionManager("old")
    both_keys = SessionManager(["new", "old"])
    assert both_keys.loads(old.dumps({"a": 1})) == {"a": 1}
    assert SessionManager("new").loads(both_keys.dumps({"a": 1})) == {"a": 1}
    assert old.loads(both_keys.dumps({"a": 1})) is None


def test_sessions_refuse_what_cannot_work(app: App) -> None:
    for arguments in ({"secret_key": ""}, {"secret_key": []}, {"secret_key": "x", "same_site": "None"}):
        with pytest.raises(ValueError, match=r"secret|same_site"):
            app.configure_sessions(**arguments)  # type: ignore[arg-type]
    app.configure_sessions("x")
    with pytest.raises(RuntimeError):
        app.configure_sessions("x")

    @app.get("/large")
    def large(request: Request) -> str:
        request.session["x"] = "y" * 4096
        return ""

    with pytest.raises(ValueError, match="4096"):
        TestClient(app).get("/large")
