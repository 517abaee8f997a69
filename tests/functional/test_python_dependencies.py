"""What is injected, and what `Depends` makes: nested, once for each request, cleaned up behind the response."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from conftest import StartServer

from server_process import RoostServer

MODULE = """
import asyncio
import contextvars
from typing import Annotated

from roost import App, Depends, Request, SubRouter
from roost.responses import StreamingResponse

app = App(__file__)
sub = SubRouter("/sub")
diary = []
current = contextvars.ContextVar("current", default="nobody")


class Database:
    name = "database"


class Cache:
    name = "cache"


app.inject_global(database=Database(), shared="everywhere")
app.inject(own="the application's")
sub.inject(own="the router's")


@app.startup_handler
def start():
    app.inject_global(late=Cache(), later="at start")


@app.get("/injected")
def injected(database: Database, shared, own, late: Cache, later: str, global_dependencies, router_dependencies):
    return [database.name, shared, own, late.name, later, sorted(global_dependencies), sorted(router_dependencies)]


@app.get("/not-by-the-client")
def not_by_the_client(shared: str = "no"):
    return {"shared": shared}


@sub.get("/injected")
async def injected_below(own, shared):
    return [own, shared]


app.include_router(sub)


@app.get("/diary")
def read_diary():
    told = list(diary)
    diary.clear()
    return told


class User:
    def __init__(self, request: Request, name: str = "guest"):
        diary.append("user")
        self.name = name
        self.agent = request.headers["user-agent"]


def session():
    diary.append("open")
    try:
        yield "session"
        diary.append("commit")
    except ValueError as error:
        diary.append(f"rollback {error}")
        raise
    finally:
        diary.append("close")


async def channel(session: Annotated[str, Depends(session)]):
    diary.append("open channel")
    await asyncio.sleep(0)
    try:
        yield f"channel of {session}"
    finally:
        await asyncio.sleep(0)
        diary.append("close channel")


async def token(limit: int = 3):
    await asyncio.sleep(0)
    current.set("somebody")
    return limit


def tired():
    yield
    raise RuntimeError("clean-up failed")


def swallows():
    try:
        yield
    except ValueError:
        diary.append("swallowed")


class Callable_:
    def __call__(self, q: str = "none"):
        return q


callable_ = Callable_()


@app.get("/plain/:id")
def plain(id: int, user: Annotated[User, Depends()], again: User = Depends(User), session=Depends(session)):
    diary.append("handler")
    return {"id": id, "user": user.name, "same": user is again, "session": session}


@app.get("/finished", status_code=201)
def finished(session=Depends(session)):
    return {"session": session}


@app.get("/later")
async def later(channel: Annotated[str, Depends(channel)], session=Depends(session), limit: int = Depends(token)):
    diary.append("handler")
    return [channel, session, limit, current.get()]


@app.get("/streamed")
def streamed(session=Depends(session)):
    def pieces():
        diary.append("first")
        yield session
        diary.append("last")

    return StreamingResponse(pieces(), media_type="text/plain")


@app.get("/streamed/later")
async def streamed_later(channel=Depends(channel), plain: bool = False):
    def pieces():
        diary.append("first")
        yield channel
        diary.append("last")

    async def pieces_later():
        for piece in pieces():
            await asyncio.sleep(0)
            yield piece

    return StreamingResponse(pieces() if plain else pieces_later(), media_type="text/plain")


@app.get("/mixed")
def mixed(limit: int = Depends(token), q: str = Depends(callable_)):
    return [limit, q, current.get()]


@app.get("/fails/plain")
def fails_plain(session=Depends(session)):
    raise ValueError("plain")


@app.get("/fails/later")
async def fails_later(channel=Depends(channel)):
    raise ValueError("later")


@app.get("/fails/unserialisable")
def unserialisable(session=Depends(session)):
    return object


@app.get("/fails/clean-up")
def clean_up(_=Depends(tired)):
    return "done"


@app.get("/fails/swallowed")
def swallowed(_=Depends(swallows)):
    raise ValueError("kept")


@app.get("/fails/parameter/:id")
def parameter(id: int, session=Depends(session)):
    return "never"


fresh_count = 0


def fresh():
    global fresh_count
    fresh_count += 1
    return fresh_count


@app.get("/fresh")
def twice(a=Depends(fresh), b=Depends(fresh, use_cache=False), c=Depends(fresh)):
    return {"cached": a == c, "fresh": a != b}


def replaced():
    return "the real one"


def fake(name: str = "fake"):
    return name


@app.get("/overridden")
def overridden(value=Depends(replaced)):
    return value


async def single(session=Depends(session), limit: int = Depends(token)):
    return [session, limit]
"""

YAML = """
server: { listen: "127.0.0.1:0" }
python: { venv: "${ROOST_VENV}", path: [.] }
routes:
  - { path: /, python: needs:app }
  - { path: /single, python: needs:single }
"""


@pytest.fixture(scope="module")
def server(module_server: StartServer) -> RoostServer:
    return module_server(YAML, files={"needs.py": MODULE})


@pytest.fixture
def client(server: RoostServer) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server.url, timeout=60, headers={"User-Agent": "test"}) as client:
        client.get("/diary")
        yield client


def diary(client: httpx.Client) -> list[str]:
    told: list[str] = client.get("/diary").json()
    return told


def test_values_are_injected_by_name(client: httpx.Client) -> None:
    found = client.get("/injected").json()
    assert found[:5] == ["database", "everywhere", "the application's", "cache", "at start"]
    assert found[5:] == [["database", "late", "later", "shared"], ["own"]]
    assert client.get("/sub/injected").json() == ["the router's", "everywhere"]


def test_client_cannot_replace_what_is_injected(client: httpx.Client) -> None:
    assert client.get("/not-by-the-client?shared=mine").json() == {"shared": "everywhere"}
    assert client.get("/injected?later=mine").json()[4] == "at start"


def test_plain_dependencies_are_made_once_and_cleaned_up(client: httpx.Client) -> None:
    response = client.get("/plain/7?name=me")
    assert response.json() == {"id": 7, "user": "me", "same": True, "session": "session"}
    assert diary(client) == ["user", "open", "handler", "commit", "close"]


def test_status_code_is_kept_with_clean_up(client: httpx.Client) -> None:
    response = client.get("/finished")
    assert (response.status_code, response.json()) == (201, {"session": "session"})
    assert diary(client) == ["open", "commit", "close"]


def test_asynchronous_dependencies_nest_and_share_the_context(client: httpx.Client) -> None:
    assert client.get("/later?limit=9").json() == ["channel of session", "session", 9, "somebody"]
    assert diary(client) == ["open", "open channel", "handler", "close channel", "commit", "close"]


@pytest.mark.parametrize(
    ("path", "text", "want"),
    [
        ("/streamed", "session", ["open", "first", "last", "commit", "close"]),
        (
            "/streamed/later",
            "channel of session",
            ["open", "open channel", "first", "last", "close channel", "commit", "close"],
        ),
        (
            "/streamed/later?plain=yes",
            "channel of session",
            ["open", "open channel", "first", "last", "close channel", "commit", "close"],
        ),
    ],
)
def test_dependencies_of_a_stream_are_closed_when_it_has_ended(
    client: httpx.Client, path: str, text: str, want: list[str]
) -> None:
    assert client.get(path).text == text
    told: list[str] = []
    while len(told) < len(want):  # the client has its last byte before the server closes the stream
        told += diary(client)
    assert told == want


def test_plain_handler_may_have_asynchronous_dependencies(client: httpx.Client) -> None:
    assert client.get("/mixed?q=x").json() == [3, "x", "somebody"]


@pytest.mark.parametrize(
    ("path", "want"),
    [
        ("/fails/plain", ["open", "rollback plain", "close"]),
        ("/fails/later", ["open", "open channel", "close channel", "rollback later", "close"]),
        ("/fails/unserialisable", ["open", "close"]),
        ("/fails/swallowed", ["swallowed"]),
        ("/fails/clean-up", []),
    ],
)
def test_clean_up_sees_the_error_which_is_answered_500(client: httpx.Client, path: str, want: list[str]) -> None:
    assert client.get(path).status_code == 500
    assert diary(client) == want


def test_parameter_that_does_not_fit_is_still_a_400(client: httpx.Client) -> None:
    assert client.get("/fails/parameter/x").status_code == 400
    told = diary(client)
    assert told in ([], ["open", "close"])
    assert client.get("/later?limit=x").status_code == 400
    assert diary(client)[-1:] == ["close"]


def test_dependency_without_cache_is_called_again(client: httpx.Client) -> None:
    assert client.get("/fresh").json() == {"cached": True, "fresh": True}


def test_function_mounted_from_yaml_has_dependencies(client: httpx.Client) -> None:
    assert client.get("/single?limit=5").json() == ["session", 5]
    assert diary(client) == ["open", "commit", "close"]


def test_dependencies_are_replaced_for_tests(tmp_path: object) -> None:
    from roost.testing import TestClient

    space: dict[str, object] = {"__file__": "needs.py", "__name__": "needs"}
    exec(compile(MODULE, "needs.py", "exec", dont_inherit=True), space)
    app = space["app"]
    with TestClient(app) as client:  # type: ignore[arg-type]
        assert client.get("/overridden").text == "the real one"
        app.dependency_overrides[space["replaced"]] = space["fake"]  # type: ignore[attr-defined]
        assert client.get("/overridden").text == "fake"
        assert client.get("/overridden?name=other").text == "other"
        app.dependency_overrides[space["session"]] = lambda: "fake session"  # type: ignore[attr-defined]
        assert client.get("/plain/1").json()["session"] == "fake session"
        assert client.get("/later").json()[0] == "channel of fake session"
        app.dependency_overrides.clear()  # type: ignore[attr-defined]
        assert client.get("/overridden").text == "the real one"
